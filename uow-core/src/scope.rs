//! Scopes: what a `run` or `savepoint` closure is lent, and what happens when it ends.

use std::future::{Ready, ready};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::error::{Cause, Error};
use crate::flush::Then;
use crate::repository::Turn;
use crate::session::Session;
use crate::unit_of_work::{UnitOfWork, flush_entities, repositories};

/// The unit of work inside a [`run`](crate::Options::run) or [`savepoint`](UnitOfWork::savepoint) closure.
///
/// It is the unit in all but its end: the getters, `session`, `flush`, `refresh` and further savepoints are there, and a
/// function that takes `&mut Database` takes `&mut Scope<Database>` too. `commit` and `rollback` do not compile: the
/// closure's result decides.
#[derive(Debug)]
pub struct Scope<U> {
    unit: U,
}

impl<U> Scope<U> {
    pub(crate) fn new(unit: U) -> Self {
        Self { unit }
    }

    pub(crate) fn unit(&mut self) -> &mut U {
        &mut self.unit
    }
}

impl<U> Deref for Scope<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.unit
    }
}

impl<U> DerefMut for Scope<U> {
    fn deref_mut(&mut self) -> &mut U {
        &mut self.unit
    }
}

/// Nothing implements this: it is what [`Scope::commit`] and [`Scope::rollback`] ask for.
#[diagnostic::on_unimplemented(
    message = "a unit cannot be committed or rolled back inside a `run` or `savepoint` closure",
    label = "return `Ok` from the closure to keep its work, or `Err` to undo it"
)]
pub trait CommitInsideScope {}

impl<U> Scope<U> {
    /// Does not compile, so that the end of the scope is decided in one place. Return `Ok` from the closure.
    pub fn commit(&mut self) -> Ready<Result<(), Error>>
    where
        U: CommitInsideScope,
    {
        ready(Err(Error::InsideScope { method: "commit" }))
    }

    /// Does not compile, so that the end of the scope is decided in one place. Return `Err` from the closure.
    pub fn rollback(&mut self) -> Ready<Result<(), Error>>
    where
        U: CommitInsideScope,
    {
        ready(Err(Error::InsideScope { method: "rollback" }))
    }
}

/// A savepoint scope that is open: the unit has moved into it, and goes home when it ends, by whatever road.
pub(crate) struct OpenScope<'u, U: UnitOfWork> {
    home: &'u mut U,
    scope: Scope<U>,
    /// The unit's own session, which the closure could have replaced.
    session: Session<U::Database>,
    depth: u32,
    ended: bool,
}

impl<'u, U: UnitOfWork> OpenScope<'u, U> {
    /// Moves the unit into a scope. What stays behind is an empty unit on another handle, which nobody can reach.
    pub(crate) fn open(home: &'u mut U) -> Result<Self, Error> {
        let depth = home.session().shared().open_scope()?;
        let session = home.session().share();
        let stand_in = U::with_session(session.share());
        let unit = std::mem::replace(home, stand_in);
        Ok(Self { home, scope: Scope::new(unit), session, depth, ended: false })
    }

    pub(crate) fn scope(&mut self) -> &mut Scope<U> {
        &mut self.scope
    }

    /// Keeps the scope's work.
    pub(crate) async fn release(mut self) -> Result<(), Error> {
        self.ended = true;
        let depth = self.depth;
        let released = self.session.shared().release_scope(depth).await;
        // What failed unnoticed in it is undone as well.
        let turn = if released.is_ok() { Turn::ScopeKept(depth) } else { Turn::ScopeUndone(depth) };
        repositories(self.scope.unit()).tell(turn);
        released
    }

    /// Undoes the scope's work.
    pub(crate) async fn undo(mut self) -> Result<(), Error> {
        self.ended = true;
        let depth = self.depth;
        let undone = self.session.shared().undo_scope(depth).await;
        repositories(self.scope.unit()).tell(Turn::ScopeUndone(depth));
        undone
    }
}

impl<U: UnitOfWork> Drop for OpenScope<'_, U> {
    fn drop(&mut self) {
        if !self.ended {
            self.session.shared().abandon_scope(self.depth);
        }
        std::mem::swap(self.home, self.scope.unit());
    }
}

/// One run of a closure in a unit of its own.
pub(crate) struct Attempt<U: UnitOfWork> {
    scope: Scope<U>,
    /// The unit's own session, which the closure could have replaced.
    session: Session<U::Database>,
}

/// Why an attempt failed, and whether another one may succeed.
pub(crate) struct Failed<E> {
    pub(crate) error: E,
    pub(crate) transient: bool,
    /// Whether a flush found rows that others had changed.
    pub(crate) conflict: bool,
}

impl<U: UnitOfWork> Attempt<U> {
    pub(crate) fn new(session: Session<U::Database>) -> Self {
        let own = session.share();
        Self { scope: Scope::new(U::with_session(session)), session: own }
    }

    /// Begins the transaction, if that is not left to the first statement.
    pub(crate) async fn begin(&self, eager: bool) -> Result<(), Error> {
        if eager { self.session.shared().begin().await } else { Ok(()) }
    }

    /// Runs the closure, and cuts it off at the unit's deadline, wherever it waits; `None` if that was reached.
    pub(crate) async fn in_time<F, T, E>(
        &mut self,
        deadline: Option<Duration>,
        operation: F,
    ) -> Option<Result<T, E>>
    where
        F: for<'u> AsyncFnOnce(&'u mut Scope<U>) -> Result<T, E>,
    {
        let Some(deadline) = deadline else { return Some(operation(&mut self.scope).await) };
        clock::timeout(deadline, operation(&mut self.scope)).await
    }

    /// Commits or rolls back, by the closure's outcome.
    pub(crate) async fn end<T, E: From<Error>>(
        mut self,
        outcome: Option<Result<T, E>>,
    ) -> Result<T, Failed<E>> {
        match outcome {
            Some(Ok(value)) => match self.commit().await {
                Ok(()) => Ok(value),
                Err(failed) => Err(failed),
            },
            Some(Err(error)) => Err(self.roll_back(|_| error).await),
            None => Err(self.roll_back(|rollback| rollback.err().unwrap_or_else(late).into()).await),
        }
    }

    async fn commit<E: From<Error>>(&mut self) -> Result<(), Failed<E>> {
        let mut flushed = repositories(self.scope.unit()).flush().await;
        let has_entities = self.session.shared().entity_sets() > 0;
        if has_entities && flushed.is_ok() {
            flushed = flush_entities(self.scope.unit(), Then::Commit).await;
        }
        let shared = self.session.shared();
        if let Err(declined) = shared.after_flush(flushed) {
            return Err(self.roll_back(|_| declined.into()).await);
        }
        shared.commit().await.map_err(|error| Failed {
            transient: error.is_transient(),
            conflict: false,
            error: error.into(),
        })?;
        repositories(self.scope.unit()).tell(Turn::Committed);
        Ok(())
    }

    /// Rolls back, and only then hands the error on that is made of what came of it: whoever holds it may begin anew.
    async fn roll_back<E>(&mut self, error: impl FnOnce(Result<(), Error>) -> E) -> Failed<E> {
        let shared = self.session.shared();
        // What the session saw decides, never the closure's error, which is the user's own.
        let (transient, conflict) = (shared.saw_transient_failure(), shared.has_seen_conflict());
        let rollback = shared.rollback().await;
        repositories(self.scope.unit()).tell(Turn::RolledBack);
        if let Err(rollback) = &rollback {
            tracing::error!(unit = U::NAME, error = %rollback, "the rollback of a failed unit failed too");
        }
        // (A server that could not be told stores nothing either.)
        let rolled_back = matches!(rollback, Ok(()) | Err(Error::RolledBack { .. }));
        Failed {
            transient: transient && rolled_back,
            conflict: conflict && rolled_back,
            error: error(rollback),
        }
    }
}

fn late() -> Error {
    Error::RolledBack { cause: Arc::new(Cause::DeadlineExceeded) }
}
