//! Memory follows the transaction.

use super::Entities;
use super::added::AddedKeys;
use super::plan::key_of;
use super::tracked::{Slot, State};
use crate::backend::Backend;
use crate::entity::{Column, ColumnSet, Entity};

/// Something that was inserted in this transaction, and what it was before the database had its say. There is one for each
/// row of a large batch: it is kept small.
pub(super) struct Born<E, K> {
    /// There are no four billion of them: they would take half a terabyte.
    slot: u32,
    /// The scope it was inserted in.
    pub(super) depth: u32,
    /// `None` for the most common: a number for a key that was 0, and no version but 0.
    before: Option<Box<Before<E, K>>>,
}

struct Before<E, K> {
    key: K,
    version: Option<i64>,
    /// Where more was written into it than the key: what it was, and in which columns.
    written: Option<(E, ColumnSet)>,
}

impl<E, K: Clone + Eq + 'static> Born<E, K> {
    /// Taken before the values that the database made are read into the entity. It was `before` the flush began, which has set
    /// what it refers to.
    pub(super) fn of<DB: Backend>(slot: usize, depth: u32, entity: &E, before: Option<&E>) -> Self
    where
        E: Entity<DB, Key = K>,
    {
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        let read_only = ColumnSet::of(E::COLUMNS, Column::is_read_only);
        let written = before.map(|before| (before, entity.changes(before).and(read_only)));
        let written = written.filter(|(_, columns)| !columns.is_empty());
        let (key, version) = (entity.key(), entity.version());
        if written.is_none() && version.unwrap_or(0) == 0 && Some(&key) == key_of(0).as_ref() {
            return Self { slot, depth, before: None };
        }
        let written = written.map(|(before, columns)| (before.snapshot(), columns));
        Self { slot, depth, before: Some(Box::new(Before { key, version, written })) }
    }

    fn is_of(&self, slot: usize) -> bool {
        u32::try_from(slot) == Ok(self.slot)
    }

    pub(super) fn slot(&self) -> usize {
        usize::try_from(self.slot).unwrap_or(usize::MAX)
    }

    /// Takes the database's values back out of an entity whose insert was undone.
    pub(super) fn undo<DB: Backend>(self, entity: &mut E)
    where
        E: Entity<DB, Key = K>,
    {
        let Some(before) = self.before else {
            key_of(0).into_iter().for_each(|key| entity.set_key(key));
            entity.set_version(0);
            return;
        };
        entity.set_key(before.key);
        if let Some(version) = before.version {
            entity.set_version(version);
        }
        if let Some((before, columns)) = before.written {
            columns.iter().for_each(|column| entity.copy(column, &before));
        }
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// What was added in a transaction, or in a savepoint scope, that was undone: as it was added, with the changes you made
    /// to it, but without the key, the version and whatever else the database had made of it. Ready to be added again; after
    /// an [`OutcomeUnknown`](crate::Error::OutcomeUnknown) look first whether it is not stored after all.
    pub fn take_undone(&mut self) -> Vec<E> {
        std::mem::take(&mut self.undone)
    }

    /// The transaction was rolled back: what it loaded may not be so, and what it inserted is not there.
    pub(super) fn forget_transaction(&mut self) {
        // Of a flush that was dropped.
        self.unsettle();
        self.keys.clear();
        self.keys = AddedKeys::default();
        self.links.clear();
        let mut born: Vec<Born<E, E::Key>> = std::mem::take(&mut self.born);
        born.sort_unstable_by_key(|born| std::cmp::Reverse(born.slot));
        for (at, Slot { mut entity, state, .. }) in self.tracked.take().into_iter().enumerate() {
            match (born.pop_if(|born| born.is_of(at)), state) {
                (Some(born), State::Stored) => born.undo(&mut entity),
                (None, State::New) => {}
                _ => continue,
            }
            self.undone.push(entity);
        }
    }

    /// The transaction was committed: what is in memory is what is stored.
    pub(super) fn keep_transaction(&mut self) {
        self.born.clear();
        self.links.clear();
        self.keys = AddedKeys::default();
        self.tracked.compact();
    }

    /// A savepoint scope was kept.
    pub(super) fn keep_scope(&mut self, depth: u32) {
        self.tracked.release(depth);
        self.born.iter_mut().for_each(|born| born.depth = born.depth.min(depth - 1));
    }

    /// A savepoint scope was undone: everything is as it was before it.
    pub(super) fn forget_scope(&mut self, depth: u32) {
        self.unsettle();
        let absent = self.tracked.undo(depth);
        for born in self.born.extract_if(.., |born| born.depth >= depth) {
            let at = born.slot();
            self.keys.forget(at);
            // One that was there before the scope has its former self back already.
            if let Some(slot) = self.tracked.slot_mut(at).filter(|_| absent.contains(&at)) {
                if slot.state == State::Stored {
                    slot.state = State::New;
                }
                born.undo(&mut slot.entity);
            }
        }
        for at in absent {
            self.links.remove(&at);
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            if slot.state == State::New {
                let placeholder = slot.entity.snapshot();
                self.undone.push(std::mem::replace(&mut slot.entity, placeholder));
            }
            slot.state = State::Gone;
        }
    }
}
