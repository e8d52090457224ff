//! The ends of a transaction: COMMIT that tells the truth, and ROLLBACK.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sqlx_core::Error as SqlxError;
use tokio::time::Instant;

use super::lease::Lease;
use super::state::{Errand, Poison, Settings, Shared, State};
use crate::backend::{self, Answer, Backend, CommitFailure, Query, RollbackFailure};
use crate::clock;
use crate::connection::{Held, OpenTransaction, PATIENCE, spawn};
use crate::error::{Cause, Error};
use crate::interrupt::{self, Interruption};
use crate::marker::MarkerRow;
use crate::sql::{self, Effect};
use crate::transaction_options::Plan;

/// How long a ROLLBACK may take before its connection is given up instead, which undoes as much. (Of a unit that had a deadline
/// no longer than any answer.)
const ROLLBACK_LIMIT: Duration = Duration::from_secs(10);

/// How long COMMIT may go unanswered where nothing else is said. A cluster that has lost a node holds commits up for seconds.
const COMMIT_LIMIT: Duration = Duration::from_secs(30);

/// How long COMMIT may go unanswered behind the deadline of its unit: it is sent in time, and its answer is worth a moment.
const BEHIND_THE_DEADLINE: Duration = Duration::from_secs(1);

/// How a unit ends when `commit` is called.
enum Ending<DB: Backend> {
    Nothing,
    Commit { connection: Held<DB>, unseen: bool },
    Poisoned { cause: Arc<Cause>, undo: Option<Undo<DB>> },
    InDoubt { cause: Arc<Cause>, marker: Option<MarkerRow> },
}

/// A transaction that is to be rolled back.
struct Undo<DB: Backend> {
    transaction: ToUndo<DB>,
    /// Whether it was rolled back already, by the failure that took it along.
    gone: bool,
    /// Whether something was run in it that may have been a COMMIT.
    unseen: bool,
}

enum ToUndo<DB: Backend> {
    Open(Held<DB>),
    /// The server is being told to end it.
    GivenUp(Interruption),
}

impl<DB: Backend> Undo<DB> {
    fn of(connection: Held<DB>, gone: bool, unseen: bool) -> Self {
        Self { transaction: ToUndo::Open(connection), gone, unseen }
    }

    fn of_poisoned(poison: Poison<DB>, unseen: bool) -> Option<Self> {
        let Poison { connection, interruption, gone, .. } = poison;
        let transaction = connection.map(ToUndo::Open).or(interruption.map(ToUndo::GivenUp))?;
        Some(Self { transaction, gone, unseen })
    }
}

/// Where in the messages of a commit an error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In a message before the one of COMMIT.
    Before,
    /// In COMMIT's message, in front of it.
    InFront,
    Commit,
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
                    match Box::pin(self.undo(undo, &cause)).await {
                        // (The first cause says more than that the server could not be told.)
                        Ok(()) | Err(Error::RolledBack { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(Error::RolledBack { cause })
            }
            Ending::InDoubt { cause, marker } => Box::pin(self.ask(cause, marker)).await,
            Ending::Commit { connection, unseen } => self.send_commit(connection, unseen).await,
        }
    }

    async fn send_commit(&self, connection: Held<DB>, unseen: bool) -> Result<(), Error> {
        let mut lease = Lease::of(self, Errand::Commit, Some(connection));
        if DB::COMMITS_ALONE && (unseen || lease.held()?.transaction.marker.is_some()) {
            match Box::pin(self.send_before_commit(lease, unseen)).await? {
                Some(sound) => lease = sound,
                None => return Ok(()),
            }
        }
        let transaction = &lease.held()?.transaction;
        let (text, commit_at) = commit_text::<DB>(transaction, unseen, &self.settings.plan);
        let query = if transaction.marker.is_some() {
            Query::unprepared(text.into_owned())
        } else {
            Query::fixed(text)
        };
        let sending = backend::send::<DB>(lease.connection()?, query);
        let Answer { results, outcome } =
            if DB::HAS_SERVER { self.in_limit("COMMIT", sending).await } else { sending.await };
        let Err(error) = outcome else {
            if DB::COMMITS_ALONE && needs_restore(lease.held()?, &self.settings.plan) {
                restore_in_background(lease.end_badly(State::Idle), &self.settings.plan);
            } else {
                lease.release();
            }
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
        let stage = if results + 1 == commit_at { Stage::Commit } else { Stage::InFront };
        Box::pin(self.not_committed(lease, error, stage)).await
    }

    /// Sends what stands in front of COMMIT in messages of their own: what makes sure that the transaction is still the one
    /// that was begun, and the marker. Cut off here, nothing was committed. `None` if the commit is over.
    async fn send_before_commit<'s>(
        &'s self,
        lease: Lease<'s, DB>,
        unseen: bool,
    ) -> Result<Option<Lease<'s, DB>>, Error> {
        let mut lease = lease.goes_on(Errand::Statement);
        let check = unseen.then(|| sql::RELEASE_SENTINEL.to_owned());
        let marker = lease.held()?.transaction.marker.as_ref().map(MarkerRow::insert);
        for text in [check, marker].into_iter().flatten() {
            let sending = backend::send::<DB>(lease.connection()?, Query::unprepared(text));
            if let Err(error) = self.in_limit("COMMIT", sending).await.outcome {
                return self.not_committed(lease, error, Stage::Before).await.map(|()| None);
            }
            self.lock().unseen = false;
        }
        Ok(Some(lease.goes_on(Errand::Commit)))
    }

    /// The answer to a message of the unit's own, which no user can put a limit to.
    pub(super) async fn in_limit(
        &self,
        during: &'static str,
        sending: impl Future<Output = Answer>,
    ) -> Answer {
        let limit = match (self.settings.commit_timeout, self.lock().deadline) {
            (Some(limit), _) => limit,
            (None, Some(deadline)) => {
                deadline.saturating_duration_since(Instant::now()) + BEHIND_THE_DEADLINE
            }
            (None, None) => COMMIT_LIMIT,
        };
        let answer = clock::timeout(limit, sending).await;
        answer.unwrap_or_else(|| Answer { results: 0, outcome: Err(backend::no_answer(during, limit)) })
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
            State::Poisoned(poison) => {
                let (unseen, cause) = (inner.unseen, Arc::clone(&poison.cause));
                inner.state = inner.lost(&cause);
                inner.forget_transaction();
                Ok(Ending::Poisoned { cause, undo: Undo::of_poisoned(poison, unseen) })
            }
            State::Unknown { cause, marker } if self.settings.verification.is_some() => {
                let ending = Ending::InDoubt { cause: Arc::clone(&cause), marker: marker.clone() };
                inner.state = State::Unknown { cause, marker };
                Ok(ending)
            }
            other => Err(inner.put_back(other)),
        }
    }

    /// COMMIT was answered with an error, or what was sent before it was.
    async fn not_committed(&self, lease: Lease<'_, DB>, error: SqlxError, stage: Stage) -> Result<(), Error> {
        let cause = self.note_failure(&mut self.lock(), "COMMIT", &error, false);
        match judge::<DB>(&error, stage) {
            CommitFailure::Unknown => self.resolve(lease).await,
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
                match lease.end_badly(state) {
                    Some(connection) if self.closes_connection(&error) => {
                        interrupt::give_up(connection);
                        if unseen {
                            return Err(Error::OutcomeUnknown { cause: Cause::unseen(&cause) });
                        }
                    }
                    // It may be over already, but that is not always told apart: nothing is said of one that was seen all
                    // through.
                    Some(connection) => self.undo(Undo::of(connection, !unseen, unseen), &cause).await?,
                    None => {}
                }
                Err(Error::RolledBack { cause })
            }
        }
    }

    /// Rolls back a unit that stays as it is: what is found is told again until `rollback` is called.
    async fn undo(&self, open: Undo<DB>, cause: &Arc<Cause>) -> Result<(), Error> {
        let outcome = undo(open, &self.settings).await;
        let mut inner = self.lock();
        inner.state = match &outcome {
            Err(Error::EndedEarly { cause }) => State::Ended { cause: Arc::clone(cause) },
            Err(Error::OutcomeUnknown { cause }) => State::Unknown { cause: Arc::clone(cause), marker: None },
            _ => State::Poisoned(Poison::final_cause(Arc::clone(cause))),
        };
        outcome
    }

    /// COMMIT was not answered: asks what became of it, if the unit was told how.
    async fn resolve(&self, mut lease: Lease<'_, DB>) -> Result<(), Error> {
        let marker = lease.held().ok().and_then(|held| held.transaction.marker.take());
        let cause = {
            let inner = self.lock();
            let cause =
                inner.last_failure.clone().unwrap_or_else(|| Arc::new(Cause::Abandoned { during: "COMMIT" }));
            inner.doubt(&cause)
        };
        let connection =
            lease.end_badly(State::Unknown { cause: Arc::clone(&cause), marker: marker.clone() });
        // If COMMIT never reached the server its transaction is still open, and would hold up whoever asks.
        let settling = connection.and_then(interrupt::settle);
        if self.settings.verification.is_none() {
            return Err(Error::OutcomeUnknown { cause });
        }
        if let Some(settling) = settling {
            clock::timeout(PATIENCE, settling.wait()).await;
        }
        self.ask(cause, marker).await
    }

    /// Asks what became of a COMMIT that was not answered. Until that is known the unit says that nobody knows.
    async fn ask(&self, cause: Arc<Cause>, marker: Option<MarkerRow>) -> Result<(), Error> {
        let stored = match &self.settings.verification {
            Some(verification) => verification.ask(&self.pool, marker.as_ref()).await,
            None => None,
        };
        match stored {
            Some(true) => {
                self.lock().state = State::Idle;
                Ok(())
            }
            // What was committed before, unseen, left no marker.
            Some(false) if !matches!(*cause, Cause::Unseen { .. }) => {
                self.lock().state = State::Poisoned(Poison::final_cause(Arc::clone(&cause)));
                Err(Error::RolledBack { cause })
            }
            _ => Err(Error::OutcomeUnknown { cause }),
        }
    }

    /// Rolls everything back, and makes the session usable again. `Ok` means: nothing of the unit is stored, and the server
    /// holds no lock for it.
    pub(crate) async fn rollback(&self) -> Result<(), Error> {
        // Cancelled here, the connection is closed, which undoes as much as ROLLBACK.
        let Some(open) = self.take_for_rollback()? else { return Ok(()) };
        let unseen = open.unseen;
        let outcome = undo(open, &self.settings).await;
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
            State::Open(connection) => Ok(Some(Undo::of(connection, false, unseen))),
            State::Poisoned(poison) => Ok(Undo::of_poisoned(poison, unseen)),
            // A commit cannot be undone. It is reported, and the session is usable again.
            State::Ended { cause } => Err(Error::EndedEarly { cause }),
            State::Unknown { cause, .. } => Err(Error::OutcomeUnknown { cause }),
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
            match Held::acquire(&self.pool).await {
                Ok(connection) => lease = lease.becomes(Errand::Read, connection),
                Err(error) => return Err(lease.fail_alone(error, true)),
            }
            let row = match DB::fetch_optional(lease.connection()?, query).await {
                Ok(row) => row,
                Err(error) => return Err(lease.fail_alone(error, true)),
            };
            let clean = !DB::began_by_reading(row.as_ref())
                || backend::send::<DB>(lease.connection()?, Query::fixed(DB::ROLLBACK)).await.outcome.is_ok();
            if clean {
                lease.release();
            } else {
                lease.become_idle();
            }
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
/// Where COMMIT may have no company that is all there is. Else in front of COMMIT stands what makes it fail if the transaction is not sound, then the marker,
/// which must not be written outside of one; behind it, what makes the connection what it was before.
fn commit_text<DB: Backend>(
    transaction: &OpenTransaction,
    unseen: bool,
    plan: &Plan,
) -> (Cow<'static, str>, usize) {
    if DB::COMMITS_ALONE {
        return (Cow::Borrowed(DB::COMMIT), 1);
    }
    let OpenTransaction { restore, marker, .. } = transaction;
    let sentinel = unseen;
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

/// What an error says of the transaction that came in answer to COMMIT, or to what was sent before it.
fn judge<DB: Backend>(error: &SqlxError, stage: Stage) -> CommitFailure {
    match (error, stage) {
        (_, Stage::Commit) => DB::judge_commit(error),
        (SqlxError::Database(_), _) if DB::sentinel_gone(error) => CommitFailure::TransactionGone,
        // The server stopped before COMMIT, for it answers in order; be it with the last thing that the connection said.
        (SqlxError::Database(_), Stage::InFront) | (_, Stage::Before) => CommitFailure::NotCommitted,
        (_, Stage::InFront) => DB::judge_commit(error),
    }
}

/// Rolls back. `Ok` means that nothing of the transaction is stored, and that the server holds no lock for it. One that is
/// `gone` was rolled back by the failure that took it along; unless something was done out of sight before, for that may have
/// been a COMMIT.
async fn undo<DB: Backend>(open: Undo<DB>, settings: &Settings<DB>) -> Result<(), Error> {
    let Undo { transaction, gone, unseen } = open;
    let connection = match transaction {
        ToUndo::Open(connection) => connection,
        ToUndo::GivenUp(interruption) => {
            let done = interruption.wait().await;
            return if done { Ok(()) } else { Err(Error::RolledBack { cause: Arc::new(Cause::NotTold) }) };
        }
    };
    let text = if unseen { DB::SENTINEL_ROLLBACK } else { DB::ROLLBACK };
    let limit = if settings.deadline.is_some() { PATIENCE } else { ROLLBACK_LIMIT };
    match roll_back(connection, text, &settings.plan, limit).await {
        Err(RollbackFailure::NothingOpen | RollbackFailure::Replaced) if unseen || !gone => {
            Err(Error::EndedEarly { cause: Arc::new(Cause::TransactionGone) })
        }
        // With an answer, the sentinel was still there.
        Err(RollbackFailure::Broken { cause, answered: false }) if unseen => {
            Err(Error::OutcomeUnknown { cause: Cause::unseen(&Arc::new(cause)) })
        }
        Err(RollbackFailure::NotTold) => Err(Error::RolledBack { cause: Arc::new(Cause::NotTold) }),
        // A connection that broke was closed, which undoes as much as ROLLBACK.
        _ => Ok(()),
    }
}

/// Rolls back, and hands the connection back to the pool if it is clean then; else it is closed.
async fn roll_back<DB: Backend>(
    mut connection: Held<DB>,
    text: &'static str,
    plan: &Plan,
    limit: Duration,
) -> Result<(), RollbackFailure> {
    let text = sql::with_restore(Cow::Borrowed(text), &connection.transaction, plan);
    let restores = needs_restore(&connection, plan);
    let outcome = match connection.get() {
        Ok(connection) => clock::timeout(limit, backend::send::<DB>(connection, Query::fixed(text))).await,
        Err(error) => Some(Answer { results: 0, outcome: Err(error) }),
    };
    let Some(Answer { results, outcome }) = outcome else {
        let told = match interrupt::give_up(connection) {
            Some(interruption) => interruption.wait().await,
            None => true,
        };
        let cause = Cause::Abandoned { during: "ROLLBACK" };
        let broken = RollbackFailure::Broken { cause, answered: false };
        return Err(if told { broken } else { RollbackFailure::NotTold });
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

/// Makes the connection of a unit that is committed what it was before, and hands it back to the pool; nobody waits for that. If
/// it fails the connection is closed.
fn restore_in_background<DB: Backend>(held: Option<Held<DB>>, plan: &Plan) {
    let Some(mut held) = held else { return };
    let text = sql::restore(&held.transaction, plan);
    let runtime = held.runtime();
    spawn(&runtime, async move {
        let Ok(connection) = held.get() else { return };
        let sending = backend::send::<DB>(connection, Query::unprepared(text));
        let answer = clock::timeout(PATIENCE, sending).await;
        if answer.is_some_and(|answer| answer.outcome.is_ok()) {
            held.release();
        }
    });
}

/// Rolls back a connection whose unit was dropped: in the runtime it came from, or by closing it where there is none.
pub(super) fn roll_back_in_background<DB: Backend>(connection: Held<DB>, plan: &Plan) {
    if let Some(runtime) = connection.runtime() {
        let plan = plan.clone();
        runtime.spawn(async move {
            // Cut off by the end of the runtime, the future is dropped, and the connection closed.
            roll_back(connection, DB::ROLLBACK, &plan, ROLLBACK_LIMIT).await.ok();
        });
    }
}
