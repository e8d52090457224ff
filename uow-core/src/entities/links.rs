//! What new entities refer to: the keys of others, which may be new themselves.

use super::Entities;
use super::added::Added;
use crate::backend::Backend;
use crate::entity::Entity;

/// Sets a field to the key of another entity; `false` if that is not known yet.
type Link<E> = Box<dyn Fn(&mut E) -> bool + Send + Sync>;

/// What one entity refers to. It is kept until the transaction ends: a flush that has set it may be undone.
pub(super) struct Links<E> {
    links: Vec<Link<E>>,
}

impl<E> Default for Links<E> {
    fn default() -> Self {
        Self { links: Vec::new() }
    }
}

impl<E> Links<E> {
    pub(super) fn push<P: Entity<DB> + 'static, DB: Backend>(
        &mut self,
        parent: Added<P, DB>,
        refer: impl Fn(&mut E, P::Key) + Send + Sync + 'static,
    ) {
        self.links.push(Box::new(move |entity| match parent.key() {
            Some(key) => {
                refer(entity, key);
                true
            }
            None => false,
        }));
    }

    /// Sets what is known, and tells whether that is all.
    pub(super) fn set(&self, entity: &mut E) -> bool {
        // All of them, to the last one: each may have become known.
        self.links.iter().filter(|link| !link(entity)).count() == 0
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// Sets what new entities refer to, as far as it is known, and returns those that wait.
    pub(super) fn resolve_links(&mut self, slots: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let Self { links, tracked, .. } = self;
        if links.is_empty() {
            return (slots.to_vec(), Vec::new());
        }
        slots.iter().copied().partition(|at| match (links.get(at), tracked.slot_mut(*at)) {
            (Some(links), Some(slot)) if slot.linked => links.set(&mut slot.entity),
            _ => true,
        })
    }

    /// The key that a new entity is found by, if it is known.
    pub(super) fn known_key(&self, at: usize) -> Option<E::Key> {
        let entity = &self.tracked.slot(at)?.entity;
        entity.has_key().then(|| entity.key())
    }
}
