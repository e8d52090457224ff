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
    /// The updates of the plan in waves: a row that takes a value comes in a later wave than the one that gives it up. Where rows
    /// wait for each other in a circle, be it that two of them are NULL, one of them goes first for all.
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
        let (takers, mut waits_for) = self.takers(rows);
        let mut waves = Vec::new();
        let mut written = vec![false; rows.len()];
        let mut wave: Vec<usize> = (0..rows.len()).filter(|&row| waits_for[row] == 0).collect();
        loop {
            if wave.is_empty() {
                let Some(first) = written.iter().position(|written| !written) else { return waves };
                wave.push(first);
            }
            wave.iter().for_each(|&row| written[row] = true);
            waves.extend(by_columns(wave.iter().map(|&row| rows[row])));
            let mut next = Vec::new();
            for &taker in wave.iter().flat_map(|&giver| &takers[giver]) {
                waits_for[taker] -= 1;
                if waits_for[taker] == 0 && !written[taker] {
                    next.push(taker);
                }
            }
            // In the order of the plan, as all units have it.
            next.sort_unstable();
            wave = next;
        }
    }

    /// For each of the rows, those that take a value from it; and from how many each takes one.
    fn takers(&self, rows: &[Update]) -> (Vec<Vec<usize>>, Vec<usize>) {
        let unique = ColumnSet::of(E::COLUMNS, Column::is_unique);
        let key = ColumnSet::of(E::COLUMNS, Column::is_key);
        let slot = |(_, at): Update| self.tracked.slot(at);
        let takes_from = |taker: Update, giver: Update| {
            let (Some(now), Some(before)) = (slot(taker), slot(giver)) else { return false };
            let differs = now.entity.changes(before.as_stored());
            let same = unique.without(differs).and(if differs.meets(key) { ColumnSet::EMPTY } else { key });
            taker.0.meets(same) && giver.0.meets(same)
        };
        let mut takers = vec![Vec::new(); rows.len()];
        let mut waits_for = vec![0; rows.len()];
        for (giver, gives) in rows.iter().enumerate() {
            for (taker, takes) in rows.iter().enumerate() {
                if giver != taker && takes_from(*takes, *gives) {
                    takers[giver].push(taker);
                    waits_for[taker] += 1;
                }
            }
        }
        (takers, waits_for)
    }
}

fn by_columns(rows: impl Iterator<Item = Update>) -> BTreeMap<ColumnSet, Vec<usize>> {
    let mut updates: BTreeMap<ColumnSet, Vec<usize>> = BTreeMap::new();
    for (columns, at) in rows {
        updates.entry(columns).or_default().push(at);
    }
    updates
}
