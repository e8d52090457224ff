//! The second try of a flush that a row has spoilt.
//!
//! Updates come in waves, for a row that gives up a unique value goes before the one that takes it. What fails is halved until
//! it is one row. A row that fails alone may still have come too early: one that is not compared with it (a new one, one that is
//! deleted, one that refers to what is new, or one of too many) gives up the unique value it takes, is the parent it refers to,
//! or the child that has to let go of it first. So it is tried again behind all others, of whatever type, for as long as that
//! makes any headway.

use std::collections::VecDeque;

use super::{EntitySets, Failure, Step};
use crate::backend::{self, Backend};
use crate::entity::ColumnSet;
use crate::error::Error;

/// The rows of one statement, or of a part of one.
#[derive(Debug, Clone)]
pub(crate) enum Rows {
    Insert(Vec<usize>),
    /// Inserts of what may be there already.
    Offer(Vec<usize>),
    Update(ColumnSet, Vec<usize>),
    /// Updates of what refers to something that may be new.
    Linked(Vec<usize>),
    Delete(Vec<usize>),
}

impl Rows {
    pub(crate) fn slots(&self) -> &[usize] {
        match self {
            Self::Insert(slots)
            | Self::Offer(slots)
            | Self::Update(_, slots)
            | Self::Linked(slots)
            | Self::Delete(slots) => slots,
        }
    }

    pub(crate) fn with(&self, slots: &[usize]) -> Self {
        let slots = slots.to_vec();
        match self {
            Self::Insert(_) => Self::Insert(slots),
            Self::Offer(_) => Self::Offer(slots),
            Self::Update(columns, _) => Self::Update(*columns, slots),
            Self::Linked(_) => Self::Linked(slots),
            Self::Delete(_) => Self::Delete(slots),
        }
    }
}

/// Rows of one of the sets.
struct Part {
    set: usize,
    rows: Rows,
}

/// One look at everything that is not written yet.
struct Round {
    /// Every other one goes backwards: what moves from row to row unseen does so one way or the other.
    backwards: bool,
    too_early: VecDeque<Part>,
    error: Option<Error>,
}

impl Round {
    /// Of several errors the one that comes first in the flush's own order is told.
    fn tell(&mut self, error: impl FnOnce() -> Error) {
        if self.backwards || self.error.is_none() {
            self.error = Some(error());
        }
    }
}

impl<DB: Backend> EntitySets<'_, DB> {
    pub(super) async fn write_carefully(&mut self, steps: &[(usize, Step)]) -> Result<(), Failure> {
        let mut waiting = self.parts(steps);
        let mut left = usize::MAX;
        let mut backwards = false;
        loop {
            let mut round = Round { backwards, too_early: VecDeque::new(), error: None };
            self.write_round(waiting, &mut round).await?;
            let Some(error) = round.error else { return Ok(()) };
            let still_left = round.too_early.iter().map(|part| part.rows.slots().len()).sum();
            if still_left == left {
                // Nobody made room for anybody since the last round.
                return Err(Failure::Error(error));
            }
            left = still_left;
            waiting = round.too_early.into_iter().rev().collect();
            backwards = !backwards;
        }
    }

    fn parts(&mut self, steps: &[(usize, Step)]) -> VecDeque<Part> {
        let mut parts = VecDeque::new();
        for &(set, step) in steps {
            let rows = self.sets.get_mut(set).map(|entities| entities.rows(step)).unwrap_or_default();
            parts.extend(rows.into_iter().map(|rows| Part { set, rows }));
        }
        parts
    }

    async fn write_round(&mut self, mut waiting: VecDeque<Part>, round: &mut Round) -> Result<(), Failure> {
        while let Some(Part { set, rows }) = waiting.pop_front() {
            let Some(entities) = self.sets.get_mut(set) else { continue };
            let (rows, later) = entities.ready(rows);
            if !later.slots().is_empty() {
                round.tell(|| entities.waits());
                round.too_early.push_back(Part { set, rows: later });
            }
            if rows.slots().is_empty() {
                continue;
            }
            let error = match entities.write(&rows).await {
                Ok(()) => continue,
                Err(Failure::Statement(error)) if backend::is_about_row(&error) => error,
                Err(Failure::LeftOut(error)) => error,
                Err(failure) => return Err(failure),
            };
            let (left, right) = rows.slots().split_at(rows.slots().len() / 2);
            if left.is_empty() {
                round.tell(|| entities.named(&rows, error));
                round.too_early.push_back(Part { set, rows });
            } else {
                let (first, second) = if round.backwards { (right, left) } else { (left, right) };
                waiting.push_front(Part { set, rows: rows.with(second) });
                waiting.push_front(Part { set, rows: rows.with(first) });
            }
        }
        Ok(())
    }
}
