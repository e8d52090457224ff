//! What is shared by the handles of one session, and the states it goes through.
//!
//! ```text
//!            first statement                    commit, rollback
//!   Idle ────────────────────▶ Lent ⇄ Open ───────────────────────▶ Idle
//!                               │
//!                               ├─ failed, or abandoned ──▶ Poisoned ── rollback ──▶ Idle
//!                               ├─ transaction gone ──────▶ Ended ───── rollback ──▶ Idle (with an error)
//!                               └─ COMMIT unanswered ─────▶ Unknown ─── rollback ──▶ Idle (with an error)
//!                                  (or lost, once something was done unseen)
//! ```

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx_core::pool::Pool;
use tokio::time::Instant;

use crate::backend::{Backend, Step};
use crate::connection::Held;
use crate::error::{Cause, Error, LONE_STATEMENT};
use crate::interrupt::Interruption;
use crate::marker::{MarkerRow, Verification};
use crate::transaction_options::Plan;

/// What the handles of one session share.
pub(crate) struct Shared<DB: Backend> {
    pub(super) pool: Pool<DB>,
    pub(super) settings: Settings<DB>,
    inner: Mutex<Inner<DB>>,
    /// How many entity sets there are: each has to be handed to a flush.
    pub(super) entity_sets: AtomicUsize,
    /// What `inner.scopes.open` is.
    pub(super) depth: AtomicU32,
    /// Where the statement that is streaming leaves its next row for the stream that hands it out.
    pub(super) step: Mutex<Option<Step<DB>>>,
}

/// What a unit is given when it is made.
pub(crate) struct Settings<DB: Backend> {
    /// Its name, for messages.
    pub(crate) name: &'static str,
    /// How its transactions are begun and ended.
    pub(crate) plan: Plan,
    /// How long it may take, from its first statement on.
    pub(crate) deadline: Option<Duration>,
    /// How to find out about a COMMIT that was not answered.
    pub(crate) verification: Option<Verification<DB>>,
    /// Whether it lives inside `run`, which alone may end it.
    pub(crate) guarded: bool,
    /// Whether each transaction may get another connection of the server's, through a pooler.
    pub(crate) behind_pooler: bool,
    /// How long COMMIT may go unanswered, if that was said.
    pub(crate) commit_timeout: Option<Duration>,
}

impl<DB: Backend> Settings<DB> {
    /// The default.
    pub(crate) fn plain(name: &'static str) -> Self {
        let plan = Plan::plain(Cow::Borrowed(DB::BEGIN));
        Self {
            name,
            plan,
            deadline: None,
            verification: None,
            guarded: false,
            behind_pooler: false,
            commit_timeout: None,
        }
    }
}

pub(super) struct Inner<DB: Backend> {
    pub(super) state: State<DB>,
    pub(super) scopes: Scopes,
    /// How many statements were sent in this transaction.
    pub(super) statements: u64,
    /// Whether one of them was more than a look.
    pub(super) wrote: bool,
    /// Whether something was run in this transaction that could not be looked into, and may have committed a part of it.
    pub(super) unseen: bool,
    /// The scope in which the sentinel was set before that.
    pub(super) sentinel: u32,
    /// When the transaction has to be over.
    pub(super) deadline: Option<Instant>,
    /// The last failure that was seen, in whatever scope, and be it that of BEGIN; `None` if a statement succeeded since.
    pub(super) last_failure: Option<Arc<Cause>>,
    /// Whether a flush found rows that were not as they had been read.
    pub(super) conflict: bool,
}

/// Savepoint scopes: they are opened here, and sent only when a statement needs them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scopes {
    pub(super) open: u32,
    pub(super) sent: u32,
}

pub(super) enum State<DB: Backend> {
    /// No connection, no transaction.
    Idle,
    /// A transaction is open and nothing is in flight.
    Open(Held<DB>),
    /// The connection is out on an errand.
    Lent(Errand),
    /// Something failed, or was abandoned. Only undoing the scope it happened in mends it (0: the whole transaction).
    Poisoned(Poison<DB>),
    /// The server had ended the transaction: a part may be stored.
    Ended { cause: Arc<Cause> },
    /// COMMIT was sent, its answer never came; or the connection was lost behind something that may have committed.
    Unknown { cause: Arc<Cause>, marker: Option<MarkerRow> },
    /// The unit was dropped; a repository was kept.
    Gone,
}

pub(super) struct Poison<DB: Backend> {
    /// The first failure.
    pub(super) cause: Arc<Cause>,
    /// The scope it happened in.
    pub(super) scope: u32,
    /// Whether the failure took the whole transaction with it, so that it is no wonder if it is gone.
    pub(super) gone: bool,
    /// Where the transaction waits for its ROLLBACK; `None` if that is done, or was left to the closing of the connection.
    pub(super) connection: Option<Held<DB>>,
    /// The server is told to end what it still does for a connection that was given up.
    pub(super) interruption: Option<Interruption>,
}

impl<DB: Backend> Poison<DB> {
    /// Something failed for good, and there is no transaction left to roll back.
    pub(super) fn final_cause(cause: Arc<Cause>) -> Self {
        Self { cause, scope: 0, gone: true, connection: None, interruption: None }
    }
}

/// What a lent connection is doing, which decides what it means if it does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    Statement,
    Savepoint,
    Commit,
    /// A read without a transaction.
    Read,
    /// A write without a transaction.
    Alone,
}

impl Errand {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Statement | Self::Read => "statement",
            Self::Alone => LONE_STATEMENT,
            Self::Savepoint => "savepoint",
            Self::Commit => "COMMIT",
        }
    }
}

/// What a [`Session`](super::Session) is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// No connection, no transaction: nothing was sent yet, or the last unit is over.
    Idle,
    /// A transaction is open.
    Open,
    /// A statement is running or streaming.
    Busy,
    /// A statement failed or was abandoned: only `rollback`, or leaving the savepoint scope it failed in, is possible.
    Poisoned,
    /// COMMIT (or the one statement of a unit, which needs none) was sent and never answered; or the connection was lost behind
    /// something that may have committed a part.
    Unknown,
    /// The unit was dropped.
    Gone,
}

impl<DB: Backend> Shared<DB> {
    pub(super) fn new(pool: Pool<DB>, settings: Settings<DB>) -> Self {
        let inner = Inner {
            state: State::Idle,
            scopes: Scopes::default(),
            statements: 0,
            wrote: false,
            unseen: false,
            sentinel: 0,
            deadline: None,
            last_failure: None,
            conflict: false,
        };
        let (entity_sets, depth) = (AtomicUsize::new(0), AtomicU32::new(0));
        Self { pool, settings, inner: Mutex::new(inner), entity_sets, depth, step: Mutex::new(None) }
    }

    /// Whether the last failure that was seen passes by itself.
    pub(crate) fn saw_transient_failure(&self) -> bool {
        self.lock().last_failure.as_ref().is_some_and(|cause| cause.is_transient())
    }

    /// Never held across an await; a panic while it was held (there is none to be seen) leaves a state that is still true.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner<DB>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn describe(&self) -> SessionState {
        match self.lock().state {
            State::Idle => SessionState::Idle,
            State::Open(_) => SessionState::Open,
            State::Lent(_) => SessionState::Busy,
            State::Poisoned(_) | State::Ended { .. } => SessionState::Poisoned,
            State::Unknown { .. } => SessionState::Unknown,
            State::Gone => SessionState::Gone,
        }
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        match &self.lock().state {
            State::Open(_) => true,
            State::Poisoned(Poison { connection: Some(_), gone, .. }) => !gone,
            State::Lent(errand) => !matches!(errand, Errand::Read | Errand::Alone),
            _ => false,
        }
    }

    /// Notes a failure, for whoever has to decide whether the unit is run again. It passes if another connection may do better,
    /// and where it is known to.
    pub(super) fn note_failure(
        &self,
        inner: &mut Inner<DB>,
        during: &'static str,
        error: &sqlx_core::Error,
        passes: bool,
    ) -> Arc<Cause> {
        let passes = passes || DB::spoils_connection(error, self.settings.plan.read_only);
        let cause = Arc::new(Cause::failed_but(during, error, passes));
        inner.last_failure = Some(Arc::clone(&cause));
        cause
    }

    /// Whether the unit can only be rolled back.
    pub(crate) fn is_poisoned(&self) -> bool {
        matches!(self.lock().state, State::Poisoned(_) | State::Ended { .. } | State::Unknown { .. })
    }

    /// The unit is dropped: what it did not commit is rolled back.
    pub(super) fn end(&self) {
        let mut inner = self.lock();
        if matches!(inner.state, State::Idle) {
            // As most are.
            inner.state = State::Gone;
            return;
        }
        let (unit, statements, wrote) = (self.settings.name, inner.statements, inner.wrote);
        let unseen = inner.unseen;
        let state = std::mem::replace(&mut inner.state, State::Gone);
        drop(inner);
        if matches!(state, State::Unknown { .. }) {
            tracing::warn!(unit, "a unit of work was dropped of which nobody knows what is stored");
        }
        let connection = state.into_connection();
        if let Some(connection) = connection {
            if unseen {
                tracing::warn!(
                    unit,
                    statements,
                    "a unit of work was dropped without commit; its statements are rolled back, but for what a procedure, or \
                     the raw connection, may have committed out of its sight"
                );
            } else if wrote {
                tracing::warn!(
                    unit,
                    statements,
                    "a unit of work was dropped without commit; its statements are rolled back"
                );
            }
            super::rollback::roll_back_in_background(connection, &self.settings.plan);
        }
    }
}

impl<DB: Backend> Inner<DB> {
    /// The transaction is over, and what was counted in it.
    pub(super) fn forget_transaction(&mut self) {
        self.scopes.sent = 0;
        self.statements = 0;
        self.wrote = false;
        self.unseen = false;
        self.deadline = None;
    }

    /// What the unit is when its connection was lost, and what had not been committed with it.
    pub(super) fn lost(&self, cause: &Arc<Cause>) -> State<DB> {
        if self.unseen {
            State::Unknown { cause: self.doubt(cause), marker: None }
        } else {
            State::Poisoned(Poison::final_cause(Arc::clone(cause)))
        }
    }

    /// The same, where the server is being told to end what it still does.
    pub(super) fn lost_with(&self, cause: &Arc<Cause>, interruption: Option<Interruption>) -> State<DB> {
        match self.lost(cause) {
            State::Poisoned(poison) => State::Poisoned(Poison { interruption, ..poison }),
            other => other,
        }
    }

    /// Why it is not known what is stored.
    pub(super) fn doubt(&self, cause: &Arc<Cause>) -> Arc<Cause> {
        if self.unseen { Cause::unseen(cause) } else { Arc::clone(cause) }
    }

    /// Puts a state back in which what was asked for cannot be done, and says why.
    pub(super) fn put_back(&mut self, state: State<DB>) -> Error {
        let refusal = state.refusal().unwrap_or(Error::Busy);
        self.state = state;
        refusal
    }
}

impl<DB: Backend> State<DB> {
    /// The connection that is held in this state.
    pub(super) fn into_connection(self) -> Option<Held<DB>> {
        match self {
            Self::Open(connection) => Some(connection),
            Self::Poisoned(poison) => poison.connection,
            _ => None,
        }
    }

    /// Why no statement can be sent in this state; `None` if one can.
    pub(super) fn refusal(&self) -> Option<Error> {
        match self {
            Self::Idle | Self::Open(_) => None,
            Self::Lent(_) => Some(Error::Busy),
            Self::Poisoned(poison) => Some(Error::Poisoned { cause: Arc::clone(&poison.cause) }),
            Self::Ended { cause } => Some(Error::EndedEarly { cause: Arc::clone(cause) }),
            Self::Unknown { cause, .. } => Some(Error::OutcomeUnknown { cause: Arc::clone(cause) }),
            Self::Gone => Some(Error::UnitGone),
        }
    }
}
