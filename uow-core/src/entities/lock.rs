//! Rows that are locked: what is taken over from them, and which of them are a conflict.

use std::sync::Arc;

use super::Entities;
use super::conflict::stale_row;
use super::tracked::State;
use crate::backend::Backend;
use crate::entity::{Column, ColumnSet, Entity};
use crate::error::{Conflict, Error, StaleRow};

/// What a locking read does about a row that somebody else has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lock {
    /// Wait for it.
    Wait,
    /// Fail at once. (On SQLite an [`Error::Unsupported`].)
    NoWait,
    /// Leave it out: what a queue of jobs wants. (On SQLite an [`Error::Unsupported`].)
    SkipLocked,
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The entity with this key, its row locked until the end of the transaction. Always sends a statement; on SQLite, where
    /// the transaction has locked the whole database, that reads the row again.
    ///
    /// What was not changed here is as it is stored then. `None` if there is no such row, if it was removed in this unit,
    /// or, with [`Lock::SkipLocked`], if somebody else has locked it.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if the row is no longer as it was read: if it has another version; or, of an entity without one,
    /// if it was changed here and there. (Not of one that was written by this unit and not read since: what the database
    /// made of the values is not known. Only a version tells every change.) [`refresh`](Self::refresh) it, or settle it.
    /// [`Error::Unsupported`] for a lock that the engine does not have; those of a statement.
    pub async fn lock(&mut self, key: E::Key, lock: Lock) -> Result<Option<&mut E>, Error> {
        let clause = self.lock_clause(lock)?;
        let Some(row) = self.read_row(&key, clause).await? else { return Ok(None) };
        self.recognise(&key, Some(&row));
        let slots = self.take_over(vec![row])?;
        Ok(slots.first().and_then(|&at| self.lend_at(at)))
    }

    pub(super) fn lock_clause(&self, lock: Lock) -> Result<&'static str, Error> {
        DB::lock_clause(lock, self.session.shared().plan())
    }

    /// Tracks rows that were locked; none of them if one is no longer as it was read.
    pub(super) fn take_over(&mut self, rows: Vec<E>) -> Result<Vec<usize>, Error> {
        let stale: Vec<StaleRow> = rows.iter().filter_map(|row| self.stale(row)).collect();
        self.session.shared().note_conflict(!stale.is_empty());
        if !stale.is_empty() {
            return Err(Error::Conflict(Arc::new(Conflict { rows: stale })));
        }
        Ok(rows.into_iter().map(|row| self.take_over_row(row)).collect())
    }

    fn stale(&self, row: &E) -> Option<StaleRow> {
        let key = row.key();
        let slot = self.tracked.slot(self.tracked.find(&key)?)?;
        let stored = slot.as_stored();
        let written = |columns: ColumnSet| columns.without(read_only::<E, DB>());
        let stale = match (slot.state, row.version(), stored.version()) {
            (State::New | State::Offered | State::Given | State::Gone, ..) => false,
            (_, Some(now), Some(then)) => now != then,
            // What is removed is removed as it is; and what was not changed here cannot be lost.
            (State::Removed, ..) => false,
            (State::Stored, ..) => {
                !slot.as_written
                    && !written(slot.entity.changes(stored)).is_empty()
                    && !written(row.changes(stored)).is_empty()
            }
        };
        stale.then(|| stale_row::<E, DB>(&key, stored, Some(row)))
    }

    fn take_over_row(&mut self, row: E) -> usize {
        let Some(at) = self.tracked.find(&row.key()) else { return self.track(row) };
        let depth = self.depth();
        self.tracked.touch(at, depth);
        if let Some(slot) = self.tracked.slot_mut(at).filter(|slot| slot.state != State::New) {
            let changed = slot.entity.changes(slot.as_stored()).without(read_only::<E, DB>());
            let others = (0..E::COLUMNS.len()).filter(|&column| !changed.contains(column));
            others.for_each(|column| slot.entity.copy(column, &row));
            slot.stored = Some(row);
            slot.as_written = false;
        }
        at
    }
}

/// The columns that only the database writes.
fn read_only<E: Entity<DB>, DB: Backend>() -> ColumnSet {
    ColumnSet::of(E::COLUMNS, Column::is_read_only)
}
