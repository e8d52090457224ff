//! Reading by key: what is tracked already costs nothing.

use super::Entities;
use super::tracked::{Slot, State, copy_all};
use crate::backend::{Backend, Query};
use crate::entity::Entity;
use crate::error::Error;
use crate::sql;
use sqlx_core::Error as SqlxError;

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The entity with this key, `None` if there is no such row, or if it was removed in this unit. One that is tracked is
    /// not asked for again.
    ///
    /// # Errors
    ///
    /// Those of a statement through the [`Session`](crate::Session).
    pub async fn get(&mut self, key: E::Key) -> Result<Option<&mut E>, Error> {
        if self.tracked.find(&key).is_none() {
            self.fetch(std::slice::from_ref(&key)).await?;
        }
        Ok(self.lend(&key))
    }

    /// As [`get`](Self::get), for a row that has to be there.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if it is not; those of a statement.
    pub async fn require(&mut self, key: E::Key) -> Result<&mut E, Error> {
        let missing = || Error::NotFound { entity: E::NAME, key: format!("{key:?}") };
        if self.tracked.find(&key).is_none() {
            self.fetch(std::slice::from_ref(&key)).await?;
        }
        self.lend(&key).ok_or_else(missing)
    }

    /// Several at once, read in one statement as far as they are not tracked.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if one is missing, [`Error::SameKeyTwice`] if two of the keys are the same: it cannot be lent
    /// twice; those of a statement.
    pub async fn get_many<const N: usize>(&mut self, keys: [E::Key; N]) -> Result<[&mut E; N], Error> {
        let missing: Vec<E::Key> =
            keys.iter().filter(|key| self.tracked.find(key).is_none()).cloned().collect();
        self.fetch(&missing).await?;
        let depth = self.depth();
        let mut slots = Vec::with_capacity(N);
        for key in &keys {
            let text = || format!("{key:?}");
            let slot = self.tracked.find(key).filter(|&at| self.is_there(at));
            let at = slot.ok_or_else(|| Error::NotFound { entity: E::NAME, key: text() })?;
            if slots.contains(&at) {
                return Err(Error::SameKeyTwice { entity: E::NAME, key: text() });
            }
            self.tracked.touch(at, depth);
            slots.push(at);
        }
        // As many as there are keys: each was found, and none twice.
        self.tracked.lend(&slots).try_into().map_err(|_| Error::Busy)
    }

    /// Whether an entity with this key is tracked. Sends nothing.
    pub fn contains(&self, key: &E::Key) -> bool {
        self.tracked.find(key).is_some_and(|at| self.is_there(at))
    }

    /// How many entities are tracked.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether no entity is tracked.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The entities that are tracked, in the order in which they came. Sends nothing.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        self.tracked.slots().iter().filter(|slot| slot.is_there()).map(|slot| &slot.entity)
    }

    /// As [`iter`](Self::iter), to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut E> {
        let depth = self.depth();
        if depth > 0 {
            (0..self.tracked.slots().len()).for_each(|at| self.tracked.touch(at, depth));
        }
        self.tracked.slots_mut().iter_mut().filter(|slot| slot.is_there()).map(Slot::lend)
    }

    /// Loads an entity again, tracked or not: what the database has, in place of what was changed here. On an idle unit it is
    /// one plain `SELECT` and opens no transaction, as [`UnitOfWork::refresh`](crate::UnitOfWork::refresh).
    ///
    /// # Errors
    ///
    /// [`Error::RowGone`] if there is no such row any more: it is not tracked from then on; those of a statement.
    pub async fn refresh(&mut self, key: E::Key) -> Result<&mut E, Error> {
        let row = self.read_as_it_is(&key).await?;
        let gone = || Error::RowGone { entity: E::NAME, key: format!("{key:?}") };
        let depth = self.depth();
        match (row, self.tracked.find(&key)) {
            (Some(row), Some(at)) => {
                self.tracked.touch(at, depth);
                self.accept(at, row);
            }
            (Some(row), None) => {
                self.track(row);
            }
            (None, Some(at)) => {
                self.untrack(at);
                return Err(gone());
            }
            (None, None) => return Err(gone()),
        }
        self.lend(&key).ok_or_else(gone)
    }

    /// Loads rows by their keys and tracks them.
    async fn fetch(&mut self, keys: &[E::Key]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let rows = self.read_rows(keys, "").await?;
        for row in rows {
            self.track(row);
        }
        Ok(())
    }

    /// Reads a row in the transaction, or outside of any if the unit is idle.
    async fn read_as_it_is(&self, key: &E::Key) -> Result<Option<E>, Error> {
        let mut arguments = DB::Arguments::default();
        E::bind_key(key, &mut arguments).map_err(SqlxError::Encode)?;
        let query = Query::with_arguments(sql::select_by_key::<DB, E>(1), arguments);
        let row = self.session.shared().read(query).await?;
        Ok(row.map(|row| E::load(&row)).transpose()?)
    }

    pub(super) async fn read_row(&self, key: &E::Key, clause: &str) -> Result<Option<E>, Error> {
        Ok(self.read_rows(std::slice::from_ref(key), clause).await?.pop())
    }

    pub(super) async fn read_rows(&self, keys: &[E::Key], clause: &str) -> Result<Vec<E>, Error> {
        let mut arguments = DB::Arguments::default();
        for key in keys {
            E::bind_key(key, &mut arguments).map_err(SqlxError::Encode)?;
        }
        let text = sql::select_by_key::<DB, E>(keys.len()) + clause;
        Ok(self.load(text, arguments).await?)
    }

    /// Tracks a row that was read. One that is tracked stays as it is: it may have been changed here.
    pub(super) fn track(&mut self, entity: E) -> usize {
        let key = entity.key();
        if let Some(at) = self.tracked.find(&key) {
            return at;
        }
        let depth = self.depth();
        let slot = Slot { entity, stored: None, as_written: false, key: Some(key), state: State::Stored };
        self.tracked.push(slot, depth)
    }

    /// What the database has takes the place of what is here.
    pub(super) fn accept(&mut self, at: usize, row: E) {
        let Some(slot) = self.tracked.slot_mut(at) else { return };
        copy_all(&mut slot.entity, &row);
        slot.stored = Some(row);
        slot.as_written = false;
        slot.state = State::Stored;
    }

    pub(super) fn untrack(&mut self, at: usize) {
        let depth = self.depth();
        self.tracked.touch(at, depth);
        self.tracked.index_by(at, None);
        if let Some(slot) = self.tracked.slot_mut(at) {
            slot.state = State::Gone;
        }
    }

    fn lend(&mut self, key: &E::Key) -> Option<&mut E> {
        self.lend_at(self.tracked.find(key)?)
    }

    pub(super) fn lend_at(&mut self, at: usize) -> Option<&mut E> {
        let depth = self.depth();
        self.tracked.touch(at, depth);
        self.tracked.slot_mut(at).filter(|slot| slot.is_there()).map(Slot::lend)
    }

    pub(super) fn is_there(&self, at: usize) -> bool {
        self.tracked.slot(at).is_some_and(Slot::is_there)
    }
}
