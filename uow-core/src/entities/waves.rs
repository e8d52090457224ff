//! The order in which updates are written carefully: a row that gives up a unique value goes before the one that takes it.

use std::collections::BTreeMap;

use super::Entities;
use crate::backend::Backend;
use crate::entity::{Column, ColumnSet, Entity};

/// More rows than this are not put in order, for each is compared with each other, and all the while the runtime waits.
const MOST: usize = 1024;

/// A row that is to be updated, and the columns that change in it.
type Update = (ColumnSet, usize);

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The updates of the plan in waves. No row takes a value that another one of its wave, or of a later wave, has yet to give
    /// up; but for those that wait for each other in a circle, which come last.
    pub(super) fn waves(&self) -> Vec<(ColumnSet, Vec<usize>)> {
        let moving = ColumnSet::of(E::COLUMNS, |column| column.is_unique() || column.is_key());
        let (movers, others): (Vec<_>, Vec<_>) =
            self.plan.updates.iter().cloned().partition(|(columns, _)| columns.meets(moving));
        let rows: Vec<Update> =
            movers.iter().flat_map(|(columns, slots)| slots.iter().map(|&at| (*columns, at))).collect();
        let waves = if rows.len() > MOST { movers } else { self.in_waves(&rows) };
        others.into_iter().chain(waves).collect()
    }

    fn in_waves(&self, rows: &[Update]) -> Vec<(ColumnSet, Vec<usize>)> {
        let mut takers: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
        let mut waits_for = vec![0_usize; rows.len()];
        for (giver, (_, gives)) in rows.iter().enumerate() {
            for (taker, takes) in rows.iter().enumerate() {
                if giver != taker && self.takes_from(*takes, *gives) {
                    takers[giver].push(taker);
                    waits_for[taker] += 1;
                }
            }
        }
        let mut waves = Vec::new();
        let mut wave: Vec<usize> = (0..rows.len()).filter(|&row| waits_for[row] == 0).collect();
        while !wave.is_empty() {
            waves.extend(by_columns(wave.iter().map(|&row| rows[row])));
            let mut next = Vec::new();
            for &taker in wave.iter().flat_map(|&giver| &takers[giver]) {
                waits_for[taker] -= 1;
                if waits_for[taker] == 0 {
                    next.push(taker);
                }
            }
            wave = next;
        }
        let circles = (0..rows.len()).filter(|&row| waits_for[row] > 0);
        waves.extend(by_columns(circles.map(|row| rows[row])));
        waves
    }

    /// Whether a row becomes what the other one still is, in a unique column or by its key.
    fn takes_from(&self, (changed, taker): Update, giver: usize) -> bool {
        let (Some(taker), Some(giver)) = (self.tracked.slot(taker), self.tracked.slot(giver)) else {
            return false;
        };
        let differs = taker.entity.changes(giver.as_stored());
        let unique = ColumnSet::of(E::COLUMNS, Column::is_unique);
        let key = ColumnSet::of(E::COLUMNS, Column::is_key);
        let takes_key = changed.meets(key) && !differs.meets(key);
        takes_key || changed.meets(unique.without(differs))
    }
}

fn by_columns(rows: impl Iterator<Item = Update>) -> BTreeMap<ColumnSet, Vec<usize>> {
    let mut updates: BTreeMap<ColumnSet, Vec<usize>> = BTreeMap::new();
    for (columns, at) in rows {
        updates.entry(columns).or_default().push(at);
    }
    updates
}
