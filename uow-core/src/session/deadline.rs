//! The deadline of a whole unit: its statements are cut off at it, and what it did is not committed after it.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;
use tokio::time::Instant;

use super::state::{Poison, Shared, State};
use crate::backend::Backend;
use crate::clock;
use crate::error::{Cause, Error};

impl<DB: Backend> Shared<DB> {
    /// When the unit has to be over, if it was given a deadline, which starts with its first statement.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let allowed = self.settings.deadline?;
        let mut inner = self.lock();
        if inner.deadline.is_none() {
            // (One too far away to be a time is none.)
            inner.deadline = Instant::now().checked_add(allowed);
        }
        inner.deadline
    }

    /// A statement that is cut off at the deadline. (Its lease, dropped then, closes the connection.)
    pub(super) fn in_time<'s, T: Send + 's>(
        &'s self,
        statement: BoxFuture<'s, Result<T, SqlxError>>,
    ) -> BoxFuture<'s, Result<T, SqlxError>> {
        if self.settings.deadline.is_none() {
            return statement;
        }
        Box::pin(async move {
            let Some(deadline) = self.deadline() else { return statement.await };
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Err(self.too_late(statement).into());
            }
            match clock::timeout(rest, statement).await {
                Some(outcome) => outcome,
                None => Err(self.exceed(true).into()),
            }
        })
    }

    /// Drops a statement that was not begun, for nothing is sent behind the deadline, and says why: that, or what had spoilt
    /// the unit before.
    fn too_late<T>(&self, statement: T) -> Error {
        let busy = matches!(self.lock().state, State::Lent(_));
        drop(statement);
        let refusal = self.lock().state.refusal();
        match refusal {
            // It had the connection already, to end a scope.
            Some(Error::Poisoned { .. } | Error::OutcomeUnknown { .. }) if busy => self.exceed(true),
            Some(refusal) => refusal,
            None => self.exceed(false),
        }
    }

    /// Whether the deadline has passed. If so the unit is poisoned with it, unless something had spoilt it before.
    pub(super) fn check_deadline(&self) -> Result<(), Error> {
        if self.settings.deadline.is_none() {
            return Ok(());
        }
        let (deadline, is_sound) = {
            let inner = self.lock();
            (inner.deadline, inner.state.refusal().is_none())
        };
        let is_late = is_sound && deadline.is_some_and(|deadline| deadline <= Instant::now());
        if is_late { Err(self.exceed(false)) } else { Ok(()) }
    }

    /// The unit ran out of time: `cut` in the middle of a statement, or between two of them.
    fn exceed(&self, cut: bool) -> Error {
        let cause = Arc::new(Cause::DeadlineExceeded);
        let mut inner = self.lock();
        inner.state = match std::mem::replace(&mut inner.state, State::Idle) {
            State::Open(connection) => State::Poisoned(Poison {
                cause: Arc::clone(&cause),
                scope: 0,
                gone: false,
                connection: Some(connection),
                interruption: None,
            }),
            // The statement that was cut off here has left its mark already; this is the better word for it.
            State::Unknown { cause: left, .. }
                if cut && is_unseen(&left, |first| matches!(first, Cause::Abandoned { .. })) =>
            {
                State::Unknown { cause: Cause::unseen(&cause), marker: None }
            }
            State::Poisoned(poison) if cut && matches!(*poison.cause, Cause::Abandoned { .. }) => {
                State::Poisoned(Poison { cause: Arc::clone(&cause), ..poison })
            }
            State::Idle => State::Poisoned(Poison::final_cause(Arc::clone(&cause))),
            other => other,
        };
        match &inner.state {
            State::Unknown { cause, .. } => Error::OutcomeUnknown { cause: Arc::clone(cause) },
            _ if inner.unseen => Error::OutcomeUnknown { cause: Cause::unseen(&cause) },
            _ => Error::RolledBack { cause },
        }
    }
}

/// Whether something unseen came before a first cause of this kind.
fn is_unseen(cause: &Cause, is: fn(&Cause) -> bool) -> bool {
    matches!(cause, Cause::Unseen { first } if is(first))
}
