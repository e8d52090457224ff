//! The order in which updates are written carefully: a row that gives up a unique value goes before the one that takes it.

use std::collections::{BTreeMap, HashMap};

use super::Entities;
use crate::backend::Backend;
use crate::entity::{Column, ColumnSet, Entity, Values};

/// More rows than this are not put in order, for each is compared with each other, and all the while the runtime waits.
const MOST: usize = 1024;

/// A row that is to be updated, and the columns that change in it.
type Update = (ColumnSet, usize);

/// One of these, and what moves in it from where to where.
struct Move<'p, E> {
    row: usize,
    now: &'p E,
    stored: &'p E,
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The updates of the plan in waves: a row that takes a value comes in a later wave than the one that gives it up. Where rows
    /// wait for each other in a circle, one of them goes first for all.
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
        let mut takers = vec![Vec::new(); rows.len()];
        let mut waits_for = vec![0; rows.len()];
        let mut note = |taker: usize, giver: usize| {
            if taker != giver {
                takers[giver].push(taker);
                waits_for[taker] += 1;
            }
        };
        for column in ColumnSet::of(E::COLUMNS, Column::is_unique).iter() {
            let only: ColumnSet = [column].into_iter().collect();
            let moves = self.moves(rows, |columns| columns.contains(column));
            // (Of NULL there is enough for everybody.)
            for taker in moves.iter().filter(|taker| !is_null(taker.now, column)) {
                let gives = |giver: &&Move<'_, E>| taker.now.changes_in(only, giver.stored).is_empty();
                moves.iter().filter(gives).for_each(|giver| note(taker.row, giver.row));
            }
        }
        let key = ColumnSet::of(E::COLUMNS, Column::is_key);
        let moves = self.moves(rows, |columns| columns.meets(key));
        let givers: HashMap<E::Key, usize> =
            moves.iter().map(|giver| (giver.stored.key(), giver.row)).collect();
        for taker in &moves {
            givers.get(&taker.now.key()).into_iter().for_each(|&giver| note(taker.row, giver));
        }
        (takers, waits_for)
    }

    /// Those of the rows in which such columns change.
    fn moves(&self, rows: &[Update], such: impl Fn(ColumnSet) -> bool) -> Vec<Move<'_, E>> {
        let rows = rows.iter().enumerate().filter(|(_, (columns, _))| such(*columns));
        let slots = rows.filter_map(|(row, &(_, at))| Some((row, self.tracked.slot(at)?)));
        slots.map(|(row, slot)| Move { row, now: &slot.entity, stored: slot.as_stored() }).collect()
    }
}

/// Whether a column's value is NULL.
fn is_null<E: Entity<DB>, DB: Backend>(entity: &E, column: usize) -> bool {
    let mut is_null = false;
    entity.bind(column, &mut Values::looked_at(&mut is_null)).is_ok() && is_null
}

fn by_columns(rows: impl Iterator<Item = Update>) -> BTreeMap<ColumnSet, Vec<usize>> {
    let mut updates: BTreeMap<ColumnSet, Vec<usize>> = BTreeMap::new();
    for (columns, at) in rows {
        updates.entry(columns).or_default().push(at);
    }
    updates
}
