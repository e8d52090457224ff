//! Updating and deleting in batches, and finding the one row that spoils one.

use std::collections::BTreeMap;

use sqlx_core::Error as SqlxError;

use super::Entities;
use super::sizes::{padded, sizes, sizes_of_cases};
use super::statement::{Via, bind_batch};
use super::tracked::State;
use crate::backend::Backend;
use crate::entity::{Column, ColumnSet, Entity};
use crate::error::Error;
use crate::flush::{Failure, Rows, Step};
use crate::sql::{Form, Shape};

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// Does one step of the flush.
    pub(super) async fn step(&mut self, step: Step, via: Via) -> Result<(), Failure> {
        match step {
            Step::Delete => {
                let deletes = Rows::Delete(self.plan.deletes.clone());
                self.write(&deletes, via).await
            }
            Step::Write => {
                let (ready, waiting) = self.begin_inserts();
                self.write(&Rows::Insert(ready), via).await?;
                self.write_waiting(waiting, via).await?;
                self.write(&Rows::Offer(self.plan.offers.clone()), via).await?;
                for (columns, slots) in self.plan.updates.clone() {
                    self.write(&Rows::Update(columns, slots), via).await?;
                }
                self.write_linked(via).await
            }
        }
    }

    /// What such a step writes, to be written carefully.
    pub(super) fn rows(&mut self, step: Step) -> Vec<Rows> {
        match step {
            Step::Delete => vec![Rows::Delete(self.plan.deletes.clone())],
            Step::Write => {
                let (mut ready, waiting) = self.begin_inserts();
                // Given keys first, as in one batch: a key that is generated may be the next given one.
                ready.sort_by_key(|at| !self.tracked.slot(*at).is_some_and(|slot| slot.entity.has_key()));
                let updates = self.waves().into_iter().map(|(columns, slots)| Rows::Update(columns, slots));
                let last = [Rows::Insert(waiting), Rows::Linked(self.plan.linked.clone())];
                [Rows::Insert(ready), Rows::Offer(self.plan.offers.clone())]
                    .into_iter()
                    .chain(updates)
                    .chain(last)
                    .collect()
            }
        }
    }

    /// Those of the rows whose references are known, and those that wait for others.
    pub(super) fn ready(&mut self, rows: Rows) -> (Rows, Rows) {
        match rows {
            Rows::Insert(slots) => {
                let (ready, waiting) = self.resolve_links(&slots);
                (Rows::Insert(ready), Rows::Insert(waiting))
            }
            Rows::Linked(slots) => {
                let (ready, waiting) = self.resolve_successors(&slots);
                (Rows::Linked(ready), Rows::Linked(waiting))
            }
            rows => (rows, Rows::Insert(Vec::new())),
        }
    }

    /// Those new entities whose references are known, and those that wait for others of this same type.
    fn begin_inserts(&mut self) -> (Vec<usize>, Vec<usize>) {
        let inserts = self.plan.inserts.clone();
        let read_only = E::COLUMNS.iter().any(Column::is_read_only);
        // More than the key is about to be written into these, and taken back if the flush fails.
        for &at in &inserts {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            if read_only || slot.linked {
                slot.stored = Some(slot.entity.snapshot());
            }
        }
        self.resolve_links(&inserts)
    }

    async fn write_waiting(&mut self, mut waiting: Vec<usize>, via: Via) -> Result<(), Failure> {
        while !waiting.is_empty() {
            let (ready, later) = self.resolve_links(&waiting);
            if ready.is_empty() {
                return Err(Failure::Error(Error::ParentNotStored { entity: E::NAME }));
            }
            self.write(&Rows::Insert(ready), via).await?;
            waiting = later;
        }
        Ok(())
    }

    /// What refers to something that was new: all of that is known by now.
    async fn write_linked(&mut self, via: Via) -> Result<(), Failure> {
        let (ready, waiting) = self.resolve_successors(&self.plan.linked.clone());
        if !waiting.is_empty() {
            return Err(Failure::Error(Error::ParentNotStored { entity: E::NAME }));
        }
        self.write(&Rows::Linked(ready), via).await
    }

    /// Writes rows in a scope of their own: if that fails, nothing was done.
    pub(super) async fn write_in_scope(&mut self, rows: &Rows) -> Result<(), Failure> {
        let depth = self.session.shared().open_scope()?;
        let outcome = self.write(rows, Via::Transaction).await;
        let shared = self.session.shared();
        match outcome {
            Ok(()) => Ok(shared.release_scope(depth).await?),
            Err(failure) => {
                shared.undo_scope(depth).await?;
                if let Rows::Insert(slots) = rows {
                    self.take_back(slots);
                    self.resolve_links(slots);
                }
                Err(failure)
            }
        }
    }

    /// The error of a statement with one row, with the entity's name.
    pub(super) fn named(&self, rows: &Rows, error: SqlxError) -> Error {
        let slot = rows.slots().first().and_then(|&at| self.tracked.slot(at));
        let key = match slot {
            Some(slot) => match &slot.key {
                Some(key) => format!("{key:?}"),
                None if slot.state == State::Offered && slot.entity.has_key() => {
                    format!("{:?}", slot.entity.key())
                }
                None => {
                    let place =
                        self.plan.inserts.iter().position(|at| rows.slots().contains(at)).unwrap_or(0);
                    format!("(new, number {} of those added)", place + 1)
                }
            },
            None => String::new(),
        };
        let during = match rows {
            Rows::Insert(_) | Rows::Offer(_) => "inserted",
            Rows::Update(..) | Rows::Linked(_) => "updated",
            Rows::Delete(_) => "deleted",
        };
        Error::NotStored { entity: E::NAME, key, during, source: error }
    }

    async fn write(&mut self, rows: &Rows, via: Via) -> Result<(), Failure> {
        let written = match rows {
            Rows::Insert(slots) => self.insert_slots(slots, via).await,
            Rows::Offer(slots) => self.offer_slots(slots, via).await,
            Rows::Update(columns, slots) => self.update_slots(*columns, slots, via).await,
            Rows::Linked(slots) => self.update_linked(slots, via).await,
            Rows::Delete(slots) => self.delete_slots(slots, via).await,
        };
        match written {
            Err(Failure::Statement(error @ SqlxError::Encode(_))) => {
                Err(Failure::Error(self.not_encoded(rows, error)))
            }
            written => written,
        }
    }

    /// A value could not be written into a statement, which was not sent: whose it is, is tried out.
    fn not_encoded(&self, rows: &Rows, error: SqlxError) -> Error {
        let columns = match rows {
            Rows::Insert(_) | Rows::Offer(_) => ColumnSet::of(E::COLUMNS, |column| !column.is_read_only()),
            Rows::Update(columns, _) => *columns,
            Rows::Linked(_) => ColumnSet::of(E::COLUMNS, |_| true),
            Rows::Delete(_) => ColumnSet::of(E::COLUMNS, Column::is_key),
        };
        let columns: Vec<usize> = columns.iter().collect();
        for &at in rows.slots() {
            let entity = self.entities_of(&[at]);
            let bound =
                bind_batch::<E, DB>(Form::Rows(1), &[(&columns, &entity)], &mut DB::Arguments::default());
            if let Err(error) = bound {
                return self.named(&rows.with(&[at]), error);
            }
        }
        self.named(rows, error)
    }

    /// Updates rows that refer to something that was new, by the columns that change in them by that and otherwise.
    async fn update_linked(&mut self, slots: &[usize], via: Via) -> Result<(), Failure> {
        let mut updates: BTreeMap<ColumnSet, Vec<usize>> = BTreeMap::new();
        for &at in slots {
            updates.entry(self.changes_of(at)).or_default().push(at);
        }
        for (columns, slots) in updates {
            if !columns.is_empty() {
                self.update_slots(columns, &slots, via).await?;
            }
        }
        Ok(())
    }

    async fn update_slots(&mut self, changed: ColumnSet, slots: &[usize], via: Via) -> Result<(), Failure> {
        let shape = Shape::of::<DB, E>();
        let raised = shape.version().filter(|version| !changed.contains(*version));
        let identity = shape.identity();
        let with_version: Vec<usize> = changed.iter().chain(raised).collect();
        let by_case: Vec<usize> = changed.iter().collect();
        let arrays = Self::has_arrays(&[identity.as_slice(), &with_version].concat());
        let sizes = if DB::UPDATES_BY_CASE {
            // What is assigned to a column is seen by the next one's `CASE`, which looks for the key.
            let moves = changed.meets(ColumnSet::of(E::COLUMNS, Column::is_key));
            let values_of_one = by_case.len() * (shape.keys().len() + 1) + identity.len();
            if moves {
                vec![1; slots.len()]
            } else {
                sizes_of_cases(slots.len(), values_of_one, DB::MAX_VALUES)
            }
        } else {
            sizes(arrays, slots.len(), identity.len() + with_version.len(), DB::MAX_VALUES)
        };
        // (By `CASE`, the key stands before each of the values.)
        let values = || [identity.as_slice(), &with_version, &shape.keys().repeat(by_case.len())].concat();
        let mut rest = slots;
        for size in self.within_a_message(sizes, slots, values) {
            let (now, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            self.plan.updated.push((changed, now.to_vec()));
            self.raise_versions(changed, now);
            let mut rows = now.to_vec();
            let mut columns = &with_version;
            if DB::UPDATES_BY_CASE && now.len() > 1 {
                // The version is counted up by the statement itself; and a row may stand in it twice.
                columns = &by_case;
                rows.resize(padded(now.len()), now.last().copied().unwrap_or_default());
            }
            let form = if arrays { Form::Arrays } else { Form::Rows(rows.len()) };
            let mut arguments = DB::Arguments::default();
            self.bind_update(&shape, columns, &rows, form, &mut arguments)?;
            let text = DB::update_text(&shape, columns, form);
            let result = self.send(via, text, arguments, drop).await?;
            if DB::rows_affected(&result) != now.len() as u64 {
                return Err(Failure::Stale);
            }
            rest = later;
        }
        Ok(())
    }

    fn bind_update(
        &self,
        shape: &Shape,
        columns: &[usize],
        slots: &[usize],
        form: Form,
        arguments: &mut DB::Arguments,
    ) -> Result<(), SqlxError> {
        let (keys, identity) = (shape.keys(), shape.identity());
        let (now, stored) = (self.entities_of(slots), self.stored_of(slots));
        if form == Form::Rows(1) {
            return bind_batch::<E, DB>(form, &[(columns, &now), (&identity, &stored)], arguments);
        }
        if !DB::UPDATES_BY_CASE {
            return bind_batch::<E, DB>(form, &[(&identity, &stored), (columns, &now)], arguments);
        }
        for &column in columns {
            bind_batch::<E, DB>(form, &[(&keys, &stored), (&[column], &now)], arguments)?;
        }
        bind_batch::<E, DB>(form, &[(&identity, &stored)], arguments)
    }

    async fn delete_slots(&mut self, slots: &[usize], via: Via) -> Result<(), Failure> {
        let shape = Shape::of::<DB, E>();
        let identity = shape.identity();
        let arrays = Self::has_arrays(&identity);
        let mut rest = slots;
        for size in sizes(arrays, slots.len(), identity.len(), DB::MAX_VALUES) {
            let (now, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            let form = if arrays { Form::Arrays } else { Form::Rows(now.len()) };
            let mut arguments = DB::Arguments::default();
            bind_batch::<E, DB>(form, &[(&identity, &self.stored_of(now))], &mut arguments)?;
            let result = self.send(via, DB::delete_text(&shape, form), arguments, drop).await?;
            let gone = DB::rows_affected(&result) != now.len() as u64;
            if gone && shape.version().is_some() && !(self.plan.checked && self.are_gone(now).await?) {
                return Err(Failure::Stale);
            }
            if gone {
                tracing::warn!(entity = E::NAME, "rows that were to be deleted were gone already");
            }
            rest = later;
        }
        self.plan.deleted.extend_from_slice(slots);
        Ok(())
    }

    /// Whether none of these rows is there any more.
    async fn are_gone(&self, slots: &[usize]) -> Result<bool, Error> {
        let keys: Vec<E::Key> = self.stored_of(slots).into_iter().map(E::key).collect();
        Ok(self.read_rows(&keys, "").await?.is_empty())
    }

    fn stored_of(&self, slots: &[usize]) -> Vec<&E> {
        slots.iter().filter_map(|&at| Some(self.tracked.slot(at)?.as_stored())).collect()
    }

    /// The version that will be stored; one that the application chose itself stays.
    fn raise_versions(&mut self, changed: ColumnSet, slots: &[usize]) {
        let Some(version) = Shape::of::<DB, E>().version().filter(|version| !changed.contains(*version))
        else {
            return;
        };
        for &at in slots {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            if let Some(stored) = &slot.stored {
                slot.entity.copy(version, stored);
                slot.entity.raise_version();
            }
        }
    }

    /// The version as it is stored, where the update that raised it was undone.
    pub(super) fn lower_versions(&mut self, changed: ColumnSet, slots: &[usize]) {
        let Some(version) = Shape::of::<DB, E>().version().filter(|version| !changed.contains(*version))
        else {
            return;
        };
        for &at in slots {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            if let Some(stored) = &slot.stored {
                slot.entity.copy(version, stored);
            }
        }
    }
}
