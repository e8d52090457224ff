//! Updating and deleting in batches, and finding the one row that spoils one.

use sqlx_core::Error as SqlxError;

use super::Entities;
use super::statement::{Via, bind_batch, sizes};
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
                let deletes = self.plan.deletes.clone();
                self.delete_slots(&deletes, via).await
            }
            Step::Write => {
                let (ready, waiting) = self.begin_inserts();
                self.insert_slots(&ready, via).await?;
                self.write_waiting(waiting, via).await?;
                for (columns, slots) in self.plan.updates.clone() {
                    self.update_slots(columns, &slots, via).await?;
                }
                Ok(())
            }
        }
    }

    /// What such a step writes, to be written carefully.
    pub(super) fn rows(&mut self, step: Step) -> Vec<Rows> {
        match step {
            Step::Delete => vec![Rows::Delete(self.plan.deletes.clone())],
            Step::Write => {
                let (ready, waiting) = self.begin_inserts();
                let updates = self.plan.updates.iter();
                let updates = updates.map(|(columns, slots)| Rows::Update(*columns, slots.clone()));
                [Rows::Insert(ready)].into_iter().chain(updates).chain([Rows::Insert(waiting)]).collect()
            }
        }
    }

    /// Those new entities whose references are known, and those that wait for others of this same type.
    fn begin_inserts(&mut self) -> (Vec<usize>, Vec<usize>) {
        let inserts = self.plan.inserts.clone();
        let read_only = E::COLUMNS.iter().any(Column::is_read_only);
        // More than the key is about to be written into these, and taken back if the flush fails.
        for &at in inserts.iter().filter(|at| read_only || self.links.contains_key(at)) {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            slot.stored = Some(slot.entity.snapshot());
        }
        self.resolve_links(&inserts)
    }

    async fn write_waiting(&mut self, mut waiting: Vec<usize>, via: Via) -> Result<(), Failure> {
        while !waiting.is_empty() {
            let (ready, later) = self.resolve_links(&waiting);
            if ready.is_empty() {
                return Err(Failure::Error(Error::ParentNotStored { entity: E::NAME }));
            }
            self.insert_slots(&ready, via).await?;
            waiting = later;
        }
        Ok(())
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
                None => {
                    let place =
                        self.plan.inserts.iter().position(|at| rows.slots().contains(at)).unwrap_or(0);
                    format!("(new, number {} of those added)", place + 1)
                }
            },
            None => String::new(),
        };
        let during = match rows {
            Rows::Insert(_) => "inserted",
            Rows::Update(..) => "updated",
            Rows::Delete(_) => "deleted",
        };
        Error::NotStored { entity: E::NAME, key, during, source: error }
    }

    async fn write(&mut self, rows: &Rows, via: Via) -> Result<(), Failure> {
        match rows {
            Rows::Insert(slots) => self.insert_slots(slots, via).await,
            Rows::Update(columns, slots) => self.update_slots(*columns, slots, via).await,
            Rows::Delete(slots) => self.delete_slots(slots, via).await,
        }
    }

    async fn update_slots(&mut self, changed: ColumnSet, slots: &[usize], via: Via) -> Result<(), Failure> {
        let shape = Shape::of::<DB, E>();
        let raised = shape.version().filter(|version| !changed.contains(*version));
        let identity = shape.identity();
        let mut columns: Vec<usize> = changed.iter().chain(raised).collect();
        let arrays = Self::has_arrays(&[identity.as_slice(), &columns].concat());
        let sizes = if DB::UPDATES_BY_CASE {
            // What is assigned to a column is seen by the next one's `CASE`, which looks for the key.
            let moves = changed.meets(ColumnSet::of(E::COLUMNS, Column::is_key));
            if moves { vec![1; slots.len()] } else { sizes_of_cases(slots.len()) }
        } else {
            sizes(arrays, slots.len(), identity.len() + columns.len(), DB::MAX_VALUES)
        };
        let mut rest = slots;
        for size in sizes {
            let (now, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            self.plan.updated.push((changed, now.to_vec()));
            self.raise_versions(changed, now);
            let mut rows = now.to_vec();
            if DB::UPDATES_BY_CASE && now.len() > 1 {
                // The version is counted up by the statement itself; and a row may stand in it twice.
                columns = changed.iter().collect();
                rows.resize(padded(now.len()), now.last().copied().unwrap_or_default());
            }
            let form = if arrays { Form::Arrays } else { Form::Rows(rows.len()) };
            let mut arguments = DB::Arguments::default();
            self.bind_update(&shape, &columns, &rows, form, &mut arguments)?;
            let text = DB::update_text(&shape, &columns, form);
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

    fn lower_versions(&mut self, changed: ColumnSet, slots: &[usize]) {
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

    /// The flush was done: memory says so.
    pub(super) fn settle(&mut self) {
        let plan = std::mem::take(&mut self.plan);
        // All of the inserts: had one not been written, the flush would have failed.
        for at in plan.inserts {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            slot.stored = None;
            slot.as_written = true;
            if !self.links.is_empty() {
                self.links.remove(&at);
            }
        }
        for at in plan.updated.into_iter().flat_map(|(_, slots)| slots) {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            let Some(stored) = &mut slot.stored else { continue };
            slot.as_written = true;
            slot.entity.changes(stored).iter().for_each(|column| stored.copy(column, &slot.entity));
            let key = slot.entity.key();
            if slot.key.as_ref() != Some(&key) {
                self.tracked.index_by(at, Some(key));
            }
        }
        for at in plan.deleted {
            self.tracked.index_by(at, None);
            if let Some(slot) = self.tracked.slot_mut(at) {
                slot.state = State::Gone;
            }
        }
    }

    /// The flush was undone: memory is as it was before it.
    pub(super) fn unsettle(&mut self) {
        let plan = std::mem::take(&mut self.plan);
        let born = if plan.inserts.is_empty() {
            Vec::new()
        } else {
            self.born.split_off(plan.born_before.min(self.born.len()))
        };
        for born in born {
            let at = born.slot();
            self.keys.forget(at);
            if let Some(slot) = self.tracked.slot_mut(at) {
                slot.state = State::New;
                slot.stored = None;
                born.undo(&mut slot.entity);
            }
        }
        for at in plan.inserts {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            // One that was not inserted yet, but given what it refers to.
            if let Some(before) = slot.stored.take() {
                super::tracked::copy_all::<E, DB>(&mut slot.entity, &before);
            }
            let key = slot.entity.has_key().then(|| slot.entity.key());
            self.tracked.index_by(at, key);
        }
        for (changed, slots) in plan.updated {
            self.lower_versions(changed, &slots);
        }
    }
}

/// Each row is looked at once for each row: not too many of them.
fn sizes_of_cases(rows: usize) -> Vec<usize> {
    const MOST: usize = 128;
    let full = vec![MOST; rows / MOST];
    full.into_iter().chain([rows % MOST].into_iter().filter(|rest| *rest > 0)).collect()
}

/// Few sizes, for each is a text to prepare.
fn padded(rows: usize) -> usize {
    if rows < 16 { rows.next_power_of_two() } else { rows.next_multiple_of(16) }
}
