//! Reading by key: what is tracked already costs nothing.

use super::Entities;
use super::tracked::{Slot, State, copy_all};
use crate::backend::{Backend, Query};
use crate::entity::{Entity, Values};
use crate::error::Error;
use crate::sql::{self, Shape};
use sqlx_core::Error as SqlxError;

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The entity with this key, `None` if there is no such row, or if it was removed in this unit. One that is tracked is
    /// not asked for again.
    ///
    /// Where the database finds a row by a key in another writing (in another case, a time that it keeps less exactly) that
    /// row is the answer, and is known by its key as it is stored.
    ///
    /// # Errors
    ///
    /// Those of a statement through the [`Session`](crate::Session).
    pub async fn get(&mut self, key: E::Key) -> Result<Option<&mut E>, Error> {
        match self.locate(&key).await? {
            Some(at) => Ok(self.lend_at(at)),
            None => Ok(None),
        }
    }

    /// As [`get`](Self::get), for a row that has to be there.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if it is not; those of a statement.
    pub async fn require(&mut self, key: E::Key) -> Result<&mut E, Error> {
        let missing = || Error::NotFound { entity: E::NAME, key: format!("{key:?}") };
        self.get(key.clone()).await?.ok_or_else(missing)
    }

    /// Several at once, read in one statement as far as they are not tracked.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if one is missing, [`Error::SameKeyTwice`] if two of the keys are the same: it cannot be lent
    /// twice; those of a statement.
    pub async fn get_many<const N: usize>(&mut self, keys: [E::Key; N]) -> Result<[&mut E; N], Error> {
        let others = self.fetch(&keys).await?;
        let depth = self.depth();
        let mut slots = Vec::with_capacity(N);
        for key in &keys {
            let text = || format!("{key:?}");
            let slot = if others { self.locate(key).await? } else { self.tracked.find(key) };
            let slot = slot.filter(|&at| self.is_there(at));
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

    /// Loads an entity again, tracked or not: what the database has, in place of what was changed here (a removal included).
    /// On an idle unit it is one plain `SELECT` and opens no transaction, as
    /// [`UnitOfWork::refresh`](crate::UnitOfWork::refresh).
    ///
    /// # Errors
    ///
    /// [`Error::RowGone`] if there is no such row any more: it is not tracked from then on. Of an entity that was added and
    /// not flushed there is none yet: it stays as it is, with this error or, if somebody else has stored one with its key,
    /// with [`Error::AlreadyTracked`]. Those of a statement.
    pub async fn refresh(&mut self, key: E::Key) -> Result<&mut E, Error> {
        let row = self.read_as_it_is(&key).await?;
        let gone = || Error::RowGone { entity: E::NAME, key: format!("{key:?}") };
        let known = self.recognise(&key, row.as_ref());
        let is_new = |at: usize| self.tracked.slot(at).is_some_and(|slot| slot.state == State::New);
        let at = match (row, known) {
            (Some(_), Some(at)) if is_new(at) => {
                return Err(Error::AlreadyTracked { entity: E::NAME, key: format!("{key:?}") });
            }
            (Some(row), Some(at)) => {
                let depth = self.depth();
                self.tracked.touch(at, depth);
                self.accept(at, row);
                at
            }
            (Some(row), None) => self.track(row),
            (None, known) => {
                if let Some(at) = known.filter(|&at| !is_new(at)) {
                    self.untrack(at);
                }
                return Err(gone());
            }
        };
        self.lend_at(at).ok_or_else(gone)
    }

    /// The slot of the entity with this key, which is read if it is not tracked. The row that comes is the one that was
    /// asked for, in whatever writing its key is stored.
    async fn locate(&mut self, key: &E::Key) -> Result<Option<usize>, Error> {
        if let Some(at) = self.tracked.find(key) {
            return Ok(Some(at));
        }
        let row = self.read_row(key, "").await?;
        Ok(row.map(|row| self.track(row)))
    }

    /// The slot of what was asked for by this key. It is known by the key as it is stored from now on.
    pub(super) fn recognise(&mut self, asked: &E::Key, row: Option<&E>) -> Option<usize> {
        let stored = row.map(E::key);
        if let Some(at) = stored.as_ref().and_then(|key| self.tracked.find(key)) {
            return Some(at);
        }
        let at = self.tracked.find(asked)?;
        if stored.is_some() && self.tracked.slot(at).is_some_and(|slot| slot.state != State::New) {
            let depth = self.depth();
            self.tracked.touch(at, depth);
            self.tracked.index_by(at, stored);
        }
        Some(at)
    }

    /// Loads those of the rows with these keys that are not tracked, and tracks them. Whether a row came with a key that was
    /// not asked for: then it is not told which key was meant.
    async fn fetch(&mut self, keys: &[E::Key]) -> Result<bool, Error> {
        let missing: Vec<E::Key> =
            keys.iter().filter(|key| self.tracked.find(key).is_none()).cloned().collect();
        if missing.is_empty() {
            return Ok(false);
        }
        let mut others = false;
        for row in self.read_rows(&missing, "").await? {
            others = others || !missing.contains(&row.key());
            self.track(row);
        }
        Ok(others)
    }

    /// Reads a row in the transaction, or outside of any if the unit is idle.
    pub(super) async fn read_as_it_is(&self, key: &E::Key) -> Result<Option<E>, Error> {
        let mut arguments = DB::Arguments::default();
        E::bind_key(key, &mut Values::bound(&mut arguments)).map_err(SqlxError::Encode)?;
        let query = Query::with_arguments(sql::select_by_key::<DB, E>(1), arguments);
        let row = self.session.shared().read(query).await?;
        Ok(row.map(|row| E::load(&row)).transpose()?)
    }

    pub(super) async fn read_row(&self, key: &E::Key, clause: &str) -> Result<Option<E>, Error> {
        Ok(self.read_rows(std::slice::from_ref(key), clause).await?.pop())
    }

    /// Reads rows by their keys, in as few statements as they fit into.
    pub(super) async fn read_rows(&self, keys: &[E::Key], clause: &str) -> Result<Vec<E>, Error> {
        // The rows of a key of several columns are a chain of ORs, whose length SQLite limits.
        let at_once = if Shape::of::<DB, E>().keys().len() == 1 { 1000 } else { 100 };
        let mut rows = Vec::new();
        for keys in keys.chunks(at_once) {
            let mut arguments = DB::Arguments::default();
            for key in keys {
                E::bind_key(key, &mut Values::bound(&mut arguments)).map_err(SqlxError::Encode)?;
            }
            let text = sql::select_by_key::<DB, E>(keys.len()) + clause;
            rows.append(&mut self.load(text, arguments).await?);
        }
        Ok(rows)
    }

    /// Tracks a row that was read. One that is tracked stays as it is: it may have been changed here.
    pub(super) fn track(&mut self, entity: E) -> usize {
        let key = entity.key();
        if let Some(at) = self.tracked.find(&key) {
            return at;
        }
        let depth = self.depth();
        self.tracked.push(Slot::new(entity, Some(key), State::Stored), depth)
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

    pub(super) fn lend_at(&mut self, at: usize) -> Option<&mut E> {
        let depth = self.depth();
        self.tracked.touch(at, depth);
        self.tracked.slot_mut(at).filter(|slot| slot.is_there()).map(Slot::lend)
    }

    pub(super) fn is_there(&self, at: usize) -> bool {
        self.tracked.slot(at).is_some_and(Slot::is_there)
    }
}
