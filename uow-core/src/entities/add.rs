//! Adding and removing: held back until the flush.

use super::Entities;
use super::added::{Added, Link};
use super::tracked::{Slot, State};
use crate::backend::Backend;
use crate::entity::{Entity, References};
use crate::error::Error;

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// Adds a new entity: it is inserted by the next flush. Use [`insert`](Self::insert) if the key is wanted now.
    ///
    /// A generated key is left to the database if it is its type's default (`0`), and taken as it is otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyTracked`] if there is an entity with this key in the unit: that one stays.
    pub fn add(&mut self, entity: E) -> Result<Added<E, DB>, Error> {
        let given = entity.has_key().then(|| entity.key());
        let slot = self.start(entity)?;
        Ok(Added { slot, keys: self.keys.clone(), given })
    }

    /// Adds a new entity that refers to another one, whose key need not be known yet: the flush inserts the other one first
    /// and then sets the field that `#[uow(references = …)]` marks.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn add_to<P: Entity<DB> + 'static>(
        &mut self,
        parent: &Added<P, DB>,
        entity: E,
    ) -> Result<Added<E, DB>, Error>
    where
        E: References<P, DB>,
    {
        self.add_with(parent, entity, E::refer_to)
    }

    /// As [`add_to`](Self::add_to), for an entity that refers to the other one's type by several fields: `refer` sets the
    /// one that is meant.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn add_with<P: Entity<DB> + 'static>(
        &mut self,
        parent: &Added<P, DB>,
        entity: E,
        refer: impl Fn(&mut E, P::Key) + Send + Sync + 'static,
    ) -> Result<Added<E, DB>, Error> {
        let added = self.add(entity)?;
        let parent = parent.clone();
        let link: Link<E> = Box::new(move |entity| match parent.key() {
            Some(key) => {
                refer(entity, key);
                true
            }
            None => false,
        });
        self.links.entry(added.slot).or_default().push(link);
        Ok(added)
    }

    /// The entity of a handle: added in this unit, and still there.
    pub fn added(&mut self, added: &Added<E, DB>) -> Option<&mut E> {
        let at = if self.keys.same(&added.keys) { added.slot } else { self.tracked.find(&added.key()?)? };
        let depth = self.depth();
        self.tracked.touch(at, depth);
        let slot = self.tracked.slot_mut(at)?;
        slot.is_there().then(|| slot.lend())
    }

    /// Removes an entity: its row is deleted by the next flush. To remove one twice is to remove it once.
    ///
    /// # Errors
    ///
    /// [`Error::NotTracked`] if it was neither loaded nor added in this unit.
    pub fn remove(&mut self, key: &E::Key) -> Result<(), Error> {
        let Some(at) = self.tracked.find(key) else {
            return Err(Error::NotTracked { entity: E::NAME, key: format!("{key:?}") });
        };
        self.remove_slot(at);
        Ok(())
    }

    /// Takes back an entity that was [added](Self::add), or removes it if it was flushed since.
    pub fn remove_added(&mut self, added: &Added<E, DB>) {
        let at = if self.keys.same(&added.keys) {
            Some(added.slot)
        } else {
            added.key().and_then(|key| self.tracked.find(&key))
        };
        if let Some(at) = at {
            self.remove_slot(at);
        }
    }

    fn remove_slot(&mut self, at: usize) {
        let depth = self.depth();
        self.tracked.touch(at, depth);
        let Some(slot) = self.tracked.slot_mut(at) else { return };
        match slot.state {
            State::Stored => slot.state = State::Removed,
            State::New => {
                slot.state = State::Gone;
                self.tracked.index_by(at, None);
                self.keys.forget(at);
            }
            State::Removed | State::Gone => {}
        }
    }

    /// Tracks a new entity.
    pub(super) fn start(&mut self, entity: E) -> Result<usize, Error> {
        let depth = self.depth();
        let key = entity.has_key().then(|| entity.key());
        if let Some(key) = &key
            && let Some(at) = self.tracked.find(key)
        {
            return self.replace(at, entity);
        }
        Ok(self.tracked.push(Slot { entity, stored: None, as_written: false, key, state: State::New }, depth))
    }

    /// A row that was to be deleted gets its successor: both together are an update.
    fn replace(&mut self, at: usize, mut entity: E) -> Result<usize, Error> {
        let depth = self.depth();
        self.tracked.touch(at, depth);
        match self.tracked.slot_mut(at) {
            Some(slot) if slot.state == State::Removed => {
                let stored = slot.stored.take().unwrap_or_else(|| slot.entity.snapshot());
                if let Some(version) = E::COLUMNS.iter().position(|column| column.is_version()) {
                    entity.copy(version, &stored);
                }
                slot.stored = Some(stored);
                slot.entity = entity;
                slot.state = State::Stored;
                Ok(at)
            }
            _ => Err(Error::AlreadyTracked { entity: E::NAME, key: format!("{:?}", entity.key()) }),
        }
    }
}
