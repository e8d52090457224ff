//! Savepoint scopes: each confines the failures in it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::lease::Lease;
use super::state::{Errand, Inner, Poison, Shared, State};
use crate::backend::{self, Backend, Query};
use crate::connection::Held;
use crate::error::{Cause, Error};
use crate::sql;

/// What there is to end when a scope is left.
enum Leaving<DB: Backend> {
    /// Nothing was sent in it.
    Nothing,
    /// Its savepoint is on the server, and nothing failed.
    Healthy(Held<DB>),
    /// Something failed in it, which may have ended the transaction; without a connection, before its savepoint was sent.
    Failed { cause: Arc<Cause>, gone: bool, connection: Option<Held<DB>> },
}

impl<DB: Backend> Shared<DB> {
    /// How many savepoint scopes are open. (Asked for each entity that is touched, and so without the lock.)
    pub(crate) fn depth(&self) -> u32 {
        self.depth.load(Ordering::Relaxed)
    }

    pub(super) fn set_depth(&self, inner: &mut Inner<DB>, depth: u32) {
        inner.scopes.open = depth;
        self.depth.store(depth, Ordering::Relaxed);
    }

    /// Opens a scope and returns its depth. Nothing is sent before a statement in it is.
    pub(crate) fn open_scope(&self) -> Result<u32, Error> {
        let mut inner = self.lock();
        match inner.state.refusal() {
            Some(refusal) => Err(refusal),
            None => {
                let depth = inner.scopes.open + 1;
                self.set_depth(&mut inner, depth);
                Ok(depth)
            }
        }
    }

    /// Keeps what was done in the scope, if nothing failed in it; else undoes it and says so.
    pub(crate) async fn release_scope(&self, depth: u32) -> Result<(), Error> {
        match self.leave(depth)? {
            Leaving::Nothing => Ok(()),
            Leaving::Healthy(connection) => {
                self.send_end(connection, depth, sql::release_savepoint(depth), None).await
            }
            Leaving::Failed { cause, gone, connection } => {
                if let Some(connection) = connection {
                    let first = Some((Arc::clone(&cause), gone));
                    self.send_end(connection, depth, sql::undo_savepoint(depth), first).await?;
                }
                Err(Error::ScopeUndone { cause })
            }
        }
    }

    /// Undoes what was done in the scope. The unit goes on, unless what failed was outside of the scope.
    pub(crate) async fn undo_scope(&self, depth: u32) -> Result<(), Error> {
        let (connection, first) = match self.leave(depth)? {
            Leaving::Nothing | Leaving::Failed { connection: None, .. } => return Ok(()),
            Leaving::Healthy(connection) => (connection, None),
            Leaving::Failed { cause, gone, connection: Some(connection) } => {
                (connection, Some((cause, gone)))
            }
        };
        self.send_end(connection, depth, sql::undo_savepoint(depth), first).await
    }

    /// Leaves the scope without a word to the server: its future was dropped, or its body panicked.
    pub(crate) fn abandon_scope(&self, depth: u32) {
        // What it did is neither kept nor undone, so the scope around it is unfit to go on.
        let scope = depth - 1;
        let cause = Arc::new(Cause::Abandoned { during: Errand::Savepoint.word() });
        let abandoned = |connection| {
            State::Poisoned(Poison { cause, scope, gone: false, connection, interruption: None })
        };
        let mut inner = self.lock();
        self.set_depth(&mut inner, scope);
        inner.state = match std::mem::replace(&mut inner.state, State::Idle) {
            State::Open(connection) => abandoned(Some(connection)),
            State::Idle => abandoned(None),
            State::Poisoned(poison) => State::Poisoned(Poison { scope: poison.scope.min(scope), ..poison }),
            other => other,
        };
    }

    fn leave(&self, depth: u32) -> Result<Leaving<DB>, Error> {
        let in_time = self.check_deadline();
        let mut inner = self.lock();
        self.set_depth(&mut inner, depth - 1);
        in_time?;
        let sent = inner.scopes.sent >= depth;
        match std::mem::replace(&mut inner.state, State::Lent(Errand::Savepoint)) {
            State::Open(connection) if sent => Ok(Leaving::Healthy(connection)),
            State::Poisoned(Poison { cause, scope, gone, connection, .. }) if scope >= depth => {
                let connection = match connection {
                    Some(connection) if sent => Some(connection),
                    unsent => {
                        inner.state = unsent.map_or(State::Idle, State::Open);
                        None
                    }
                };
                Ok(Leaving::Failed { cause, gone, connection })
            }
            other => match other.refusal() {
                Some(_) => Err(inner.put_back(other)),
                None => {
                    inner.state = other;
                    Ok(Leaving::Nothing)
                }
            },
        }
    }

    /// Sends the end of a scope, in the time the unit has.
    async fn send_end(
        &self,
        connection: Held<DB>,
        depth: u32,
        text: String,
        first: Option<(Arc<Cause>, bool)>,
    ) -> Result<(), Error> {
        let end = self.send_end_now(Lease::of(self, Errand::Savepoint, Some(connection)), depth, text, first);
        if self.settings.deadline.is_none() {
            return end.await;
        }
        Ok(self.in_time(Box::pin(async { Ok(end.await?) })).await?)
    }

    /// The same; if that fails the whole unit is poisoned, with the first cause.
    async fn send_end_now(
        &self,
        mut lease: Lease<'_, DB>,
        depth: u32,
        text: String,
        first: Option<(Arc<Cause>, bool)>,
    ) -> Result<(), Error> {
        let text = self.keep_sentinel(depth, text);
        let sending = backend::send::<DB>(lease.connection()?, Query::unprepared(text));
        let answer = if DB::HAS_SERVER { self.in_limit("SAVEPOINT", sending).await } else { sending.await };
        let Err(error) = answer.outcome else {
            lease.leave_scope(depth);
            return Ok(());
        };
        let lost = DB::sentinel_gone(&error) || DB::is_no_transaction(&error);
        // It was there, and behind it in the same message it is not: a Galera node has aborted the transaction in between.
        let aborted = lost && answer.results > 0;
        let (own, unseen) = {
            let mut inner = self.lock();
            (self.note_failure(&mut inner, Errand::Savepoint.word(), &error, aborted), inner.unseen)
        };
        if lost && (unseen || (first.is_none() && !aborted)) {
            // The savepoint went with its transaction, and nobody said so; or what was run unseen may have ended one before.
            let cause = Arc::new(Cause::TransactionGone);
            lease.end_in(State::Ended { cause: Arc::clone(&cause) });
            return Err(Error::EndedEarly { cause });
        }
        let gone = DB::rolled_back(lease.connection()?, &error).await;
        let (cause, gone) = match first {
            // A failure that took the transaction along has taken the savepoint too.
            Some((cause, was_gone)) => (cause, was_gone || lost || gone),
            None => (own, aborted || gone),
        };
        lease.leave_scope_poisoned(depth, &cause, gone, &error);
        let refusal = self.lock().state.refusal();
        Err(refusal.unwrap_or(Error::Poisoned { cause }))
    }

    /// The text that ends a scope, and sets the sentinel anew if it goes with the scope. One that was set before the scope was
    /// opened stays, for it tells whether the transaction is still the one it was set in.
    fn keep_sentinel(&self, depth: u32, text: String) -> String {
        let mut inner = self.lock();
        if !inner.unseen || inner.sentinel < depth {
            return text;
        }
        inner.sentinel = depth - 1;
        format!("{text}; {}", sql::SENTINEL)
    }
}
