//! Inserting a batch, and taking in what the database made of it.

use std::borrow::Cow;
use std::collections::HashSet;

use sqlx_core::Error as SqlxError;
use sqlx_core::type_info::TypeInfo;

use super::Entities;
use super::memory::Born;
use super::plan::{key_of, number};
use super::statement::{Via, bind_batch, sizes};
use super::tracked::State;
use crate::backend::{Backend, Query};
use crate::entity::{Column, Entity};
use crate::error::Error;
use crate::flush::Failure;
use crate::sql::{Form, Shape};

/// From this many rows on the keys are told from the last one, where `RETURNING` is slow.
const MANY: usize = 16;

/// Those of which this is so, and the others. Most often all are alike, and none is copied.
fn split(slots: &[usize], is_so: impl Fn(&usize) -> bool) -> (Cow<'_, [usize]>, Cow<'_, [usize]>) {
    match slots.iter().filter(|at| is_so(at)).count() {
        0 => (Cow::default(), Cow::Borrowed(slots)),
        so if so == slots.len() => (Cow::Borrowed(slots), Cow::default()),
        _ => {
            let (so, others): (Vec<usize>, Vec<usize>) = slots.iter().copied().partition(is_so);
            (so.into(), others.into())
        }
    }
}

/// The rows of one INSERT: all of them have their keys, or none.
struct Batch {
    columns: Vec<usize>,
    returning: Vec<usize>,
    generated: bool,
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// How many statements the inserts take, at the least.
    pub(super) fn insert_statements(&self, slots: &[usize]) -> usize {
        let has_key = |&&at: &&usize| self.tracked.slot(at).is_some_and(|slot| slot.entity.has_key());
        let keyed = slots.iter().filter(has_key).count();
        [(keyed, false), (slots.len() - keyed, true)]
            .map(|(rows, generated)| self.insert_sizes(rows, generated).len())
            .iter()
            .sum()
    }

    fn insert_sizes(&self, rows: usize, generated: bool) -> Vec<usize> {
        let columns = Self::insert_columns(generated);
        let single = columns.is_empty() || (generated && key_of::<E::Key>(1).is_none());
        if single {
            // Which of several rows a key belongs to is told by its order, which only integers have.
            return vec![1; rows];
        }
        sizes(Self::has_arrays(&columns), rows, columns.len(), DB::MAX_VALUES)
    }

    fn insert_columns(generated: bool) -> Vec<usize> {
        let written = |column: &Column| !(column.is_read_only() || (generated && column.is_generated()));
        Shape::of::<DB, E>().positions(written)
    }

    pub(super) fn has_arrays(columns: &[usize]) -> bool {
        DB::HAS_ARRAYS && !columns.is_empty() && columns.iter().all(|&column| E::has_array(column))
    }

    /// Sets what new entities refer to, as far as it is known, and returns those that wait.
    pub(super) fn resolve_links(&mut self, slots: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let Self { links, tracked, .. } = self;
        if links.is_empty() {
            return (slots.to_vec(), Vec::new());
        }
        slots.iter().copied().partition(|at| {
            let (Some(links), Some(slot)) = (links.get(at), tracked.slot_mut(*at)) else { return true };
            // All of them, to the last one: each may have become known.
            links.iter().filter(|link| !link(&mut slot.entity)).count() == 0
        })
    }

    /// Inserts these, each in the one statement of its size, or in several if they do not fit.
    pub(super) async fn insert_slots(&mut self, slots: &[usize], via: Via) -> Result<(), Failure> {
        self.born.reserve(slots.len());
        self.tracked.reserve_keys(slots.len());
        let has_key = |at: &usize| self.tracked.slot(*at).is_some_and(|slot| slot.entity.has_key());
        let (keyed, unkeyed) = split(slots, has_key);
        for (generated, slots) in [(false, keyed), (true, unkeyed)] {
            let mut rest = &*slots;
            let step = self.ask_step(rest.len(), generated, via).await?;
            for size in self.insert_sizes(rest.len(), generated) {
                let (now, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
                self.insert_batch(now, generated, step, via).await?;
                rest = later;
            }
        }
        Ok(())
    }

    /// The step between generated keys, if it is worth asking for beforehand.
    async fn ask_step(&self, rows: usize, generated: bool, via: Via) -> Result<Option<i64>, Failure> {
        let read_only = E::COLUMNS.iter().any(Column::is_read_only);
        if !DB::RETURNING_IS_SLOW || !generated || read_only || rows < MANY || via == Via::Alone {
            return Ok(None);
        }
        Ok(self.key_step().await?.filter(|step| *step != 0))
    }

    async fn key_step(&self) -> Result<Option<i64>, SqlxError> {
        let Some(text) = DB::key_step(&Shape::of::<DB, E>()) else { return Ok(None) };
        let mut step = None;
        self.session.shared().send(Query::fixed(text), |row| step = DB::first_number(&row).ok()).await?;
        Ok(step)
    }

    async fn insert_batch(
        &mut self,
        slots: &[usize],
        generated: bool,
        step: Option<i64>,
        via: Via,
    ) -> Result<(), Failure> {
        let shape = Shape::of::<DB, E>();
        let columns = Self::insert_columns(generated);
        let read_only = shape.positions(Column::is_read_only);
        let returning: Vec<usize> = match (generated, step) {
            (true, Some(_)) => Vec::new(),
            (false, _) if read_only.is_empty() && !Self::keys_may_differ() => Vec::new(),
            _ => [shape.keys(), read_only].concat(),
        };
        let form = if Self::has_arrays(&columns) { Form::Arrays } else { Form::Rows(slots.len()) };
        let batch = Batch { columns, returning, generated };

        let mut arguments = DB::Arguments::default();
        let entities: Vec<&E> = self.entities_of(slots);
        bind_batch::<E, DB>(form, &[(&batch.columns, &entities)], &mut arguments)?;
        let text = DB::insert_text(&shape, &batch.columns, form, &batch.returning);
        let mut rows = Vec::with_capacity(if batch.returning.is_empty() { 0 } else { slots.len() });
        let result = self.send(via, text, arguments, |row| rows.push(row)).await?;
        self.take_in(slots, &batch, step, result, rows, via).await
    }

    /// Whether a key may be stored otherwise than it is given: a time less exactly, a text padded.
    fn keys_may_differ() -> bool {
        let is_exact = |name: &str| name.contains("INT") || matches!(name, "UUID" | "BYTEA" | "BINARY");
        let type_of = |&key: &usize| E::type_info(key).is_some_and(|info| is_exact(info.name()));
        !DB::KEEPS_VALUES && !Shape::of::<DB, E>().keys().iter().all(type_of)
    }

    pub(super) fn entities_of(&self, slots: &[usize]) -> Vec<&E> {
        slots.iter().filter_map(|&at| Some(&self.tracked.slot(at)?.entity)).collect()
    }

    /// The batch is inserted: its entities get what the database made, and are known by their keys.
    async fn take_in(
        &mut self,
        slots: &[usize],
        batch: &Batch,
        step: Option<i64>,
        result: DB::QueryResult,
        rows: Vec<DB::Row>,
        via: Via,
    ) -> Result<(), Failure> {
        let came = rows.len();
        let (keys, mut in_order) = self.match_rows(slots, batch, rows)?;
        let complete = batch.returning.is_empty() || came == slots.len();
        let keys = match keys {
            Some(keys) => keys,
            None if batch.generated => self.derive_keys(slots.len(), step, &result, came).await?,
            None => slots.iter().filter_map(|&at| Some(self.tracked.slot(at)?.entity.key())).collect(),
        };
        if keys.len() != slots.len() || (came > 0 && !complete) {
            let what = if via == Via::Alone { "; what it inserted is stored" } else { "" };
            let text = format!(
                "INSERT of {} rows of `{}` was answered with {came} rows, so nobody knows which is whose (a trigger or a \
                 rule may have left some out){what}",
                slots.len(),
                E::NAME,
            );
            return Err(Failure::Error(Error::Sqlx(SqlxError::Protocol(text))));
        }
        for (place, (&at, key)) in slots.iter().zip(keys).enumerate() {
            let depth = self.plan.depth;
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            self.born.push(Born::of::<DB>(at, depth, &slot.entity, slot.stored.as_ref()));
            if let Some(row) = in_order.get_mut(place).and_then(Option::take) {
                for (column_at, &column) in batch.returning.iter().enumerate() {
                    slot.entity.read(column, &row, column_at)?;
                }
            }
            slot.entity.set_key(key.clone());
            slot.state = State::Stored;
            self.keys.set(at, &key);
            self.tracked.index_by(at, Some(key));
        }
        if !batch.returning.is_empty() && came == 0 {
            self.read_defaults(slots, batch).await?;
        }
        Ok(())
    }

    /// The rows that came back, each with the entity it belongs to, and their keys; `None` if none came.
    #[expect(clippy::type_complexity, reason = "two lists that belong together for two lines")]
    fn match_rows(
        &self,
        slots: &[usize],
        batch: &Batch,
        rows: Vec<DB::Row>,
    ) -> Result<(Option<Vec<E::Key>>, Vec<Option<DB::Row>>), SqlxError> {
        let Some(mut scratch) = slots.first().and_then(|&at| Some(self.tracked.slot(at)?.entity.snapshot()))
        else {
            return Ok((None, Vec::new()));
        };
        if rows.is_empty() {
            return Ok((None, Vec::new()));
        }
        let keys = Shape::of::<DB, E>().keys().len();
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            for (at, &column) in batch.returning.iter().take(keys).enumerate() {
                scratch.read(column, &row, at)?;
            }
            keyed.push((scratch.key(), Some(row)));
        }
        if batch.generated {
            // The rows may come in any order. Generated numbers ascend in the order in which the values were given.
            keyed.sort_by_key(|(key, _)| number(key));
            let (keys, rows) = keyed.into_iter().unzip();
            return Ok((Some(keys), rows));
        }
        let own = |&at: &usize| self.tracked.slot(at).map(|slot| slot.entity.key());
        let keys: Vec<E::Key> = slots.iter().filter_map(own).collect();
        let stored: HashSet<&E::Key> = keyed.iter().map(|(key, _)| key).collect();
        let in_place = |(given, (came, _)): (&E::Key, &(E::Key, _))| given == came || !stored.contains(given);
        if keys.len() == keyed.len() && keys.iter().zip(&keyed).all(in_place) {
            // In the order in which they were given, be they stored otherwise.
            let (keys, rows) = keyed.into_iter().unzip();
            return Ok((Some(keys), rows));
        }
        let mut by_key: std::collections::HashMap<E::Key, Option<DB::Row>> = keyed.into_iter().collect();
        let rows = keys.iter().map(|key| by_key.get_mut(key).and_then(Option::take)).collect();
        Ok((Some(keys), rows))
    }

    /// The keys of a batch that did not return them.
    async fn derive_keys(
        &self,
        rows: usize,
        step: Option<i64>,
        result: &DB::QueryResult,
        came: usize,
    ) -> Result<Vec<E::Key>, Failure> {
        let step = match step {
            Some(step) => Some(step),
            None if came == 0 && rows > 1 => self.key_step().await?,
            None => Some(1),
        };
        let sound = DB::rows_affected(result) == rows as u64;
        let keys = step.filter(|_| sound).and_then(|step| DB::keys_in_step(result, rows, step));
        Ok(keys.unwrap_or_default().into_iter().filter_map(key_of).collect())
    }

    /// What the database wrote by itself, where INSERT does not return it.
    async fn read_defaults(&mut self, slots: &[usize], batch: &Batch) -> Result<(), Failure> {
        if !batch.returning.iter().any(|&column| Shape::of::<DB, E>().column(column).is_read_only()) {
            return Ok(());
        }
        for chunk in slots.chunks(100) {
            let keys: Vec<E::Key> =
                chunk.iter().filter_map(|&at| self.tracked.slot(at)?.key.clone()).collect();
            for row in self.read_rows(&keys, "").await? {
                let Some(slot) = self.tracked.find(&row.key()).and_then(|at| self.tracked.slot_mut(at))
                else {
                    continue;
                };
                batch.returning.iter().for_each(|&column| slot.entity.copy(column, &row));
            }
        }
        Ok(())
    }
}
