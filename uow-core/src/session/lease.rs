//! A lease of the session's connection to one errand, which must come back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;

use super::state::{Errand, Inner, Poison, Scopes, Shared, State};
use crate::backend::{self, Backend, Query, Step};
use crate::boxed::boxed;
use crate::clock;
use crate::connection::{Held, PATIENCE};
use crate::error::{Cause, Error};
use crate::interrupt::{self, Interruption, Process};
use crate::sql::{self, Effect};

/// The connection, lent to one errand. It is given back by [`finish`](Self::finish), when the errand's answer has been
/// read to its end. Dropped before that, the connection is closed and the unit marked abandoned: whoever cancels a future
/// of the session at whatever await drops a lease.
pub(crate) struct Lease<'s, DB: Backend> {
    shared: &'s Shared<DB>,
    errand: Errand,
    connection: Option<Held<DB>>,
    ready: bool,
    finished: bool,
}

impl<'s, DB: Backend> Lease<'s, DB> {
    /// A lease for a statement of the user's, which has to be [made ready](Self::make_ready) unless it [is](Self::is_ready).
    /// (Those are two, for most statements find all as they need it, and waiting for nothing would cost each of them.)
    pub(super) fn for_statement(shared: &'s Shared<DB>, effect: Effect) -> Result<Self, Error> {
        let mut inner = shared.lock();
        let connection = match std::mem::replace(&mut inner.state, State::Lent(Errand::Statement)) {
            State::Open(connection) => Some(connection),
            State::Idle => None,
            other => return Err(inner.put_back(other)),
        };
        inner.statements += 1;
        inner.wrote |= effect > Effect::Reads;
        let in_scope = inner.scopes.sent >= inner.scopes.open;
        let mut lease = Self::of(shared, Errand::Statement, connection);
        lease.ready = lease.connection.is_some() && in_scope && effect != Effect::Opaque;
        Ok(lease)
    }

    /// The same, made ready.
    pub(super) async fn ready_for_statement(
        shared: &'s Shared<DB>,
        effect: Effect,
    ) -> Result<Self, SqlxError> {
        let mut lease = Self::for_statement(shared, effect)?;
        lease.make_ready(effect).await?;
        Ok(lease)
    }

    /// Whether the connection is in a transaction, and in the innermost scope.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// Takes a connection and begins a transaction on it, if there is none yet, and sends the savepoints that are missing.
    /// (Boxed, for what it takes to get a connection is large, and would make each statement's future as large.)
    pub(super) fn make_ready(&mut self, effect: Effect) -> BoxFuture<'_, Result<(), SqlxError>> {
        boxed!(async move {
            if self.connection.is_none() {
                self.begin().await?;
            } else {
                let scopes = self.shared.lock().scopes;
                if scopes.sent < scopes.open {
                    Box::pin(self.set_savepoints(scopes)).await?;
                }
            }
            if effect == Effect::Opaque {
                Box::pin(self.look_away()).await?;
            }
            self.ready = true;
            Ok(())
        })
    }

    /// A lease on the connection as it is, for the unit's own errands.
    pub(super) fn of(shared: &'s Shared<DB>, errand: Errand, connection: Option<Held<DB>>) -> Self {
        Self { shared, errand, connection, ready: true, finished: false }
    }

    /// The same lease on another errand, with a connection.
    pub(super) fn becomes(mut self, errand: Errand, connection: Held<DB>) -> Self {
        self.finished = true;
        Self::of(self.shared, errand, Some(connection))
    }

    /// The same lease, on another errand.
    pub(super) fn goes_on(mut self, errand: Errand) -> Self {
        self.errand = errand;
        self
    }

    /// What was sent without a transaction has failed, with an error that is handed on. Whether it `spoils` a unit whose end
    /// is not its user's to decide: whoever swallows a failed statement must not store the rest.
    pub(super) fn fail_alone(mut self, error: SqlxError, spoils: bool) -> SqlxError {
        let connection = self.connection.take().filter(|_| !self.shared.closes_connection(&error));
        let scope = self.shared.depth();
        let cause = self.shared.note_failure(&mut self.shared.lock(), self.errand.word(), &error, false);
        let state = if spoils { self.shared.after_failed_begin(&cause, scope) } else { State::Idle };
        self.end_in(state);
        if let Some(connection) = connection {
            connection.release();
        }
        error
    }

    /// The errand's answer did not come.
    pub(super) fn lose(mut self, during: &'static str, error: &SqlxError) -> Error {
        let cause = Arc::new(Cause::failed(during, error));
        self.end_in(State::Unknown { cause: Arc::clone(&cause), marker: None });
        if let Some(held) = self.connection.take() {
            interrupt::give_up(held);
        }
        Error::OutcomeUnknown { cause }
    }

    pub(crate) fn connection(&mut self) -> Result<&mut DB::Connection, SqlxError> {
        self.held()?.get()
    }

    pub(crate) fn peek(&self) -> Option<&DB::Connection> {
        self.connection.as_ref()?.peek()
    }

    pub(super) fn held(&mut self) -> Result<&mut Held<DB>, SqlxError> {
        match &mut self.connection {
            Some(held) => Ok(held),
            None => Err(SqlxError::PoolClosed),
        }
    }

    /// Takes a connection and begins a transaction on it.
    ///
    /// A failure leaves a unit that its user ends as it was, idle. Inside a closure it is a failed statement like any other:
    /// whoever swallows it must not store the rest.
    async fn begin(&mut self) -> Result<(), SqlxError> {
        let open = self.shared.depth();
        let begun = match Held::acquire(&self.shared.pool).await {
            Ok(held) if DB::HAS_SERVER => {
                let limit = begin_limit(self.shared);
                let begin = clock::timeout(limit, boxed!(begin_on(self.shared, held, open))).await;
                begin.unwrap_or_else(|| Err(backend::no_answer("BEGIN", limit)))
            }
            Ok(held) => begin_on(self.shared, held, open).await,
            Err(error) => Err(error),
        };
        match begun {
            Ok(connection) => {
                self.connection = Some(connection);
                // (Of an idle unit none was sent.)
                if open > 0 {
                    self.shared.lock().scopes.sent = open;
                }
                Ok(())
            }
            Err(error) => {
                let cause = Arc::new(Cause::failed("BEGIN", &error));
                self.end_in(self.shared.after_failed_begin(&cause, open));
                self.shared.lock().last_failure = Some(cause);
                Err(error)
            }
        }
    }

    /// Sends the savepoints of the scopes that were opened since the last statement, in one message where that is safe.
    async fn set_savepoints(&mut self, scopes: Scopes) -> Result<(), SqlxError> {
        let mut next = scopes.sent + 1;
        while next <= scopes.open {
            let last = if DB::COMMITS_ALONE { next } else { scopes.open };
            let text = sql::set_savepoints(next..=last);
            if let Err(error) = self.send_own(Query::unprepared(text)).await {
                return Err(self.fail_during("SAVEPOINT", error).await);
            }
            self.shared.lock().scopes.sent = last;
            next = last + 1;
        }
        Ok(())
    }

    /// What comes now cannot be looked into, and may end the transaction. What an error says of that is no longer the whole
    /// truth then; the sentinel's answer is.
    async fn look_away(&mut self) -> Result<(), SqlxError> {
        if self.shared.lock().unseen {
            return Ok(());
        }
        if let Err(error) = self.send_own(Query::fixed(DB::BEFORE_UNSEEN)).await {
            return Err(self.fail_during("SAVEPOINT", error).await);
        }
        self.held()?.transaction.restore.push_str(DB::RESTORE_UNSEEN);
        let mut inner = self.shared.lock();
        inner.unseen = true;
        inner.sentinel = inner.scopes.sent;
        Ok(())
    }

    /// Sends a text of the unit's own, for whose answer nobody but the unit can set a limit.
    async fn send_own(&mut self, query: Query<DB>) -> Result<(), SqlxError> {
        let shared = self.shared;
        let sending = backend::send::<DB>(self.connection()?, query);
        let answer = if DB::HAS_SERVER { shared.in_limit("SAVEPOINT", sending).await } else { sending.await };
        answer.outcome
    }

    /// The errand is done, and its answer read to the end.
    pub(super) async fn finish<T>(self, outcome: Result<T, SqlxError>) -> Result<T, SqlxError> {
        match outcome {
            Ok(value) => {
                self.succeed();
                Ok(value)
            }
            Err(error) => Err(self.fail(error).await),
        }
    }

    /// The errand is done.
    pub(super) fn succeed(mut self) {
        self.give_back();
    }

    /// The errand has failed, with an error that is handed on.
    pub(super) async fn fail(mut self, error: SqlxError) -> SqlxError {
        self.fail_during(self.errand.word(), error).await
    }

    async fn fail_during(&mut self, during: &'static str, error: SqlxError) -> SqlxError {
        let gone = match &mut self.connection {
            Some(held) => match held.get() {
                Ok(connection) => DB::rolled_back(connection, &error).await,
                Err(closed) => return closed,
            },
            None => false,
        };
        self.give_back_failed(during, &error, gone);
        error
    }

    /// The errand is done.
    pub(crate) fn give_back(&mut self) {
        let state = match self.connection.take() {
            Some(connection) => State::Open(connection),
            None => State::Idle,
        };
        let mut inner = self.shared.lock();
        // Whatever failed before, in a scope that was undone, was got over.
        inner.last_failure = None;
        self.put(&mut inner, state);
    }

    /// A statement failed; `gone` if it took the whole transaction with it.
    fn give_back_failed(&mut self, during: &'static str, error: &SqlxError, gone: bool) {
        let connection = self.connection.take();
        let mut inner = self.shared.lock();
        let cause = self.shared.note_failure(&mut inner, during, error, false);
        let state = if self.shared.closes_connection(error) {
            // Closed, for who knows what the next answer on it would belong to; or what it knows is out of date.
            inner.lost_with(&cause, close(connection, error))
        } else {
            let scope = inner.scopes.sent;
            State::Poisoned(Poison { cause, scope, gone, connection, interruption: None })
        };
        self.put(&mut inner, state);
    }

    /// Ends the lease in this state; unless the unit is gone meanwhile, for then there is no one left to use it.
    fn put(&mut self, inner: &mut Inner<DB>, state: State<DB>) {
        self.finished = true;
        if !matches!(inner.state, State::Gone) {
            inner.state = state;
        } else if let Some(connection) = state.into_connection() {
            super::rollback::roll_back_in_background(connection, &self.shared.settings.plan);
        }
    }

    /// The errand ended with no transaction left. The connection, if still here, is closed.
    pub(super) fn become_idle(&mut self) {
        self.end_in(State::Idle);
    }

    /// The transaction was ended by an answer that leaves the connection clean: it goes back to the pool.
    pub(super) fn release(mut self) {
        self.become_idle();
        if let Some(connection) = self.connection.take() {
            connection.release();
        }
    }

    /// The transaction came to a bad end. What becomes of the connection is the caller's to decide.
    pub(super) fn end_badly(mut self, state: State<DB>) -> Option<Held<DB>> {
        self.end_in(state);
        self.connection.take()
    }

    /// The scope of this depth is over on the server, and the unit goes on.
    pub(super) fn leave_scope(&mut self, depth: u32) {
        let state = self.connection.take().map_or(State::Idle, State::Open);
        self.set(state, depth);
    }

    /// The scope of this depth could not be ended, for this error: only the whole unit can be undone.
    pub(super) fn leave_scope_poisoned(
        &mut self,
        depth: u32,
        cause: &Arc<Cause>,
        gone: bool,
        error: &SqlxError,
    ) {
        let connection = self.connection.take();
        let state = if self.shared.closes_connection(error) {
            let interruption = close(connection, error);
            self.shared.lock().lost_with(cause, interruption)
        } else {
            let cause = Arc::clone(cause);
            State::Poisoned(Poison { cause, scope: 0, gone, connection, interruption: None })
        };
        self.set(state, depth);
    }

    fn set(&mut self, state: State<DB>, depth: u32) {
        let mut inner = self.shared.lock();
        inner.scopes.sent = depth - 1;
        self.put(&mut inner, state);
    }

    /// The errand ended the transaction, and with it all scopes that were sent.
    pub(super) fn end_in(&mut self, state: State<DB>) {
        let mut inner = self.shared.lock();
        inner.forget_transaction();
        self.put(&mut inner, state);
    }
}

/// How long BEGIN may go unanswered. (Whoever sets a shorter limit means the wait for a place in the pool.)
fn begin_limit<DB: Backend>(shared: &Shared<DB>) -> Duration {
    shared.pool.options().get_acquire_timeout().max(PATIENCE)
}

/// Begins a transaction on a connection, with the savepoints of the scopes that are open, in one message.
async fn begin_on<DB: Backend>(
    shared: &Shared<DB>,
    mut held: Held<DB>,
    scopes: u32,
) -> Result<Held<DB>, SqlxError> {
    let settings = &shared.settings;
    if settings.plan.remembers {
        held.transaction.restore = DB::remember(held.get()?).await?;
    }
    if let Some(verification) = &settings.verification {
        // (Boxed, for it is seldom, and the future that every unit begins by is the smaller for it.)
        held.transaction.marker = Box::pin(verification.draw(held.get()?)).await?;
    }
    let mut begin = settings.plan.begin.clone();
    if scopes > 0 {
        begin = format!("{begin}; {}", sql::set_savepoints(1..=scopes)).into();
    }
    if !DB::HAS_SERVER {
        backend::send::<DB>(held.get()?, Query::fixed(begin)).await.outcome?;
        return Ok(held);
    }
    let since = Instant::now();
    let mut number = None;
    backend::run::<DB>(held.get()?, Query::fixed(begin), |step| {
        if let Step::<DB>::Right(row) = step {
            number = DB::process(&row);
        }
    })
    .await?;
    held.transaction.process = number.map(|number| Process { number, since });
    Ok(held)
}

/// Closes a connection for this error. Where that did not come from the server, the server may know nothing of it.
fn close<DB: Backend>(connection: Option<Held<DB>>, error: &SqlxError) -> Option<Interruption> {
    match error {
        SqlxError::Database(_) => None,
        _ => interrupt::give_up(connection?),
    }
}

impl<DB: Backend> Drop for Lease<'_, DB> {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let cause = Arc::new(Cause::Abandoned { during: self.errand.word() });
        let marker = self.connection.as_mut().and_then(|held| held.transaction.marker.take());
        // The place in the pool is free when the server is done with it, or was told.
        let interruption = self.connection.take().and_then(|held| match self.errand {
            Errand::Commit => interrupt::settle(held),
            _ => interrupt::give_up(held),
        });
        let inner = self.shared.lock();
        let state = match self.errand {
            Errand::Commit | Errand::Alone => State::Unknown { cause: inner.doubt(&cause), marker },
            // There was no transaction for it to be part of.
            Errand::Read => State::Idle,
            Errand::Statement | Errand::Savepoint => inner.lost_with(&cause, interruption),
        };
        drop(inner);
        self.end_in(state);
    }
}

impl<DB: Backend> Shared<DB> {
    /// Whether a connection on which this came as an answer is of no use any more.
    pub(super) fn closes_connection(&self, error: &SqlxError) -> bool {
        DB::ends_connection(error) || DB::spoils_connection(error, self.settings.plan.read_only)
    }

    /// What the unit is when no transaction could be begun for it.
    fn after_failed_begin(&self, cause: &Arc<Cause>, scope: u32) -> State<DB> {
        if self.settings.guarded || scope > 0 {
            State::Poisoned(Poison { scope, ..Poison::final_cause(Arc::clone(cause)) })
        } else {
            State::Idle
        }
    }
}

impl<DB: Backend> Shared<DB> {
    /// Refuses the statements that would end the transaction this session answers for, and tells what another one may do.
    pub(super) fn admit(&self, query: &Query<DB>) -> Result<Effect, Error> {
        Ok(sql::admit(query.text(), DB::DIALECT, query.is_one())?)
    }
}
