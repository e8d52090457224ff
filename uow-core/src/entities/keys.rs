//! Which of the keys that the database made belongs to which entity.
//!
//! Rows are inserted in the order in which they are given, and most generators count upwards: where the keys come back in
//! ascending order, that is it. A sequence may descend, though, a default may be drawn at random, a trigger have its own mind,
//! and no engine promises the order of what it returns. Then the rows are read again by their keys, and each entity gets the
//! key of a row that holds what it holds. (Of rows that hold the same either will do.)

use std::collections::{HashMap, HashSet};

use sqlx_core::Error as SqlxError;

use super::Entities;
use super::insert::{Batch, Made};
use super::plan::{key_of, number, order};
use super::statement::Via;
use super::step::Told;
use crate::backend::{Backend, Query};
use crate::entity::{Column, ColumnSet, Entity};
use crate::flush::Failure;
use crate::sql::Shape;

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The rows that came back, each for the entity it belongs to.
    pub(super) async fn match_rows(
        &mut self,
        slots: &[usize],
        batch: &Batch,
        rows: Vec<DB::Row>,
        via: Via,
    ) -> Result<Made<E, E::Key, DB::Row>, Failure> {
        let keys = self.returned_keys(slots, batch, &rows)?;
        if ascend(&keys) {
            let rows = if writes_by_itself::<E, DB>() { rows } else { Vec::new() };
            return Ok(Made { keys, rows: rows.into_iter().map(Some).collect(), loaded: Vec::new() });
        }
        let stored = self.read_again(&keys, via).await?;
        match self.in_order(slots, batch, &keys, stored) {
            Some(loaded) => Ok(Made { keys: loaded.iter().map(E::key).collect(), rows: Vec::new(), loaded }),
            None if via == Via::Alone => Err(Failure::Statement(unknown_keys::<E, DB>(slots.len()))),
            // What is stored is not what was given. One row at a time there is nothing to confuse.
            None => {
                self.one_by_one = true;
                Err(Failure::Again)
            }
        }
    }

    /// What was stored of entities that had their keys; in `rows`, if the engine returned any.
    pub(super) async fn match_keys(
        &self,
        slots: &[usize],
        batch: &Batch,
        rows: Vec<DB::Row>,
    ) -> Result<Made<E, E::Key, DB::Row>, Failure> {
        let own: Vec<E::Key> = self.entities_of(slots).into_iter().map(E::key).collect();
        if batch.returning.is_empty() {
            return Ok(Made::keys(own));
        }
        if rows.is_empty() {
            // (An engine that returns no rows sends no INSERT alone, so there is a transaction to read in.)
            let loaded = self.read_stored(&own).await?;
            return Ok(Made { keys: loaded.iter().map(E::key).collect(), rows: Vec::new(), loaded });
        }
        let returned = self.returned_keys(slots, batch, &rows)?;
        let stored: HashSet<&E::Key> = returned.iter().collect();
        let in_place = |(given, came): (&E::Key, &E::Key)| given == came || !stored.contains(given);
        if own.len() == returned.len() && own.iter().zip(&returned).all(in_place) {
            // In the order in which they were given, be they stored otherwise.
            return Ok(Made {
                keys: returned,
                rows: rows.into_iter().map(Some).collect(),
                loaded: Vec::new(),
            });
        }
        let mut by_key: HashMap<E::Key, DB::Row> = returned.into_iter().zip(rows).collect();
        let rows = own.iter().map(|key| by_key.remove(key)).collect();
        Ok(Made { keys: own, rows, loaded: Vec::new() })
    }

    /// The rows with these keys, in their order, however the keys may be written there.
    async fn read_stored(&self, keys: &[E::Key]) -> Result<Vec<E>, Failure> {
        let rows = self.read_again(keys, Via::Transaction).await?;
        let mut by_key: HashMap<E::Key, E> = rows.into_iter().map(|row| (row.key(), row)).collect();
        let mut loaded = Vec::with_capacity(keys.len());
        for key in keys {
            let row = match by_key.remove(key) {
                Some(row) => Some(row),
                None => self.read_row(key, "").await?,
            };
            loaded.push(row.ok_or_else(|| Failure::LeftOut(stored_otherwise::<E, DB>(key)))?);
        }
        Ok(loaded)
    }

    fn returned_keys(
        &self,
        slots: &[usize],
        batch: &Batch,
        rows: &[DB::Row],
    ) -> Result<Vec<E::Key>, SqlxError> {
        let Some(mut scratch) = self.entities_of(slots).first().map(|entity| entity.snapshot()) else {
            return Ok(Vec::new());
        };
        let key_columns = Shape::of::<DB, E>().keys().len();
        let key = |row| {
            for (at, &column) in batch.returning.iter().take(key_columns).enumerate() {
                scratch.read(column, row, at)?;
            }
            Ok(scratch.key())
        };
        rows.iter().map(key).collect()
    }

    /// The rows with these keys as they are stored, in any order.
    async fn read_again(&self, keys: &[E::Key], via: Via) -> Result<Vec<E>, Failure> {
        let most = if Shape::of::<DB, E>().keys().len() == 1 { 1024 } else { 64 };
        let mut stored = Vec::with_capacity(keys.len());
        let mut outcome = Ok(());
        for chunk in keys.chunks(most) {
            // Few sizes, for each is a text to prepare; a key may be looked for twice.
            let mut padded = chunk.to_vec();
            padded.extend(
                chunk.last().cloned().into_iter().cycle().take(chunk.len().next_power_of_two() - chunk.len()),
            );
            match self.read_rows(&padded, "").await {
                Ok(rows) => stored.extend(rows),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        if via == Via::Alone {
            // The unit was idle, and began a transaction to read in.
            self.session.shared().rollback().await?;
        }
        outcome?;
        Ok(stored)
    }

    /// The stored rows, in the order of the entities that they hold the values of. It is most often that in which their keys
    /// came back, or that of their keys.
    fn in_order(&self, slots: &[usize], batch: &Batch, keys: &[E::Key], stored: Vec<E>) -> Option<Vec<E>> {
        let written: ColumnSet = batch.columns.iter().copied().collect();
        let is_of = |row: &E, given: &E| !row.changes(given).meets(written);
        let given = self.entities_of(slots);
        let mut by_key: HashMap<E::Key, E> = stored.into_iter().map(|row| (row.key(), row)).collect();
        let mut rows: Vec<E> = keys.iter().filter_map(|key| by_key.remove(key)).collect();
        if rows.len() != given.len() {
            return None;
        }
        let fit = |rows: &[E]| rows.iter().zip(&given).all(|(row, given)| is_of(row, given));
        if fit(&rows) {
            return Some(rows);
        }
        rows.sort_by_cached_key(|row| order(&row.key()));
        if fit(&rows) {
            return Some(rows);
        }
        for (place, given) in given.iter().enumerate() {
            let found = rows.iter().skip(place).position(|row| is_of(row, given))?;
            rows.swap(place, place + found);
        }
        Some(rows)
    }

    /// The keys of a batch that did not return them, told from one of them and the step between them.
    pub(super) async fn derive_keys(
        &mut self,
        slots: &[usize],
        batch: &Batch,
        told: &Told,
        result: &DB::QueryResult,
    ) -> Result<Made<E, E::Key, DB::Row>, Failure> {
        let rows = slots.len();
        let step = match told {
            Told::InStep(step) => Some(*step),
            _ if rows > 1 => self.ask_step().await?,
            _ => Some(1),
        };
        let Some(step) = step else {
            self.one_by_one = true;
            return Err(Failure::Again);
        };
        let numbers = DB::keys_in_step(result, rows, step).unwrap_or_default();
        let keys: Vec<E::Key> = numbers.iter().copied().filter_map(key_of).collect();
        if keys.len() == rows && !self.one_by_one {
            return Ok(Made::keys(keys));
        }
        // A key of a type of its own; or one that may not be what is told, for a trigger has its hands in it.
        let stored = self.read_numbered(&numbers).await?;
        let keys: Vec<E::Key> = stored.iter().map(E::key).collect();
        match self.in_order(slots, batch, &keys, stored) {
            Some(loaded) => Ok(Made { keys: loaded.iter().map(E::key).collect(), rows: Vec::new(), loaded }),
            None => Err(Failure::Statement(unknown_keys::<E, DB>(rows))),
        }
    }

    /// The rows whose keys are these numbers, in the order of the numbers.
    async fn read_numbered(&self, numbers: &[i64]) -> Result<Vec<E>, SqlxError> {
        let shape = Shape::of::<DB, E>();
        let keys = shape.keys();
        let ([key], false) = (keys.as_slice(), numbers.is_empty()) else { return Ok(Vec::new()) };
        let key = shape.column(*key);
        let mut text = shape.select();
        text.sql(" WHERE ").column(&key).sql(" IN (").list(", ", numbers, |text, number| text.number(number));
        text.sql(") ORDER BY ").column(&key);
        let mut loaded = Vec::with_capacity(numbers.len());
        let each = |row: DB::Row| loaded.push(E::load(&row));
        self.session.shared().send(Query::unprepared(text.finish()), each).await?;
        loaded.into_iter().collect()
    }
}

/// Whether keys are numbers that ascend; one alone always does.
fn ascend<K: 'static>(keys: &[K]) -> bool {
    let mut last = None;
    keys.len() == 1
        || keys.iter().map(number).all(|key| key.is_some() && last.replace(key).is_none_or(|last| last < key))
}

/// Whether there are columns that only the database writes.
fn writes_by_itself<E: Entity<DB>, DB: Backend>() -> bool {
    E::COLUMNS.iter().any(Column::is_read_only)
}

fn stored_otherwise<E: Entity<DB>, DB: Backend>(key: &E::Key) -> SqlxError {
    SqlxError::Protocol(format!(
        "the row {key:?} of `{}` was inserted and is not found by its key, so it is stored otherwise than it was given (cut off, \
         rounded, or changed by a trigger); give a key that the column keeps as it is",
        E::NAME,
    ))
}

fn unknown_keys<E: Entity<DB>, DB: Backend>(rows: usize) -> SqlxError {
    SqlxError::Protocol(format!(
        "{rows} rows of `{}` were inserted, and nobody knows which is whose: their keys do not tell, and what is stored is not \
         what was given (a trigger, a default that is no counter, a column that cuts values off); give the keys beforehand",
        E::NAME,
    ))
}

#[cfg(test)]
mod tests {
    use super::ascend;

    #[test]
    fn only_numbers_in_their_order_ascend() {
        assert!(ascend(&[7_i64]) && ascend(&["x"]) && ascend(&[1, 2, 5]) && ascend::<i64>(&[]));
        assert!(!ascend(&[2, 1]) && !ascend(&[1, 1]) && !ascend(&["a", "b"]));
    }
}
