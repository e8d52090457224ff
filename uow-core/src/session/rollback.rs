//! ROLLBACK, and what stands for it where a connection was given up.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::state::{Poison, Settings, Shared, State};
use super::transaction::needs_restore;
use crate::backend::{self, Answer, Backend, Query, RollbackFailure};
use crate::clock;
use crate::connection::{Held, PATIENCE};
use crate::error::{Cause, Error};
use crate::interrupt::{self, Interruption};
use crate::sql;
use crate::transaction_options::Plan;

/// How long a ROLLBACK may take before its connection is given up instead, which undoes as much. (Of a unit that had a deadline
/// no longer than any answer.)
const ROLLBACK_LIMIT: Duration = Duration::from_secs(10);

/// A transaction that is to be rolled back.
pub(super) struct Undo<DB: Backend> {
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
    pub(super) fn of(connection: Held<DB>, gone: bool, unseen: bool) -> Self {
        Self { transaction: ToUndo::Open(connection), gone, unseen }
    }

    pub(super) fn of_poisoned(poison: Poison<DB>, unseen: bool) -> Option<Self> {
        let Poison { connection, interruption, gone, .. } = poison;
        let transaction = connection.map(ToUndo::Open).or(interruption.map(ToUndo::GivenUp))?;
        Some(Self { transaction, gone, unseen })
    }
}

impl<DB: Backend> Shared<DB> {
    /// Rolls back a unit that stays as it is: what is found is told again until `rollback` is called.
    pub(super) async fn undo(&self, open: Undo<DB>, cause: &Arc<Cause>) -> Result<(), Error> {
        let outcome = undo(open, &self.settings).await;
        let mut inner = self.lock();
        inner.state = match &outcome {
            Err(Error::EndedEarly { cause }) => State::Ended { cause: Arc::clone(cause) },
            Err(Error::OutcomeUnknown { cause }) => State::Unknown { cause: Arc::clone(cause), marker: None },
            _ => State::Poisoned(Poison::final_cause(Arc::clone(cause))),
        };
        outcome
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
