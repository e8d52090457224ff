//! COMMIT that tells the truth.

use std::borrow::Cow;
use std::sync::Arc;

use sqlx_core::Error as SqlxError;

use super::lease::Lease;
use super::rollback::Undo;
use super::state::{Errand, Poison, Shared, State};
use super::transaction::needs_restore;
use crate::backend::{self, Answer, Backend, CommitFailure, Query};
use crate::clock;
use crate::connection::{Held, OpenTransaction, PATIENCE, spawn};
use crate::error::{Cause, Error};
use crate::interrupt;
use crate::marker::MarkerRow;
use crate::sql;
use crate::transaction_options::Plan;

/// How a unit ends when `commit` is called.
enum Ending<DB: Backend> {
    Nothing,
    Commit { connection: Held<DB>, unseen: bool },
    Poisoned { cause: Arc<Cause>, undo: Option<Undo<DB>> },
    InDoubt { cause: Arc<Cause>, marker: Option<MarkerRow> },
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

    fn take_for_commit(&self) -> Result<Ending<DB>, Error> {
        // Told below, as the cause of a unit that is poisoned.
        self.check_deadline().ok();
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
