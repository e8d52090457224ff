//! The ends of a transaction: COMMIT that tells the truth, and ROLLBACK.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sqlx_core::Error as SqlxError;

use super::lease::Lease;
use super::state::{Errand, Poison, Shared, State};
use crate::backend::{self, Answer, Backend, CommitFailure, Query, RollbackFailure};
use crate::clock;
use crate::connection::{Held, OpenTransaction};
use crate::error::{Cause, Error};
use crate::marker::MarkerRow;
use crate::sql::{self, Effect};
use crate::transaction_options::Plan;

/// How long a ROLLBACK may take before its connection is closed instead, which undoes as much.
const ROLLBACK_LIMIT: Duration = Duration::from_secs(10);

/// What there is to end when a unit is to be committed.
enum Ending<DB: Backend> {
    Nothing,
    Commit { connection: Held<DB>, unseen: bool },
    Poisoned { cause: Arc<Cause>, undo: Option<Undo<DB>> },
}

/// A transaction that is to be rolled back.
struct Undo<DB: Backend> {
    connection: Held<DB>,
    /// Whether it was rolled back already, by the failure that took it along.
    gone: bool,
    /// Whether something was run in it that may have been a COMMIT.
    unseen: bool,
}

impl<DB: Backend> Shared<DB> {
    /// Begins the transaction now, if none is open.
    pub(crate) async fn begin(&self) -> Result<(), Error> {
        let begin = async {
            Lease::ready_for_statement(self, Effect::Reads).await?.succeed();
            Ok(())
        };
        Ok(self.in_time(Box::pin(begin)).await?)
    }

    /// Inside a `run` or `savepoint` closure only the closure's result may end the unit.
    pub(crate) fn refuse_inside_scope(&self, method: &'static str) -> Result<(), Error> {
        if self.settings.guarded || self.depth() > 0 { Err(Error::InsideScope { method }) } else { Ok(()) }
    }

    /// Whether there is anything to commit, or to roll back, after the repositories' flush.
    pub(crate) fn after_flush(&self, flushed: Result<(), Error>) -> Result<(), Error> {
        match flushed {
            // A repository declined, and the database knows nothing of it: the unit is as it was.
            Err(error) if !self.is_poisoned() => Err(error),
            // Of a statement that failed in the flush the session knows more to say, and to do.
            _ => Ok(()),
        }
    }

    /// Commits. `Ok` only if everything the unit did is stored. (What comes to pass seldom is boxed, and the future small.)
    pub(crate) async fn commit(&self) -> Result<(), Error> {
        match self.take_for_commit()? {
            Ending::Nothing => Ok(()),
            Ending::Poisoned { cause, undo } => {
                // Told to the caller as rolled back, so it is rolled back now.
                if let Some(undo) = undo {
                    Box::pin(self.undo(undo, &cause)).await?;
                }
                Err(Error::RolledBack { cause })
            }
            Ending::Commit { connection, unseen } => self.send_commit(connection, unseen).await,
        }
    }

    async fn send_commit(&self, connection: Held<DB>, unseen: bool) -> Result<(), Error> {
        let (text, commit_at) = commit_text::<DB>(&connection.transaction, unseen, &self.settings.plan);
        let query = if connection.transaction.marker.is_some() {
            Query::unprepared(text.into_owned())
        } else {
            Query::fixed(text)
        };
        let mut lease = Lease::of(self, Errand::Commit, Some(connection));
        let Answer { results, outcome } = backend::send::<DB>(lease.connection()?, query).await;
        let Err(error) = outcome else {
            lease.release();
            return Ok(());
        };
        if results >= commit_at {
            // Stored. What failed came behind it, so the connection is not what it was before, and is closed.
            lease.become_idle();
            return Ok(());
        }
        if results > 0 {
            // The sentinel was still there, so whatever was done unseen was no COMMIT.
            self.lock().unseen = false;
        }
        Box::pin(self.not_committed(lease, error, results + 1 == commit_at)).await
    }

    fn take_for_commit(&self) -> Result<Ending<DB>, Error> {
        self.check_deadline();
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.state, State::Lent(Errand::Commit)) {
            State::Open(connection) => Ok(Ending::Commit { connection, unseen: inner.unseen }),
            State::Idle => {
                inner.state = State::Idle;
                Ok(Ending::Nothing)
            }
            State::Poisoned(Poison { cause, connection, gone, .. }) => {
                let unseen = inner.unseen;
                inner.state = inner.lost(&cause);
                inner.forget_transaction();
                let undo = connection.map(|connection| Undo { connection, gone, unseen });
                Ok(Ending::Poisoned { cause, undo })
            }
            other => Err(inner.put_back(other)),
        }
    }

    /// COMMIT was answered with an error, or what stood in front of it in its message was.
    async fn not_committed(
        &self,
        lease: Lease<'_, DB>,
        error: SqlxError,
        of_commit: bool,
    ) -> Result<(), Error> {
        let cause = Arc::new(Cause::failed("COMMIT", &error));
        match judge::<DB>(&error, of_commit) {
            CommitFailure::Unknown => self.resolve(lease, cause).await,
            CommitFailure::TransactionGone => {
                let cause = Arc::new(Cause::TransactionGone);
                // The connection is closed: what ended its transaction may have left more behind.
                drop(lease.end_badly(State::Ended { cause: Arc::clone(&cause) }));
                Err(Error::EndedEarly { cause })
            }
            CommitFailure::NotCommitted => {
                let (unseen, state) = {
                    let inner = self.lock();
                    (inner.unseen, inner.lost(&cause))
                };
                if let Some(connection) = lease.end_badly(state) {
                    // It may be over already, but that is not always told apart: nothing is said of one that was seen all through.
                    self.undo(Undo { connection, gone: !unseen, unseen }, &cause).await?;
                }
                Err(Error::RolledBack { cause })
            }
        }
    }

    /// Rolls back a unit that stays as it is: what is found is told again until `rollback` is called.
    async fn undo(&self, open: Undo<DB>, cause: &Arc<Cause>) -> Result<(), Error> {
        let outcome = undo(open, &self.settings.plan).await;
        let mut inner = self.lock();
        inner.state = match &outcome {
            Err(Error::EndedEarly { cause }) => State::Ended { cause: Arc::clone(cause) },
            Err(Error::OutcomeUnknown { cause }) => State::Unknown { cause: Arc::clone(cause) },
            _ => State::Poisoned(Poison::final_cause(Arc::clone(cause))),
        };
        outcome
    }

    /// COMMIT was not answered: asks what became of it, if the unit was told how.
    async fn resolve(&self, mut lease: Lease<'_, DB>, cause: Arc<Cause>) -> Result<(), Error> {
        let marker = lease.held().ok().and_then(|held| held.transaction.marker.take());
        let (doubt, lost) = {
            let inner = self.lock();
            (inner.doubt(&cause), inner.lost(&cause))
        };
        lease.end_in(State::Unknown { cause: Arc::clone(&doubt) });
        // Closes the connection, so that the server ends a transaction whose COMMIT never reached it.
        drop(lease);
        let stored = match &self.settings.verification {
            Some(verification) => verification.ask(&self.pool, marker.as_ref()).await,
            None => None,
        };
        match stored {
            None => Err(Error::OutcomeUnknown { cause: doubt }),
            Some(true) => {
                self.lock().state = State::Idle;
                Ok(())
            }
            Some(false) => {
                let is_known = matches!(lost, State::Poisoned(_));
                self.lock().state = lost;
                // What was committed before, unseen, left no marker.
                Err(if is_known {
                    Error::RolledBack { cause }
                } else {
                    Error::OutcomeUnknown { cause: doubt }
                })
            }
        }
    }

    /// Rolls everything back, and makes the session usable again. `Ok` means: nothing of the unit is stored.
    pub(crate) async fn rollback(&self) -> Result<(), Error> {
        // Cancelled here, the connection is closed, which undoes as much as ROLLBACK.
        let Some(open) = self.take_for_rollback()? else { return Ok(()) };
        let unseen = open.unseen;
        let outcome = undo(open, &self.settings.plan).await;
        if unseen {
            self.lock().state = State::Idle;
        }
        outcome
    }

    fn take_for_rollback(&self) -> Result<Option<Undo<DB>>, Error> {
        let mut inner = self.lock();
        let unseen = inner.unseen;
        let open = match std::mem::replace(&mut inner.state, State::Idle) {
            State::Idle => Ok(None),
            State::Open(connection) => Ok(Some(Undo { connection, gone: false, unseen })),
            State::Poisoned(Poison { connection, gone, .. }) => {
                Ok(connection.map(|connection| Undo { connection, gone, unseen }))
            }
            // Neither can be called back. It is told, and the session is usable again.
            State::Ended { cause } => Err(Error::EndedEarly { cause }),
            State::Unknown { cause } => Err(Error::OutcomeUnknown { cause }),
            other => return Err(inner.put_back(other)),
        };
        if unseen && matches!(open, Ok(Some(_))) {
            // Until the sentinel has answered. A rollback that is cancelled before is told by the next one.
            inner.state = inner.lost(&Arc::new(Cause::Abandoned { during: "ROLLBACK" }));
        }
        inner.forget_transaction();
        open
    }

    /// A read outside of any transaction if the unit is idle; in its transaction otherwise.
    pub(crate) async fn read(&self, query: Query<DB>) -> Result<Option<DB::Row>, SqlxError> {
        if !self.lend_for_read() {
            return self.first_row(self.as_sent(query), Ok).await;
        }
        let mut lease = Lease::of(self, Errand::Read, None);
        self.in_time(Box::pin(async move {
            let mut connection = Held::acquire(&self.pool).await?;
            let row = DB::fetch_optional(connection.get()?, query).await?;
            let clean = !DB::began_by_reading(row.as_ref())
                || backend::send::<DB>(connection.get()?, Query::fixed(DB::ROLLBACK)).await.outcome.is_ok();
            if clean {
                connection.release();
            }
            lease.become_idle();
            Ok(row)
        }))
        .await
    }

    fn lend_for_read(&self) -> bool {
        let mut inner = self.lock();
        let idle = matches!(inner.state, State::Idle) && !self.settings.behind_pooler;
        if idle {
            inner.state = State::Lent(Errand::Read);
        }
        idle
    }
}

fn needs_restore<DB: Backend>(connection: &Held<DB>, plan: &Plan) -> bool {
    !(plan.restore.is_empty() && connection.transaction.restore.is_empty())
}

/// The message that commits, and the number of COMMIT's own result in its answer.
///
/// In front of COMMIT stands what makes it fail if the transaction is not sound, then the marker, which must not be written
/// outside of one; behind it, what makes the connection what it was before.
fn commit_text<DB: Backend>(
    transaction: &OpenTransaction,
    unseen: bool,
    plan: &Plan,
) -> (Cow<'static, str>, usize) {
    let OpenTransaction { restore, marker } = transaction;
    let sentinel = unseen && DB::NEEDS_SENTINEL;
    if !sentinel && marker.is_none() && restore.is_empty() && plan.restore.is_empty() {
        return (Cow::Borrowed(DB::CHECKED_COMMIT), if DB::CHECK.is_empty() { 1 } else { 2 });
    }
    let sentinel = sentinel.then(|| sql::RELEASE_SENTINEL.to_owned());
    let check = (!DB::CHECK.is_empty()).then(|| DB::CHECK.to_owned());
    let marker = marker.as_ref().map(MarkerRow::insert);
    let commit = Some(DB::COMMIT.to_owned());
    let statements: Vec<String> = [sentinel, check, marker, commit].into_iter().flatten().collect();
    (sql::with_restore(statements.join("; ").into(), transaction, plan), statements.len())
}

/// What an error says of the transaction that came in answer to COMMIT, or to what stood in front of it in its message.
fn judge<DB: Backend>(error: &SqlxError, of_commit: bool) -> CommitFailure {
    match error {
        SqlxError::Database(_) if DB::sentinel_gone(error) && !of_commit => CommitFailure::TransactionGone,
        // The server stopped before COMMIT, for it answers in order; be it with the last thing that the connection said.
        SqlxError::Database(_) if !of_commit => CommitFailure::NotCommitted,
        _ => DB::judge_commit(error),
    }
}

/// Rolls back. `Ok` means that nothing of the transaction is stored. One that is `gone` was rolled back by the failure that
/// took it along; unless something was done out of sight before, for that may have been a COMMIT.
async fn undo<DB: Backend>(open: Undo<DB>, plan: &Plan) -> Result<(), Error> {
    let Undo { connection, gone, unseen } = open;
    let text = match (unseen, gone) {
        (true, _) => DB::SENTINEL_ROLLBACK,
        (false, true) => DB::ROLLBACK,
        (false, false) => DB::CHECKED_ROLLBACK,
    };
    match roll_back(connection, text, plan).await {
        Err(RollbackFailure::NothingOpen | RollbackFailure::Replaced) if unseen || !gone => {
            Err(Error::EndedEarly { cause: Arc::new(Cause::TransactionGone) })
        }
        // With an answer, the sentinel was still there.
        Err(RollbackFailure::Broken { cause, answered: false }) if unseen => {
            Err(Error::OutcomeUnknown { cause: Cause::unseen(&Arc::new(cause)) })
        }
        // A connection that broke was closed, which undoes as much as ROLLBACK.
        _ => Ok(()),
    }
}

/// Rolls back, and hands the connection back to the pool if it is clean then; else it is closed.
async fn roll_back<DB: Backend>(
    mut connection: Held<DB>,
    text: &'static str,
    plan: &Plan,
) -> Result<(), RollbackFailure> {
    let text = sql::with_restore(Cow::Borrowed(text), &connection.transaction, plan);
    let restores = needs_restore(&connection, plan);
    let outcome = match connection.get() {
        Ok(connection) => {
            clock::timeout(ROLLBACK_LIMIT, backend::send::<DB>(connection, Query::fixed(text))).await
        }
        Err(error) => Some(Answer { results: 0, outcome: Err(error) }),
    };
    let Some(Answer { results, outcome }) = outcome else {
        let cause = Cause::Abandoned { during: "ROLLBACK" };
        return Err(RollbackFailure::Broken { cause, answered: false });
    };
    let outcome = outcome.map_err(|error| {
        if DB::sentinel_gone(&error) && !DB::is_no_transaction(&error) {
            RollbackFailure::Replaced
        } else if DB::is_no_transaction(&error) {
            RollbackFailure::NothingOpen
        } else {
            RollbackFailure::Broken { cause: Cause::failed("ROLLBACK", &error), answered: results > 0 }
        }
    });
    // What there was to restore is restored only where all of the message was run.
    let clean =
        matches!(outcome, Ok(())) || (matches!(outcome, Err(RollbackFailure::NothingOpen)) && !restores);
    if clean {
        connection.release();
    }
    outcome
}

/// Rolls back a connection whose unit was dropped: in the runtime it came from, or by closing it where there is none.
pub(super) fn roll_back_in_background<DB: Backend>(connection: Held<DB>, plan: &Plan) {
    if let Some(runtime) = connection.runtime() {
        let plan = plan.clone();
        runtime.spawn(async move {
            // Cut off by the end of the runtime, the future is dropped, and the connection closed.
            roll_back(connection, DB::ROLLBACK, &plan).await.ok();
        });
    }
}
