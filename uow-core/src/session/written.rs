//! What a flush asks of the session: statements that the library wrote itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx_core::Error as SqlxError;

use super::lease::Lease;
use super::state::{Errand, Poison, Shared, State};
use crate::backend::{self, Backend, Query, Step};
use crate::boxed::boxed;
use crate::error::{Cause, Error};
use crate::sql::Effect;
use crate::transaction_options::Plan;

impl<DB: Backend> Shared<DB> {
    /// How the unit's transactions are begun.
    pub(crate) fn plan(&self) -> &Plan {
        &self.settings.plan
    }

    /// One more entity set is on this session, or one less.
    pub(crate) fn count_entity_set(&self, more: bool) {
        let count: fn(&AtomicUsize, usize, Ordering) -> usize =
            if more { AtomicUsize::fetch_add } else { AtomicUsize::fetch_sub };
        count(&self.entity_sets, 1, Ordering::Relaxed);
    }

    /// How many entity sets are on this session, whoever holds them.
    pub(crate) fn entity_sets(&self) -> usize {
        self.entity_sets.load(Ordering::Relaxed)
    }

    /// Whether the last flush found rows that were not as they had been read.
    pub(crate) fn note_conflict(&self, conflict: bool) {
        self.lock().conflict = conflict;
    }

    /// Whether the last thing that went wrong was such a conflict.
    pub(crate) fn has_seen_conflict(&self) -> bool {
        self.lock().conflict
    }

    /// What a statement did is not fit to be kept, although it did not fail: the scope it was sent in is spoilt as by a
    /// failure. Nothing is, where nothing was sent or a failure was seen already.
    pub(crate) fn spoil(&self, error: &SqlxError) {
        let cause = Arc::new(Cause::failed(Errand::Statement.word(), error));
        let mut inner = self.lock();
        let scope = inner.scopes.sent;
        inner.state = match std::mem::replace(&mut inner.state, State::Idle) {
            State::Open(connection) => State::Poisoned(Poison {
                cause,
                scope,
                gone: false,
                connection: Some(connection),
                interruption: None,
            }),
            other => other,
        };
    }

    /// The innermost scope can only be undone from here on. A first failure stays the cause.
    pub(super) fn doom(&self, reason: String) -> Result<(), Error> {
        let cause = Arc::new(Cause::RollbackOnly { reason });
        let mut inner = self.lock();
        let scope = inner.scopes.open;
        let connection = match std::mem::replace(&mut inner.state, State::Idle) {
            State::Open(connection) => Some(connection),
            State::Idle => None,
            State::Poisoned(poison) if poison.scope <= scope => {
                inner.state = State::Poisoned(poison);
                return Ok(());
            }
            other => return Err(inner.put_back(other)),
        };
        let gone = connection.is_none();
        inner.state = State::Poisoned(Poison { cause, scope, gone, connection, interruption: None });
        Ok(())
    }

    /// Runs a statement in the transaction. It is our own, so nobody has to look what it does. Of a text of several the result
    /// is that of the last one.
    pub(crate) async fn send(
        &self,
        query: Query<DB>,
        each: impl FnMut(DB::Row) + Send,
    ) -> Result<DB::QueryResult, SqlxError> {
        self.send_own(query, Effect::Writes, each).await
    }

    /// Runs a SELECT in the transaction: a unit that did nothing else has nothing to lose.
    pub(crate) async fn select(
        &self,
        query: Query<DB>,
        each: impl FnMut(DB::Row) + Send,
    ) -> Result<(), SqlxError> {
        self.send_own(query, Effect::Reads, each).await.map(drop)
    }

    async fn send_own(
        &self,
        query: Query<DB>,
        effect: Effect,
        mut each: impl FnMut(DB::Row) + Send,
    ) -> Result<DB::QueryResult, SqlxError> {
        let query = self.as_sent(query);
        self.in_time(boxed!(async move {
            let mut lease = Lease::ready_for_statement(self, effect).await?;
            let mut result = DB::QueryResult::default();
            let outcome = backend::run::<DB>(lease.connection()?, query, |step| match step {
                Step::<DB>::Left(done) => result = done,
                Step::<DB>::Right(row) => each(row),
            })
            .await;
            match outcome {
                Ok(()) => {
                    lease.succeed();
                    Ok(result)
                }
                Err(error) => Err(lease.fail(error).await),
            }
        }))
        .await
    }

    /// The scope's work is what is committed next: its savepoint goes with the transaction.
    pub(crate) fn leave_scope_to_commit(&self, depth: u32) {
        let mut inner = self.lock();
        self.set_depth(&mut inner, depth - 1);
        inner.scopes.sent = inner.scopes.sent.min(depth - 1);
    }
}
