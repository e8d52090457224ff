//! The flush: what was added, changed and removed in a unit, written in an order that the database accepts.
//!
//! It is a savepoint scope of its own: if it fails, the transaction and the memory are as they were before it. One that a row
//! has spoilt is then tried a second time, [carefully](careful), for another order of the rows or to find the one to blame.

mod careful;

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;

use crate::backend::{self, Backend};
use crate::entities::Via;
use crate::error::{Conflict, Error, StaleRow};
use crate::session::Shared;
pub(crate) use careful::Rows;

/// The [`Entities`](crate::Entities) of a unit of work, for its flush: filled by
/// [`Repository::entity_sets`](crate::Repository::entity_sets).
pub struct EntitySets<'u, DB: Backend> {
    sets: Vec<&'u mut dyn EntitySet<DB>>,
}

/// The entities of one type in a unit.
pub(crate) trait EntitySet<DB: Backend>: Send {
    fn entity(&self) -> TypeId;

    /// Whether a column of this type's table refers to that of another.
    fn refers_to(&self, other: TypeId) -> bool;

    /// Finds what there is to write. If all rows were `checked` to be as they were read, those to be deleted are not counted
    /// but have to be gone: what refers to another one may have been deleted along with it.
    fn plan(&mut self, checked: bool) -> Work;

    /// Writes a part of it.
    fn step(&mut self, step: Step, via: Via) -> BoxFuture<'_, Result<(), Failure>>;

    /// The same part, to be written carefully.
    fn rows(&mut self, step: Step) -> Vec<Rows>;

    /// Those of these rows that can be written by now, and those that wait for the key of another one.
    fn ready(&mut self, rows: Rows) -> (Rows, Rows);

    /// Writes these rows in a scope of their own.
    fn write<'s>(&'s mut self, rows: &'s Rows) -> BoxFuture<'s, Result<(), Failure>>;

    /// The error of a statement with one row, with the entity's name.
    fn named(&self, rows: &Rows, error: SqlxError) -> Error;

    /// The error of rows that wait for what is not stored.
    fn waits(&self) -> Error;

    /// All sets have written: memory says so.
    fn settle(&mut self);

    /// What was written was undone: so is what memory says of it.
    fn unsettle(&mut self);

    /// What is not as it was read, and how many rows that were to be deleted are gone.
    fn stale(&mut self) -> BoxFuture<'_, Result<(Vec<StaleRow>, usize), Error>>;

    fn committed(&mut self);

    fn rolled_back(&mut self);

    fn scope_kept(&mut self, depth: u32);

    fn scope_undone(&mut self, depth: u32);
}

/// How much a set has to write.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) statements: usize,
    pub(crate) inserts: usize,
    pub(crate) updates: usize,
    pub(crate) deletes: usize,
    /// Whether its deletes make room for what it writes.
    pub(crate) deletes_first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Inserts and updates.
    Write,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// In the unit's transaction.
    Together,
    /// The same, in ever smaller batches, each in a scope of its own, and in whatever order they can be written.
    Carefully,
    /// In a single statement without a transaction.
    Alone,
}

/// Why a set could not write.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A statement matched fewer rows than it should.
    Stale,
    Statement(SqlxError),
    /// The database did not store every row of a batch, and had no error for it.
    LeftOut(SqlxError),
    /// The set knows better now how to write its rows, and has to begin anew.
    Again,
    Error(Error),
}

impl From<SqlxError> for Failure {
    fn from(error: SqlxError) -> Self {
        match Error::from(error) {
            Error::Sqlx(error) => Self::Statement(error),
            error => Self::Error(error),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Sqlx(error) => Self::Statement(error),
            error => Self::Error(error),
        }
    }
}

impl Failure {
    /// Whether it may be the fault of a row, or of the order of the rows.
    fn is_about_rows(&self) -> bool {
        match self {
            Self::Statement(error) => backend::is_about_row(error),
            Self::LeftOut(_) => true,
            Self::Error(error) => matches!(error, Error::ParentNotStored { .. }),
            Self::Stale | Self::Again => false,
        }
    }
}

/// What comes behind the flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// COMMIT, which needs no savepoint to be released before.
    Commit,
    GoOn,
}

impl<'u, DB: Backend> EntitySets<'u, DB> {
    pub(crate) fn new() -> Self {
        Self { sets: Vec::new() }
    }

    pub(crate) fn push(&mut self, set: &'u mut dyn EntitySet<DB>) {
        self.sets.push(set);
    }

    pub(crate) fn each(&mut self, mut then: impl FnMut(&mut dyn EntitySet<DB>)) {
        self.sets.iter_mut().for_each(|set| then(*set));
    }

    /// Parents before their children; where they refer to each other in a circle, in the order of the fields.
    fn sort(&mut self) {
        let mut rest = std::mem::take(&mut self.sets);
        while !rest.is_empty() {
            let is_free = |set: &&mut dyn EntitySet<DB>| {
                !rest.iter().any(|other| other.entity() != set.entity() && set.refers_to(other.entity()))
            };
            let next = rest.iter().position(is_free).unwrap_or(0);
            self.sets.push(rest.remove(next));
        }
    }

    /// Writes what there is to write. If that fails nothing of it is stored, and memory is as it was.
    pub(crate) async fn flush(&mut self, shared: &Shared<DB>, then: Then) -> Result<(), Error> {
        Flushing(self).0.write_all(shared, then).await
    }

    async fn write_all(&mut self, shared: &Shared<DB>, then: Then) -> Result<(), Error> {
        if self.sets.len() != shared.entity_sets() {
            return Err(Error::EntitiesKeptBack);
        }
        self.sort();
        let mut how = How::Together;
        let mut checked = false;
        loop {
            let mut work: Vec<Work> = self.sets.iter_mut().map(|set| set.plan(checked)).collect();
            self.have_children_make_room_too(&mut work);
            if work.iter().all(|work| work.statements == 0) {
                return Ok(());
            }
            if how == How::Together
                && then == Then::Commit
                && shared.can_send_alone()
                && is_one_atomic_statement(&work)
            {
                how = How::Alone;
            }
            let failure = match self.attempt(shared, &steps(&work, checked), how, then).await {
                Ok(()) => {
                    self.each(|set| set.settle());
                    shared.note_conflict(false);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            self.each(|set| set.unsettle());
            match failure {
                failure if how != How::Carefully && !shared.is_poisoned() && failure.is_about_rows() => {
                    how = How::Carefully;
                }
                Failure::Again if !shared.is_poisoned() => {}
                Failure::Stale => checked = self.conflict(shared, checked).await?,
                failure => return Err(failure.into()),
            }
        }
    }

    /// Where deletes have to make room, those of what refers to the rows come before them.
    fn have_children_make_room_too(&self, work: &mut [Work]) {
        for (parent, set) in self.sets.iter().enumerate() {
            if !work.get(parent).is_some_and(|work| work.deletes_first) {
                continue;
            }
            for (child, work) in self.sets.iter().zip(work.iter_mut()).skip(parent + 1) {
                work.deletes_first |= work.deletes > 0 && child.refers_to(set.entity());
            }
        }
    }

    async fn attempt(
        &mut self,
        shared: &Shared<DB>,
        steps: &[(usize, Step)],
        how: How,
        then: Then,
    ) -> Result<(), Failure> {
        if how == How::Alone {
            return self.write(steps, Via::Alone).await;
        }
        let scope = ScopeGuard::open(shared)?;
        let written = match how {
            How::Carefully => self.write_carefully(steps).await,
            _ => self.write(steps, Via::Transaction).await,
        };
        let depth = scope.end();
        match written {
            Ok(()) if then == Then::Commit => {
                shared.leave_scope_to_commit(depth);
                Ok(())
            }
            Ok(()) => Ok(shared.release_scope(depth).await?),
            Err(failure) => match (failure, shared.undo_scope(depth).await) {
                (Failure::Again, Err(error)) => Err(error.into()),
                // What broke the transaction is said by the failure; that it could not be mended, by the unit's state.
                (failure, _) => Err(failure),
            },
        }
    }

    async fn write(&mut self, steps: &[(usize, Step)], via: Via) -> Result<(), Failure> {
        for (at, step) in steps {
            if let Some(set) = self.sets.get_mut(*at) {
                set.step(*step, via).await?;
            }
        }
        Ok(())
    }

    /// Names every row that is not as it was read. `Ok` if there is none: all that was missing was to be deleted anyway; or
    /// it has yet to be seen whether it was deleted along with what it refers to, which is `true`.
    async fn conflict(&mut self, shared: &Shared<DB>, checked: bool) -> Result<bool, Error> {
        let mut rows = Vec::new();
        let mut gone = 0;
        for set in &mut self.sets {
            let (stale, missing) = set.stale().await?;
            rows.extend(stale);
            gone += missing;
        }
        if rows.is_empty() && (gone > 0 || !checked) {
            return Ok(checked || gone == 0);
        }
        shared.note_conflict(true);
        Err(Error::Conflict(Arc::new(Conflict { rows })))
    }
}

/// A flush that goes on. Dropped before its end, it leaves memory as it was: a lone statement that still waited for its
/// connection has spoiled nothing, and the entities may be changed before the next one.
struct Flushing<'s, 'u, DB: Backend>(&'s mut EntitySets<'u, DB>);

impl<DB: Backend> Drop for Flushing<'_, '_, DB> {
    fn drop(&mut self) {
        // Of one that came to its end there is nothing left to take back.
        self.0.each(|set| set.unsettle());
    }
}

/// What is written, set by set: parents first, and then deleted, children first; but before everything else where somebody
/// waits for the unique values of what is deleted.
fn steps(work: &[Work], checked: bool) -> Vec<(usize, Step)> {
    let (mut before, mut writes, mut behind) = (Vec::new(), Vec::new(), Vec::new());
    for (at, work) in work.iter().enumerate() {
        if work.inserts + work.updates > 0 {
            writes.push((at, Step::Write));
        }
        if work.deletes > 0 {
            let deletes = if work.deletes_first && !checked { &mut before } else { &mut behind };
            deletes.push((at, Step::Delete));
        }
    }
    before.reverse();
    behind.reverse();
    [before, writes, behind].concat()
}

/// One statement that stores all of its rows or none, with an answer that says which.
fn is_one_atomic_statement(work: &[Work]) -> bool {
    let sum = |of: fn(&Work) -> usize| work.iter().map(of).sum::<usize>();
    // An update or delete that matches some of its rows has changed those.
    sum(|work| work.statements) == 1 && sum(|work| work.updates + work.deletes) <= 1
}

/// A savepoint scope of our own. Dropped before its end it is left undecided, which spoils the scope around it.
pub(crate) struct ScopeGuard<'s, DB: Backend> {
    shared: &'s Shared<DB>,
    depth: u32,
    ended: bool,
}

impl<'s, DB: Backend> ScopeGuard<'s, DB> {
    pub(crate) fn open(shared: &'s Shared<DB>) -> Result<Self, Error> {
        Ok(Self { shared, depth: shared.open_scope()?, ended: false })
    }

    /// What becomes of the scope is decided: its depth is handed on.
    pub(crate) fn end(mut self) -> u32 {
        self.ended = true;
        self.depth
    }
}

impl<DB: Backend> Drop for ScopeGuard<'_, DB> {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.abandon_scope(self.depth);
        }
    }
}

impl<DB: Backend> fmt::Debug for EntitySets<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntitySets").field("sets", &self.sets.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, Work, steps};

    #[test]
    fn parents_are_written_first_and_deleted_last_but_for_those_in_somebodys_way() {
        let both = Work { inserts: 1, deletes: 1, ..Work::default() };
        let in_the_way = Work { updates: 1, deletes_first: true, inserts: 0, ..both };
        let work = [both, Work::default(), both, in_the_way, in_the_way];
        let order = |deletes: [usize; 4], before: usize| {
            let (before, behind) = deletes.split_at(before);
            let delete = |sets: &[usize]| sets.iter().map(|&at| (at, Step::Delete)).collect::<Vec<_>>();
            let writes = [0, 2, 3, 4].map(|at| (at, Step::Write));
            [delete(before), writes.to_vec(), delete(behind)].concat()
        };
        assert_eq!(steps(&work, false), order([4, 3, 2, 0], 2));
        // What is gone already is in nobody's way.
        assert_eq!(steps(&work, true), order([4, 3, 2, 0], 0));
    }
}
