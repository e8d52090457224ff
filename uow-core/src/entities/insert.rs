//! Inserting a batch, and taking in what the database made of it.

use std::borrow::Cow;

use sqlx_core::Error as SqlxError;
use sqlx_core::type_info::TypeInfo;

use super::Entities;
use super::plan::key_of;
use super::sizes::sizes;
use super::statement::{Via, bind_batch};
use super::step::Told;
use super::tracked::State;
use crate::backend::Backend;
use crate::entity::{Column, Entity};
use crate::error::Error;
use crate::flush::Failure;
use crate::sql::{Form, Shape};

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
pub(super) struct Batch {
    pub(super) columns: Vec<usize>,
    /// The key, and what only the database writes.
    pub(super) returning: Vec<usize>,
    pub(super) generated: bool,
}

/// What the database made of a batch, in the order of its entities: their keys, and what it wrote by itself, be it in the rows
/// that came back or read again.
pub(super) struct Made<E, K, R> {
    pub(super) keys: Vec<K>,
    pub(super) rows: Vec<Option<R>>,
    pub(super) loaded: Vec<E>,
}

impl<E, K, R> Made<E, K, R> {
    pub(super) fn keys(keys: Vec<K>) -> Self {
        Self { keys, rows: Vec::new(), loaded: Vec::new() }
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// How many statements the inserts take, at the least.
    pub(super) fn insert_statements(&self, slots: &[usize]) -> usize {
        let has_key = |&&at: &&usize| self.tracked.slot(at).is_some_and(|slot| slot.entity.has_key());
        let keyed = slots.iter().filter(has_key).count();
        let generated = slots.len() - keyed;
        // Keys whose order tells nothing are read again, and whose they are is seen by what is stored with them.
        let again = usize::from(generated > 1 && key_of::<E::Key>(1).is_none());
        // (The question in front of it makes one INSERT no single statement; nor may it go alone once the answer was no.)
        let asks = usize::from(self.may_ask(generated, true));
        self.insert_sizes(keyed, false).len() + asks + self.insert_sizes(generated, true).len() + again
    }

    fn insert_sizes(&self, rows: usize, generated: bool) -> Vec<usize> {
        let columns = Self::insert_columns(generated);
        if columns.is_empty() || (generated && self.one_by_one) {
            return vec![1; rows];
        }
        sizes(Self::has_arrays(&columns), rows, columns.len(), DB::MAX_VALUES)
    }

    pub(super) fn insert_columns(generated: bool) -> Vec<usize> {
        let written = |column: &Column| !(column.is_read_only() || (generated && column.is_generated()));
        Shape::of::<DB, E>().positions(written)
    }

    pub(super) fn has_arrays(columns: &[usize]) -> bool {
        DB::HAS_ARRAYS && !columns.is_empty() && columns.iter().all(|&column| E::has_array(column))
    }

    /// Inserts these, each in the one statement of its size, or in several if they do not fit.
    pub(super) async fn insert_slots(&mut self, slots: &[usize], via: Via) -> Result<(), Failure> {
        self.tracked.reserve_keys(slots.len());
        let has_key = |at: &usize| self.tracked.slot(*at).is_some_and(|slot| slot.entity.has_key());
        let (keyed, unkeyed) = split(slots, has_key);
        for (generated, slots) in [(false, keyed), (true, unkeyed)] {
            let mut rest = &*slots;
            let mut told = self.told(rest.len(), generated);
            let sizes = self.insert_sizes(slots.len(), generated);
            for size in self.within_a_message(sizes, &slots, || Self::insert_columns(generated)) {
                let (now, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
                told = self.insert_batch(now, generated, told, via).await?;
                rest = later;
            }
        }
        Ok(())
    }

    /// Inserts these in one statement, and says how the keys of the next ones are told.
    async fn insert_batch(
        &mut self,
        slots: &[usize],
        generated: bool,
        told: Told,
        via: Via,
    ) -> Result<Told, Failure> {
        let shape = Shape::of::<DB, E>();
        let columns = Self::insert_columns(generated);
        let read_only = shape.positions(Column::is_read_only);
        let returning: Vec<usize> = match (generated, &told) {
            (true, Told::Asking(_) | Told::InStep(_)) => Vec::new(),
            (false, _) if read_only.is_empty() && !Self::keys_may_differ() => Vec::new(),
            _ => [shape.keys(), read_only].concat(),
        };
        let form = if Self::has_arrays(&columns) { Form::Arrays } else { Form::Rows(slots.len()) };
        let batch = Batch { columns, returning, generated };

        let mut arguments = DB::Arguments::default();
        let entities: Vec<&E> = self.entities_of(slots);
        bind_batch::<E, DB>(form, &[(&batch.columns, &entities)], &mut arguments)?;
        let insert = DB::insert_text(&shape, &batch.columns, form, &batch.returning);
        let text = match &told {
            Told::Asking(question) => format!("{question}; {insert}"),
            _ => insert,
        };
        let mut rows = Vec::with_capacity(if batch.returning.is_empty() { 0 } else { slots.len() });
        let result = self.send(via, text, arguments, |row| rows.push(row)).await?;
        let told = match told {
            Told::Asking(_) => Self::answered(rows.pop())?,
            told => told,
        };
        let taken_in = self.take_in(slots, &batch, &told, &result, rows, via).await;
        match taken_in {
            // It is stored, whatever became of its answer.
            Err(failure) if via == Via::Alone => {
                let error = SqlxError::from(Error::from(failure));
                Err(Failure::Error(self.session.shared().end_early(&error)))
            }
            taken_in => taken_in.map(|()| told),
        }
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
        told: &Told,
        result: &DB::QueryResult,
        rows: Vec<DB::Row>,
        via: Via,
    ) -> Result<(), Failure> {
        let returned = !rows.is_empty();
        // (Not every engine counts the rows that it returns as affected.)
        let stored = if returned { rows.len() as u64 } else { DB::rows_affected(result) };
        if stored < slots.len() as u64 || (returned && rows.len() != slots.len()) {
            return Err(Failure::LeftOut(left_out::<E, DB>(slots.len(), stored)));
        }
        let mut made = match (batch.generated, returned) {
            (true, true) => self.match_rows(slots, batch, rows, via).await?,
            (true, false) => self.derive_keys(slots, batch, told, result).await?,
            (false, _) => self.match_keys(slots, batch, rows).await?,
        };
        for (place, (&at, key)) in slots.iter().zip(made.keys).enumerate() {
            self.note_birth(at);
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            if let Some(row) = made.rows.get_mut(place).and_then(Option::take) {
                for (column_at, &column) in batch.returning.iter().enumerate() {
                    slot.entity.read(column, &row, column_at)?;
                }
            }
            if let Some(loaded) = made.loaded.get(place) {
                batch.returning.iter().for_each(|&column| slot.entity.copy(column, loaded));
            }
            slot.entity.set_key(key.clone());
            slot.state = State::Stored;
            self.keys.set(at, &key);
            self.tracked.index_by(at, Some(key));
        }
        if batch.generated && !batch.returning.is_empty() && !returned {
            self.read_defaults(slots, batch).await?;
        }
        Ok(())
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

/// The database inserted fewer rows than it was told to.
fn left_out<E: Entity<DB>, DB: Backend>(rows: usize, stored: u64) -> SqlxError {
    SqlxError::Protocol(format!(
        "INSERT of {rows} rows of `{}` was answered with {stored} rows (a trigger, a rule or an ON CONFLICT clause of the \
         table may have left some out)",
        E::NAME,
    ))
}
