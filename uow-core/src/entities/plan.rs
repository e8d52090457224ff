//! What a flush has to write of one entity type.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;

use super::Entities;
use super::tracked::State;
use crate::backend::Backend;
use crate::entity::{Column, ColumnSet, Entity};
use crate::flush::Work;

/// The slots that a flush has to write, and what it did to them so far.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) inserts: Vec<usize>,
    /// Those that are inserted unless they are there already.
    pub(super) offers: Vec<usize>,
    /// By the columns that changed: each set is a statement of its own.
    pub(super) updates: Vec<(ColumnSet, Vec<usize>)>,
    /// Those of the updates that refer to what may be new.
    pub(super) linked: Vec<usize>,
    pub(super) deletes: Vec<usize>,
    /// Whether all of these rows were found to be as they were read.
    pub(super) checked: bool,
    pub(super) updated: Vec<(ColumnSet, Vec<usize>)>,
    pub(super) deleted: Vec<usize>,
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// Finds what is new, what changed and what was removed.
    pub(super) fn make_plan(&mut self) -> Work {
        let read_only = ColumnSet::of(E::COLUMNS, Column::is_read_only);
        let mut plan = Plan::default();
        let mut updates: BTreeMap<ColumnSet, Vec<usize>> = BTreeMap::new();
        for (at, slot) in self.tracked.slots().iter().enumerate() {
            match (slot.state, &slot.stored) {
                (State::New, _) => plan.inserts.push(at),
                (State::Offered, _) => plan.offers.push(at),
                (State::Removed, _) => plan.deletes.push(at),
                (State::Stored, _) if slot.linked => plan.linked.push(at),
                (State::Stored, Some(stored)) => {
                    let changes = slot.entity.changes(stored).without(read_only);
                    if !changes.is_empty() {
                        updates.entry(changes).or_default().push(at);
                    }
                }
                _ => {}
            }
        }
        plan.inserts.shrink_to_fit();
        plan.updates = updates.into_iter().collect();
        self.in_key_order(&mut plan);
        let touched = plan.inserts.iter().chain(plan.updates.iter().flat_map(|(_, slots)| slots));
        let touched = touched.chain(&plan.linked).chain(&plan.deletes).chain(&plan.offers);
        let depth = self.depth();
        touched.for_each(|&at| self.tracked.touch(at, depth));
        let work = self.work(&plan);
        self.plan = plan;
        work
    }

    /// The columns of a stored entity that an update has to write.
    pub(super) fn changes_of(&self, at: usize) -> ColumnSet {
        let read_only = ColumnSet::of(E::COLUMNS, Column::is_read_only);
        let slot = self.tracked.slot(at);
        slot.map_or(ColumnSet::EMPTY, |slot| slot.entity.changes(slot.as_stored()).without(read_only))
    }

    /// The rows of each statement in the same order for all units, so that they seldom wait for each other. (No more: there is
    /// a statement for each set of changed columns, and PostgreSQL locks the rows of a join in whatever order it finds them.
    /// A deadlock is transient; `run` tries again.)
    fn in_key_order(&self, plan: &mut Plan) {
        let key = |at: &usize| self.tracked.slot(*at).and_then(|slot| slot.key.as_ref()).map(order);
        plan.updates.iter_mut().for_each(|(_, slots)| slots.sort_by_cached_key(key));
        plan.deletes.sort_by_cached_key(key);
    }

    fn work(&self, plan: &Plan) -> Work {
        let unique = ColumnSet::of(E::COLUMNS, Column::is_unique);
        let or_key = ColumnSet::of(E::COLUMNS, |column| column.is_unique() || column.is_key());
        let takes_unique = (plan.inserts.len() + plan.offers.len() + plan.linked.len() > 0
            && !unique.is_empty())
            || plan.updates.iter().any(|(columns, _)| columns.meets(or_key));
        let updated: usize = plan.updates.iter().map(|(_, slots)| slots.len()).sum();
        Work {
            inserts: plan.inserts.len() + plan.offers.len(),
            statements: self.insert_statements(&plan.inserts)
                + self.offer_statements(&plan.offers)
                + plan.updates.len()
                + plan.linked.len()
                + usize::from(!plan.deletes.is_empty()),
            updates: updated + plan.linked.len(),
            deletes: plan.deletes.len(),
            // Somebody waits for the unique values of what is deleted.
            deletes_first: !plan.deletes.is_empty() && takes_unique,
        }
    }
}

/// Keys in an order that is the same for everybody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Number(i128),
    Text(String),
}

pub(super) fn order<K: Debug + 'static>(key: &K) -> Order {
    number(key).map_or_else(|| Order::Text(format!("{key:?}")), Order::Number)
}

/// An integer key as a number.
pub(super) fn number<K: 'static>(key: &K) -> Option<i128> {
    let key = key as &dyn Any;
    macro_rules! integer {
        ($($ty:ty)*) => {
            $(if let Some(number) = key.downcast_ref::<$ty>() { return Some(i128::from(*number)); })*
        };
    }
    integer!(i64 i32 u64 u32 i16 u16 i8 u8);
    None
}

/// A number as an integer key.
pub(super) fn key_of<K: Clone + 'static>(number: i64) -> Option<K> {
    macro_rules! integer {
        ($($ty:ty)*) => {
            $(if let Ok(key) = <$ty>::try_from(number)
                && let Some(key) = (&key as &dyn Any).downcast_ref::<K>() { return Some(key.clone()); })*
        };
    }
    integer!(i64 i32 u64 u32 i16 u16 i8 u8);
    None
}
