//! What new entities refer to: the keys of others, which may be new themselves.

use super::Entities;
use super::parents::Handles;
use crate::backend::Backend;
use crate::entity::{Column, Entity};

/// What one entity refers to. It is kept until the transaction ends: a flush that has set it may be undone.
pub(super) struct Link<E> {
    /// Sets the fields to the keys of the others; `false` if one is not known yet.
    set: Box<dyn Fn(&mut E) -> bool + Send + Sync>,
    /// Whether one of the fields is a part of the key, which is not known before then.
    in_key: bool,
    /// What the successor of a removed row was before the flush that goes on.
    before: Option<Box<E>>,
}

impl<E> Link<E> {
    pub(super) fn new<Hs: Handles<DB>, DB: Backend>(
        parents: Hs,
        refer: impl Fn(&mut E, Hs::Keys) + Send + Sync + 'static,
    ) -> Self
    where
        E: Entity<DB>,
    {
        let refers = |column: &Column| column.is_key() && Hs::are_referred_by(column);
        let set = move |entity: &mut E| match parents.keys() {
            Some(keys) => {
                refer(entity, keys);
                true
            }
            None => false,
        };
        Self { set: Box::new(set), in_key: E::COLUMNS.iter().any(refers), before: None }
    }

    pub(super) fn is_in_key(&self) -> bool {
        self.in_key
    }

    /// The key of an entity with this link, if it is known.
    pub(super) fn key<DB: Backend>(&self, entity: &E) -> Option<E::Key>
    where
        E: Entity<DB>,
    {
        if !self.in_key {
            return entity.has_key().then(|| entity.key());
        }
        let mut whole = entity.snapshot();
        ((self.set)(&mut whole) && whole.has_key()).then(|| whole.key())
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
            (Some(link), Some(slot)) if slot.linked => (link.set)(&mut slot.entity),
            _ => true,
        })
    }

    /// Sets what the successors of removed rows refer to, as far as it is known, and returns those that wait.
    pub(super) fn resolve_successors(&mut self, slots: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let Self { links, tracked, .. } = self;
        slots.iter().copied().partition(|at| {
            let (Some(link), Some(slot)) = (links.get_mut(at), tracked.slot_mut(*at)) else { return true };
            link.before.get_or_insert_with(|| Box::new(slot.entity.snapshot()));
            (link.set)(&mut slot.entity)
        })
    }

    /// The flush that has set it was undone, or, if it was `done`, it need not be set again.
    pub(super) fn end_link(&mut self, at: usize, done: bool) {
        let (Some(link), Some(slot)) = (self.links.get_mut(&at), self.tracked.slot_mut(at)) else { return };
        match link.before.take() {
            _ if done => slot.linked = false,
            Some(before) => super::tracked::copy_all::<E, DB>(&mut slot.entity, &before),
            None => {}
        }
    }

    /// The key that a new entity is found by, if it is known.
    pub(super) fn known_key(&self, at: usize) -> Option<E::Key> {
        let slot = self.tracked.slot(at)?;
        match self.links.get(&at) {
            Some(link) if slot.linked => link.key(&slot.entity),
            _ => slot.entity.has_key().then(|| slot.entity.key()),
        }
    }
}
