//! What a unit remembers of one entity type: the identity map, and the way back out of a savepoint scope.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::backend::Backend;
use crate::entity::Entity;

/// An entity, and how the database has it.
pub(super) struct Slot<E, K> {
    pub(super) entity: E,
    /// As it is stored, to compare with. `None` for as long as it was not lent since: then the entity is so itself. (In a new
    /// one it is as it was before the flush that is going on.)
    pub(super) stored: Option<E>,
    /// Whether that is what was written, and was not read since: the database may have it less exactly.
    pub(super) as_written: bool,
    /// The key it is found by; `None` until the database has made one.
    pub(super) key: Option<K>,
    pub(super) state: State,
    /// Whether it was inserted in this transaction.
    pub(super) birth: Birth,
    /// Whether the next flush has to set what it refers to.
    pub(super) linked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// To be inserted.
    New,
    /// To be inserted unless it is there already. It is not found by its key, and never lent.
    Offered,
    /// It was, or was there already: no longer tracked, but for a rollback.
    Given,
    /// Loaded or inserted, and to be updated if it changed.
    Stored,
    /// To be deleted.
    Removed,
    /// No longer tracked; the slot waits for the end of the transaction.
    Gone,
}

/// Whether an entity was inserted in the transaction that goes on: if that is undone, so is what the database made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Birth {
    /// It was not.
    None,
    /// By the flush that goes on.
    Fresh,
    /// By a flush that went well.
    Settled,
}

impl<E, K> Slot<E, K> {
    pub(super) fn new(entity: E, key: Option<K>, state: State) -> Self {
        Self { entity, stored: None, as_written: false, key, state, birth: Birth::None, linked: false }
    }

    /// Lends the entity, and keeps a copy of it as it is stored.
    pub(super) fn lend<DB: Backend>(&mut self) -> &mut E
    where
        E: Entity<DB>,
    {
        if self.state == State::Stored && self.stored.is_none() {
            self.stored = Some(self.entity.snapshot());
        }
        &mut self.entity
    }

    /// The entity as it is stored, if it is.
    pub(super) fn as_stored(&self) -> &E {
        self.stored.as_ref().unwrap_or(&self.entity)
    }

    /// Whether it is only kept for the end of the transaction.
    fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone | State::Given)
    }

    /// Whether it can be lent.
    pub(super) fn is_there(&self) -> bool {
        matches!(self.state, State::New | State::Stored)
    }
}

/// How a slot was when a scope first touched it.
enum Before<E, K> {
    Absent,
    Present(Slot<E, K>),
}

/// The slots that a scope which was undone has changed.
#[derive(Debug, Default)]
pub(super) struct Undone {
    /// Those that were not there before it, in the order in which they came.
    pub(super) absent: Vec<usize>,
    /// Those that were inserted in it.
    pub(super) unborn: Vec<usize>,
}

/// From so many slots on their room grows by an eighth at a time.
const MANY: usize = 4096;

/// The tracked entities of one type. Slots stay where they are until the transaction ends.
pub(super) struct Tracked<E: Entity<DB>, DB: Backend> {
    slots: Vec<Slot<E, E::Key>>,
    /// The slots that have a key, by it. (Only their places: a second copy of each key is more than all else about an entity.)
    index: HashTable<usize>,
    hasher: RandomState,
    /// Newest last. Outside of scopes nothing is written down: rollback forgets everything.
    log: Vec<(u32, usize, Before<E, E::Key>)>,
    /// The slots that were written down in the innermost scope: once is enough.
    logged: HashMap<usize, u32, RandomState>,
}

impl<E: Entity<DB>, DB: Backend> Default for Tracked<E, DB> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::default(),
            log: Vec::new(),
            logged: HashMap::default(),
        }
    }
}

/// The hash of the key of a slot that the index has.
fn rehash<E, K: Hash>(slots: &[Slot<E, K>], hasher: &RandomState) -> impl Fn(&usize) -> u64 {
    |at| slots.get(*at).and_then(|slot| slot.key.as_ref()).map_or(0, |key| hasher.hash_one(key))
}

/// Copies every column; fields that are no columns stay as they are.
pub(super) fn copy_all<E: Entity<DB>, DB: Backend>(to: &mut E, from: &E) {
    (0..E::COLUMNS.len()).for_each(|column| to.copy(column, from));
}

impl<E: Entity<DB>, DB: Backend> Tracked<E, DB> {
    pub(super) fn find(&self, key: &E::Key) -> Option<usize> {
        let is_by = |at: &usize| self.slots.get(*at).is_some_and(|slot| slot.key.as_ref() == Some(key));
        self.index.find(self.hasher.hash_one(key), is_by).copied()
    }

    pub(super) fn slot(&self, at: usize) -> Option<&Slot<E, E::Key>> {
        self.slots.get(at)
    }

    pub(super) fn slot_mut(&mut self, at: usize) -> Option<&mut Slot<E, E::Key>> {
        self.slots.get_mut(at)
    }

    pub(super) fn slots(&self) -> &[Slot<E, E::Key>] {
        &self.slots
    }

    pub(super) fn slots_mut(&mut self) -> &mut [Slot<E, E::Key>] {
        &mut self.slots
    }

    pub(super) fn reserve(&mut self, more: usize) {
        self.slots.reserve(more);
        self.reserve_keys(more);
    }

    /// So many slots are about to be found by a key.
    pub(super) fn reserve_keys(&mut self, more: usize) {
        let hash = rehash(&self.slots, &self.hasher);
        self.index.reserve(more, hash);
    }

    /// Tracks one more, in a scope of this depth (0: in none).
    pub(super) fn push(&mut self, slot: Slot<E, E::Key>, depth: u32) -> usize {
        let at = self.slots.len();
        if depth > 0 {
            self.log.push((depth, at, Before::Absent));
            self.logged.insert(at, depth);
        }
        if at >= MANY && at == self.slots.capacity() {
            // Not by as many again: that would be more than the entities themselves.
            self.slots.reserve_exact(at / 8);
        }
        let key = slot.key.is_some();
        self.slots.push(slot);
        if key {
            self.enter(at);
        }
        at
    }

    /// Has a slot found by its key; a former one with the same is not found any more.
    fn enter(&mut self, at: usize) {
        let Some(key) = self.slots.get(at).and_then(|slot| slot.key.as_ref()) else { return };
        let is_by = |other: &usize| self.slots.get(*other).is_some_and(|slot| slot.key.as_ref() == Some(key));
        let hash = self.hasher.hash_one(key);
        self.index.entry(hash, is_by, rehash(&self.slots, &self.hasher)).insert(at);
    }

    /// Finds a slot by another key from now on, or by none.
    pub(super) fn index_by(&mut self, at: usize, key: Option<E::Key>) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        let old = std::mem::replace(&mut slot.key, key);
        if let Some(old) = old
            && let Ok(entry) = self.index.find_entry(self.hasher.hash_one(&old), |other| *other == at)
        {
            entry.remove();
        }
        self.enter(at);
    }

    /// The slot is about to change in a scope of this depth: writes down how it is, once a scope.
    pub(super) fn touch(&mut self, at: usize, depth: u32) {
        if depth == 0 || self.logged.insert(at, depth) == Some(depth) {
            return;
        }
        let Some(slot) = self.slots.get(at) else { return };
        let before = Slot {
            entity: slot.entity.snapshot(),
            stored: slot.stored.as_ref().map(E::snapshot),
            key: slot.key.clone(),
            ..*slot
        };
        self.log.push((depth, at, Before::Present(before)));
    }

    /// The scope is kept: what it changed belongs to the scope around it.
    pub(super) fn release(&mut self, depth: u32) {
        self.logged.clear();
        for (at, ..) in self.log.iter_mut().rev().take_while(|(at, ..)| *at >= depth) {
            *at = depth - 1;
        }
        if depth <= 1 {
            self.log.clear();
        }
    }

    /// The scope is undone: every slot is as it was before it, but for those that were not there.
    pub(super) fn undo(&mut self, depth: u32) -> Undone {
        self.logged.clear();
        let mut undone = Undone::default();
        while let Some((_, at, before)) = self.log.pop_if(|(at, ..)| *at >= depth) {
            match before {
                Before::Absent => {
                    self.index_by(at, None);
                    undone.absent.push(at);
                }
                Before::Present(Slot { entity, stored, as_written, key, state, birth, linked }) => {
                    self.index_by(at, key);
                    let Some(slot) = self.slots.get_mut(at) else { continue };
                    // Column by column: fields that are no columns are none of the transaction's business.
                    copy_all(&mut slot.entity, &entity);
                    if slot.birth != birth {
                        undone.unborn.push(at);
                    }
                    (slot.stored, slot.as_written) = (stored, as_written);
                    (slot.state, slot.birth, slot.linked) = (state, birth, linked);
                }
            }
        }
        undone.absent.reverse();
        undone
    }

    /// Lends several at once, each of them once, in this order.
    pub(super) fn lend(&mut self, order: &[usize]) -> Vec<&mut E> {
        let mut wanted: Vec<(usize, usize)> = order.iter().copied().zip(0..).collect();
        wanted.sort_unstable();
        let mut lent: Vec<(usize, &mut E)> = Vec::with_capacity(wanted.len());
        let (mut rest, mut from) = (self.slots.as_mut_slice(), 0);
        for (at, place) in wanted {
            let Some(skip) = at.checked_sub(from) else { continue };
            let Some((_, tail)) = std::mem::take(&mut rest).split_at_mut_checked(skip) else { break };
            let Some((slot, tail)) = tail.split_first_mut() else { break };
            lent.push((place, slot.lend()));
            (rest, from) = (tail, at + 1);
        }
        lent.sort_unstable_by_key(|(place, _)| *place);
        lent.into_iter().map(|(_, entity)| entity).collect()
    }

    /// Forgets everything, and returns it in the order in which it came to be tracked.
    pub(super) fn take(&mut self) -> Vec<Slot<E, E::Key>> {
        self.index.clear();
        self.log.clear();
        self.logged.clear();
        std::mem::take(&mut self.slots)
    }

    /// The transaction was committed: forgets what is gone, and which were new. Only between transactions: the slots move.
    pub(super) fn compact(&mut self) {
        let mut gone = false;
        for slot in &mut self.slots {
            gone |= slot.is_gone();
            slot.birth = Birth::None;
        }
        if !gone {
            return;
        }
        self.slots.retain(|slot| !slot.is_gone());
        self.index.clear();
        (0..self.slots.len()).for_each(|at| self.enter(at));
    }
}
