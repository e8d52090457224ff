//! Memory follows the transaction.

use super::Entities;
use super::added::AddedKeys;
use super::plan::{Plan, key_of};
use super::tracked::{Birth, Slot, State, Undone, copy_all};
use crate::backend::Backend;
use crate::entity::{Column, ColumnSet, Entity};

/// What an entity that was inserted in this transaction was before the database had its say.
pub(super) struct Before<E, K> {
    key: K,
    version: Option<i64>,
    /// Where more was written into it than the key: what it was, and in which columns.
    written: Option<(E, ColumnSet)>,
}

impl<E, K: Clone + Eq + 'static> Before<E, K> {
    /// Taken before the values that the database made are read into the entity. It was `former` before the flush began, which
    /// has set what it refers to. `None` for the most common: a number for a key that was 0, and no version but 0.
    pub(super) fn of<DB: Backend>(entity: &E, former: Option<&E>) -> Option<Box<Self>>
    where
        E: Entity<DB, Key = K>,
    {
        let read_only = ColumnSet::of(E::COLUMNS, Column::is_read_only);
        let written = former.map(|former| (former, entity.changes(former).and(read_only)));
        let written = written.filter(|(_, columns)| !columns.is_empty());
        let (key, version) = (entity.key(), entity.version());
        if written.is_none() && version.unwrap_or(0) == 0 && Some(&key) == key_of(0).as_ref() {
            return None;
        }
        let written = written.map(|(former, columns)| (former.snapshot(), columns));
        Some(Box::new(Self { key, version, written }))
    }
}

/// Takes the database's values back out of an entity whose insert was undone.
fn undo_birth<E: Entity<DB>, DB: Backend>(entity: &mut E, before: Option<Box<Before<E, E::Key>>>) {
    let Some(before) = before else {
        key_of(0).into_iter().for_each(|key| entity.set_key(key));
        entity.set_version(0);
        return;
    };
    entity.set_key(before.key);
    if let Some(version) = before.version {
        entity.set_version(version);
    }
    if let Some((former, columns)) = before.written {
        columns.iter().for_each(|column| entity.copy(column, &former));
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// What was added in a transaction, or in a savepoint scope, that was undone: as it was added, with the changes you made
    /// to it, but without the key, the version and whatever else the database had made of it. Ready to be added again; after
    /// an [`OutcomeUnknown`](crate::Error::OutcomeUnknown) or an [`EndedEarly`](crate::Error::EndedEarly) look first whether
    /// it is not stored after all.
    pub fn take_undone(&mut self) -> Vec<E> {
        std::mem::take(&mut self.undone)
    }

    /// An entity is about to get what the database made of it. If it was inserted in this transaction before, what it was
    /// then is what it goes back to.
    pub(super) fn note_birth(&mut self, at: usize) {
        let Some(slot) = self.tracked.slot_mut(at) else { return };
        if slot.birth != Birth::None {
            return;
        }
        slot.birth = Birth::Fresh;
        match Before::of::<DB>(&slot.entity, slot.stored.as_ref()) {
            Some(before) => {
                self.before.insert(at, before);
            }
            None if self.before.is_empty() => {}
            None => {
                self.before.remove(&at);
            }
        }
    }

    /// What was inserted of these is undone: they are new, as they were before the flush.
    pub(super) fn take_back(&mut self, slots: &[usize]) {
        for &at in slots {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            if slot.birth == Birth::Fresh {
                slot.birth = Birth::None;
                undo_birth(&mut slot.entity, self.before.remove(&at));
                self.keys.forget(at);
            }
            if let Some(former) = &slot.stored {
                copy_all(&mut slot.entity, former);
            }
            slot.state = State::New;
            let key = self.known_key(at);
            self.tracked.index_by(at, key);
        }
    }

    /// The flush was undone: memory is as it was before it.
    pub(super) fn unsettle(&mut self) {
        let plan = std::mem::take(&mut self.plan);
        self.take_back(&plan.inserts);
        for at in plan.inserts {
            if let Some(slot) = self.tracked.slot_mut(at) {
                slot.stored = None;
            }
        }
        for (changed, slots) in plan.updated {
            self.lower_versions(changed, &slots);
        }
        plan.linked.into_iter().for_each(|at| self.end_link(at, false));
    }

    /// The flush was done: memory says so.
    pub(super) fn settle(&mut self) {
        let Plan { inserts, offers, linked, updated, deleted, .. } = std::mem::take(&mut self.plan);
        for at in offers {
            self.tracked.slot_mut(at).into_iter().for_each(|slot| slot.state = State::Given);
        }
        // All of the inserts: had one not been written, the flush would have failed.
        for at in inserts {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            (slot.stored, slot.as_written) = (None, true);
            (slot.birth, slot.linked) = (Birth::Settled, false);
        }
        linked.into_iter().for_each(|at| self.end_link(at, true));
        for at in updated.into_iter().flat_map(|(_, slots)| slots) {
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            let Some(stored) = &mut slot.stored else { continue };
            slot.as_written = true;
            slot.entity.changes(stored).iter().for_each(|column| stored.copy(column, &slot.entity));
            let key = slot.entity.key();
            if slot.key.as_ref() != Some(&key) {
                self.tracked.index_by(at, Some(key));
            }
        }
        for at in deleted {
            self.tracked.index_by(at, None);
            if let Some(slot) = self.tracked.slot_mut(at) {
                slot.state = State::Gone;
            }
        }
    }

    /// The transaction was rolled back: what it loaded may not be so, and what it inserted is not there.
    pub(super) fn forget_transaction(&mut self) {
        // Of a flush that was dropped.
        self.unsettle();
        self.keys.clear();
        self.keys = AddedKeys::default();
        self.links.clear();
        let mut before = std::mem::take(&mut self.before);
        for (at, Slot { mut entity, state, birth, .. }) in self.tracked.take().into_iter().enumerate() {
            match (state, birth) {
                (State::New | State::Stored, Birth::Fresh | Birth::Settled) => {
                    undo_birth(&mut entity, before.remove(&at));
                }
                (State::New | State::Offered | State::Given, Birth::None) => {}
                _ => continue,
            }
            self.undone.push(entity);
        }
    }

    /// The transaction was committed: what is in memory is what is stored.
    pub(super) fn keep_transaction(&mut self) {
        self.before.clear();
        self.links.clear();
        self.keys = AddedKeys::default();
        self.tracked.compact();
    }

    /// A savepoint scope was kept.
    pub(super) fn keep_scope(&mut self, depth: u32) {
        self.tracked.release(depth);
    }

    /// A savepoint scope was undone: everything is as it was before it.
    pub(super) fn forget_scope(&mut self, depth: u32) {
        self.unsettle();
        let Undone { absent, unborn } = self.tracked.undo(depth);
        for at in unborn {
            self.keys.forget(at);
            self.before.remove(&at);
        }
        for at in absent {
            self.keys.forget(at);
            self.links.remove(&at);
            let before = self.before.remove(&at);
            let Some(slot) = self.tracked.slot_mut(at) else { continue };
            let state = std::mem::replace(&mut slot.state, State::Gone);
            match (state, slot.birth) {
                (State::New | State::Stored, Birth::Fresh | Birth::Settled) => {
                    undo_birth(&mut slot.entity, before);
                }
                (State::New | State::Offered | State::Given, Birth::None) => {}
                _ => continue,
            }
            let placeholder = slot.entity.snapshot();
            self.undone.push(std::mem::replace(&mut slot.entity, placeholder));
        }
    }
}
