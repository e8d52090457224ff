//! Rows that are not as they were read: naming them, and settling who is right.

use std::any::TypeId;
use std::collections::HashMap;

use super::Entities;
use super::lock::Lock;
use super::tracked::State;
use crate::backend::Backend;
use crate::entity::Entity;
use crate::error::{Conflict, Error, Found, StaleRow};

pub(super) fn stale_row<E: Entity<DB> + 'static, DB: Backend>(
    key: &E::Key,
    stored: &E,
    theirs: Option<&E>,
) -> StaleRow {
    let found = match theirs {
        None => Found::Gone,
        Some(theirs) => theirs.version().map_or(Found::Changed, Found::Version),
    };
    StaleRow {
        entity: E::NAME,
        entity_type: TypeId::of::<E>(),
        key: Box::new(key.clone()),
        key_text: format!("{key:?}"),
        expected: stored.version(),
        found,
    }
}

/// What the conflict comes to, for one entity.
enum Verdict<'m, E> {
    Mine,
    Theirs,
    Merge(&'m mut (dyn FnMut(&mut E, &E) + Send)),
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The rows of the plan that are not as they were read. Those that were to be deleted and are gone are no conflict: they
    /// are left out of the plan from now on, and counted.
    pub(super) async fn find_stale(&mut self, plan: &super::Plan) -> Result<(Vec<StaleRow>, usize), Error> {
        let slots: Vec<usize> =
            plan.updates.iter().flat_map(|(_, slots)| slots).chain(&plan.deletes).copied().collect();
        let (mut stale, mut gone) = (Vec::new(), 0);
        let keys: Vec<E::Key> =
            slots.iter().filter_map(|&at| Some(self.tracked.slot(at)?.as_stored().key())).collect();
        let mut rows: HashMap<E::Key, E> = match keys.as_slice() {
            // The one row of a statement that went alone: nothing is open, and nothing is opened for it.
            [key] if self.session.shared().can_send_alone() => {
                self.read_as_it_is(key).await?.into_iter().map(|row| (row.key(), row)).collect()
            }
            keys => self.read_as_they_are(keys).await?,
        };
        for (&at, key) in slots.iter().zip(&keys) {
            let Some(slot) = self.tracked.slot(at) else { continue };
            let row = rows.remove(key);
            match &row {
                Some(row) if row.version() == slot.as_stored().version() => {}
                None if slot.state == State::Removed => {
                    tracing::warn!(entity = E::NAME, ?key, "a row that was to be deleted was gone already");
                    self.untrack(at);
                    gone += 1;
                }
                row => stale.push(stale_row::<E, DB>(key, slot.as_stored(), row.as_ref())),
            }
        }
        Ok((stale, gone))
    }

    /// Settles the conflict for this entity type: what you have here wins. The next flush writes it over the rows as they
    /// are now; one that is gone is inserted again.
    ///
    /// # Errors
    ///
    /// Those of a statement: the rows are read again, and locked.
    pub async fn keep_mine(&mut self, conflict: &Conflict) -> Result<(), Error> {
        self.resolve(conflict, Verdict::Mine).await
    }

    /// Settles the conflict for this entity type: the rows as they are now win, and your changes to them are dropped. One
    /// that is gone is no longer tracked.
    ///
    /// # Errors
    ///
    /// As [`keep_mine`](Self::keep_mine).
    pub async fn take_theirs(&mut self, conflict: &Conflict) -> Result<(), Error> {
        self.resolve(conflict, Verdict::Theirs).await
    }

    /// Settles the conflict for this entity type: `merge` is given each entity as it is here, to change, and as it is in the
    /// database. What it makes of the first is written by the next flush; of those whose rows are gone, yours is kept.
    ///
    /// # Errors
    ///
    /// As [`keep_mine`](Self::keep_mine).
    pub async fn merge(
        &mut self,
        conflict: &Conflict,
        mut merge: impl FnMut(&mut E, &E) + Send,
    ) -> Result<(), Error> {
        self.resolve(conflict, Verdict::Merge(&mut merge)).await
    }

    async fn resolve(&mut self, conflict: &Conflict, mut verdict: Verdict<'_, E>) -> Result<(), Error> {
        let own = conflict.rows.iter().filter(|row| row.entity_type == TypeId::of::<E>());
        let keys: Vec<E::Key> = own.filter_map(|row| row.key.downcast_ref().cloned()).collect();
        let mut rows = self.read_as_they_are(&keys).await?;
        for key in &keys {
            self.settle_row(key, rows.remove(key), &mut verdict);
        }
        Ok(())
    }

    /// The rows as they are now, not as they were when the transaction began; locked.
    async fn read_as_they_are(&self, keys: &[E::Key]) -> Result<HashMap<E::Key, E>, Error> {
        let rows = self.read_rows(keys, self.lock_clause(Lock::Wait).unwrap_or("")).await?;
        Ok(rows.into_iter().map(|row| (row.key(), row)).collect())
    }

    fn settle_row(&mut self, key: &E::Key, theirs: Option<E>, verdict: &mut Verdict<'_, E>) {
        let Some(at) = self.tracked.find(key) else { return };
        let depth = self.depth();
        self.tracked.touch(at, depth);
        match (theirs, verdict) {
            (Some(theirs), Verdict::Theirs) => self.accept(at, theirs),
            (None, Verdict::Theirs) => self.untrack(at),
            (Some(theirs), verdict) => {
                let Some(slot) = self.tracked.slot_mut(at) else { return };
                if let Verdict::Merge(merge) = verdict {
                    merge(&mut slot.entity, &theirs);
                }
                let version = E::COLUMNS.iter().position(crate::entity::Column::is_version);
                version.into_iter().for_each(|version| slot.entity.copy(version, &theirs));
                slot.stored = Some(theirs);
                slot.as_written = false;
            }
            (None, _) => {
                let Some(slot) = self.tracked.slot_mut(at) else { return };
                let again = slot.state == State::Stored;
                slot.state = if again { State::New } else { State::Gone };
                slot.stored = None;
                if !again {
                    self.tracked.index_by(at, None);
                }
            }
        }
    }
}
