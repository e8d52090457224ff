//! Units with options, and units run in a closure.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use sqlx_core::pool::Pool;

use crate::backend::Backend;
use crate::clock;
use crate::closure::{AsyncFuncMut, AsyncFuncOnce};
use crate::error::Error;
use crate::marker::Verification;
use crate::retry::Retry;
use crate::scope::{Attempt, Scope};
use crate::session::{Session, Settings};
use crate::transaction_options::{Isolation, Plan, SqliteMode, TransactionOptions};
use crate::unit_of_work::UnitOfWork;

/// How units of the type `U` are begun, and a way to run a closure in one.
///
/// Made by [`UnitOfWork::options`]. What concerns the transaction is sent with BEGIN, in one message, and the connection is
/// what it was before when it goes back to the pool. An option the engine does not have is an [`Error::Unsupported`] before
/// anything is sent, never a warning.
pub struct Options<U: UnitOfWork> {
    pool: Pool<U::Database>,
    transaction: TransactionOptions,
    eager: bool,
    commit_timeout: Option<Duration>,
    retry: Retry,
    verification: Option<Verification<U::Database>>,
    unit: PhantomData<fn() -> U>,
}

impl<U: UnitOfWork> Options<U> {
    pub(crate) fn new(pool: &Pool<U::Database>) -> Self {
        Self {
            pool: pool.clone(),
            transaction: TransactionOptions::default(),
            eager: false,
            commit_timeout: None,
            retry: Retry::NEVER,
            verification: None,
            unit: PhantomData,
        }
    }

    /// The isolation level; the engine's own default if it is not called. SQLite has `Serializable` alone.
    #[must_use]
    pub fn isolation(mut self, level: Isolation) -> Self {
        self.transaction.isolation = Some(level);
        self
    }

    /// Whether the unit promises not to write: the engine refuses a write then. On SQLite it begins DEFERRED.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.transaction.read_only = read_only;
        self
    }

    /// Whether a serializable, read-only unit waits for a moment in which it cannot conflict. PostgreSQL only.
    #[must_use]
    pub fn deferrable(mut self, deferrable: bool) -> Self {
        self.transaction.deferrable = deferrable;
        self
    }

    /// When the unit takes the write lock. SQLite only.
    #[must_use]
    pub fn sqlite_mode(mut self, mode: SqliteMode) -> Self {
        self.transaction.sqlite_mode = Some(mode);
        self
    }

    /// How long the server may work on one statement. MySQL looks at the time of a SELECT only, so a statement that writes
    /// and waits for a row needs a [`lock_timeout`](Self::lock_timeout) there; SQLite knows no such limit and has
    /// [`deadline`](Self::deadline).
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.transaction.statement_timeout = Some(timeout);
        self
    }

    /// How long a statement may wait for a lock. MySQL and MariaDB count in whole seconds: the next one up is taken. There the
    /// connection is made what it was in a message behind COMMIT, which nobody waits for; so it is with the other time-outs.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.transaction.lock_timeout = Some(timeout);
        self
    }

    /// Whether a pooler in transaction mode (PgBouncer's `pool_mode = transaction`) stands before the server. It gives each
    /// transaction whatever connection is free, and a statement that was prepared on another one is not there, or, worse, is
    /// somebody else's. With this option every statement of the unit is sent inside its transaction and prepared anew,
    /// also one that was prepared on that connection before; to prepare one by itself is refused.
    ///
    /// It protects the unit, and not what others send: *everything* that goes through such a pooler has to be in units with
    /// this option, or go to the server on a pool of its own. sqlx numbers its prepared statements by the connection it sees
    /// (`sqlx_s_1`, …), so a query outside of such a unit can run the statement of another program, without an error:
    /// behind PgBouncer 1.18, sqlx 0.9 read wrong answers and updated wrong rows. `statement_cache_capacity(0)` does not
    /// help: statements are still prepared by number, and are never closed then, with or without a pooler.
    #[must_use]
    pub fn behind_pooler(mut self, pooler: bool) -> Self {
        self.transaction.behind_pooler = pooler;
        self
    }

    /// The snapshot to read from, exported by another transaction with `pg_export_snapshot()`. PostgreSQL only, and only with
    /// [`RepeatableRead`](Isolation::RepeatableRead) or [`Serializable`](Isolation::Serializable).
    #[must_use]
    pub fn snapshot(mut self, snapshot: impl Into<String>) -> Self {
        self.transaction.snapshot = Some(snapshot.into());
        self
    }

    /// How long the whole unit may take, from its first statement on. A statement is cut off then, the wait for a connection
    /// and the end of a savepoint scope included; a further one is not sent, and a commit refused.
    /// In [`run`](Self::run) the closure is cut off as well, wherever it waits. A COMMIT that is on its way has one second more.
    ///
    /// PostgreSQL and MySQL are told of it in BEGIN's message, so that the server gives up too when the client cannot be heard:
    /// `statement_timeout` and `idle_in_transaction_session_timeout`, or `max_statement_time` and `idle_transaction_timeout` on MariaDB
    /// (`max_execution_time` and `wait_timeout` on MySQL,
    /// which looks at SELECTs only), half a second behind the client. On SQLite a statement that is cut off runs to its end, for
    /// nothing in sqlx interrupts it, and the next writer waits for that.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.transaction.deadline = Some(deadline);
        self
    }

    /// How long COMMIT may go unanswered, by a server that hangs or a network that swallows it: 30 s, or with a
    /// [`deadline`](Self::deadline) what is left of it and one second more. Then the outcome is unknown, and with
    /// [`verify`](Self::verify) it is asked for on another connection. The same limit holds for the end of a savepoint scope. There is no
    /// limit on SQLite, which has no server.
    ///
    /// A statement of yours has no limit but `deadline` and [`statement_timeout`](Self::statement_timeout).
    #[must_use]
    pub fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.commit_timeout = Some(timeout);
        self
    }

    /// Whether [`run`](Self::run) begins the transaction before it calls the closure, and not with the first statement in it: a
    /// closure is then not called at all where no connection can be had. [`begin`](Self::begin) always does.
    #[must_use]
    pub fn eager(mut self, eager: bool) -> Self {
        self.eager = eager;
        self
    }

    /// How often [`run`](Self::run) may try. Once, if it is not called.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How to find out about a COMMIT that was not answered, instead of answering [`Error::OutcomeUnknown`]. With
    /// [`Verification::marker`] and [`retry`](Self::retry), `run` does its work exactly once, across a connection or a
    /// server that was killed.
    #[must_use]
    pub fn verify(mut self, verification: Verification<U::Database>) -> Self {
        self.verification = Some(verification);
        self
    }

    /// A unit with these options. Sends nothing and takes no connection: the first statement does.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for an option the engine does not have.
    pub fn build(&self) -> Result<U, Error> {
        Ok(U::with_session(self.session(false)?))
    }

    /// A unit with these options whose transaction is begun now.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for an option the engine does not have, [`Error::Sqlx`] if no connection could be had or
    /// BEGIN failed.
    pub async fn begin(&self) -> Result<U, Error> {
        let mut unit = self.build()?;
        unit.session().shared().begin().await?;
        Ok(unit)
    }

    /// Runs `operation` in a unit of its own: commits on `Ok`, rolls back on `Err` and hands the error back unchanged.
    ///
    /// The transaction begins with the first statement in the closure, so a closure that sends none is `Ok` even if no server
    /// answers; [`eager`](Self::eager) changes that. A statement that fails dooms the unit, a first one that could not begin the
    /// transaction included: `Ok` from a closure that swallowed the failure is [`Error::RolledBack`].
    ///
    /// With [`retry`](Self::retry) the closure may be called again, each time with a fresh unit, so it must not carry state
    /// from one call to the next: one that mutates what it captured does not compile. See [`run_once`](Self::run_once).
    ///
    /// # Errors
    ///
    /// The closure's own error, unchanged; or, by way of `From`, an [`Error`] of the unit: those of
    /// [`commit`](UnitOfWork::commit) and of [`begin`](Self::begin). When the attempts run out, that of the last one.
    pub async fn run<F, T, E>(&self, mut operation: F) -> Result<T, E>
    where
        F: for<'u> AsyncFuncMut<&'u mut Scope<U>, Result<T, E>, Fut: Send> + Send,
        F: for<'u> AsyncFnMut(&'u mut Scope<U>) -> Result<T, E>,
        E: From<Error>,
    {
        let began = Instant::now();
        let mut attempts = 0;
        loop {
            let mut attempt = Attempt::new(self.session(true)?);
            let outcome = match attempt.begin(self.eager).await {
                Ok(()) => {
                    attempt.in_time(self.transaction.deadline, async |scope| operation(scope).await).await
                }
                Err(error) => Some(Err(error.into())),
            };
            attempts += 1;
            let failed = match attempt.end(outcome).await {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            let passes = failed.transient || (failed.conflict && self.retry.retries_conflicts());
            let pause = self.retry.pause(attempts, began).filter(|_| passes);
            let Some(pause) = pause else { return Err(failed.error) };
            tracing::debug!(unit = U::NAME, attempts, ?pause, "a unit of work is run again");
            clock::sleep(pause).await;
        }
    }

    /// As [`run`](Self::run), for a closure that is called exactly once and may use up or mutate what it captured. There is
    /// no retry.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn run_once<F, T, E>(&self, operation: F) -> Result<T, E>
    where
        F: for<'u> AsyncFuncOnce<&'u mut Scope<U>, Result<T, E>, Fut: Send> + Send,
        F: for<'u> AsyncFnOnce(&'u mut Scope<U>) -> Result<T, E>,
        E: From<Error>,
    {
        let mut attempt = Attempt::new(self.session(true)?);
        let outcome = match attempt.begin(self.eager).await {
            Ok(()) => attempt.in_time(self.transaction.deadline, operation).await,
            Err(error) => Some(Err(error.into())),
        };
        attempt.end(outcome).await.map_err(|failed| failed.error)
    }

    fn session(&self, guarded: bool) -> Result<Session<U::Database>, Error> {
        let plan = if self.transaction == TransactionOptions::default() {
            Plan::plain(U::Database::BEGIN.into())
        } else {
            U::Database::plan(&self.transaction)?
        };
        let settings = Settings {
            name: U::NAME,
            plan,
            deadline: self.transaction.deadline,
            // What writes nothing leaves nothing to ask for.
            verification: self.verification.clone().filter(|_| !self.transaction.read_only),
            guarded,
            behind_pooler: self.transaction.behind_pooler,
            commit_timeout: self.commit_timeout,
        };
        Ok(Session::open(&self.pool, settings))
    }
}

impl<U: UnitOfWork> Clone for Options<U> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            transaction: self.transaction.clone(),
            verification: self.verification.clone(),
            ..*self
        }
    }
}

impl<U: UnitOfWork> fmt::Debug for Options<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("unit", &U::NAME)
            .field("transaction", &self.transaction)
            .field("eager", &self.eager)
            .field("commit_timeout", &self.commit_timeout)
            .field("retry", &self.retry)
            .field("verification", &self.verification)
            .finish_non_exhaustive()
    }
}
