//! A handle to an entity that was added, whose key the database has yet to make.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::Backend;
use crate::entity::Entity;
use crate::error::Error;

/// The keys of what was inserted, by slot. Shared with the handles; a new one for each transaction.
pub(super) struct AddedKeys<K>(Arc<Mutex<HashMap<usize, K>>>);

impl<K: Clone> AddedKeys<K> {
    pub(super) fn set(&self, slot: usize, key: &K) {
        // Without a handle nobody can ask.
        if Arc::strong_count(&self.0) > 1 {
            self.lock().insert(slot, key.clone());
        }
    }

    pub(super) fn forget(&self, slot: usize) {
        self.lock().remove(&slot);
    }

    pub(super) fn get(&self, slot: usize) -> Option<K> {
        self.lock().get(&slot).cloned()
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<usize, K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Default for AddedKeys<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K> Clone for AddedKeys<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// An entity that was [added](super::Entities::add). It tells the key once the database has made it.
///
/// Keep it to read the key after the commit, to get at the entity before, or to add others that refer to it
/// ([`add_to`](super::Entities::add_to)).
pub struct Added<E: Entity<DB>, DB: Backend> {
    pub(super) slot: usize,
    pub(super) keys: AddedKeys<E::Key>,
    pub(super) given: Option<E::Key>,
}

impl<E: Entity<DB>, DB: Backend> Added<E, DB> {
    /// The key, if it is known: given by you, or made by the database in a flush that was not undone.
    pub fn key(&self) -> Option<E::Key> {
        self.keys.get(self.slot).or_else(|| self.given.clone())
    }

    /// The key, where it must be known: after a commit, or a flush.
    ///
    /// # Errors
    ///
    /// [`Error::NoKeyYet`] before that, and after what made it was undone.
    pub fn require_key(&self) -> Result<E::Key, Error> {
        self.key().ok_or(Error::NoKeyYet { entity: E::NAME })
    }
}

impl<E: Entity<DB>, DB: Backend> Clone for Added<E, DB> {
    fn clone(&self) -> Self {
        Self { slot: self.slot, keys: self.keys.clone(), given: self.given.clone() }
    }
}

impl<E: Entity<DB>, DB: Backend> fmt::Debug for Added<E, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Added").field("entity", &E::NAME).field("key", &self.key()).finish_non_exhaustive()
    }
}
