//! The first thing that went wrong in a unit.

use std::fmt;
use std::sync::Arc;

use super::carried::ours;
use super::record::{ends_connection, is_transient, record};

/// What is being done when a unit's one statement is sent without BEGIN and COMMIT.
pub(crate) const LONE_STATEMENT: &str = "lone statement";

/// The first thing that went wrong in a unit, kept by the session even when the caller swallowed the error.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// Sending something to the server failed.
    ///
    /// The error is a faithful record of the one the caller was given: the same variant of `sqlx::Error`, and for a
    /// database error the same message, code, kind, constraint and table. (The engine's own error type went to the caller.)
    Failed {
        /// What was being done: `statement`, `lone statement` (the one statement of a unit, sent without BEGIN and COMMIT),
        /// `COMMIT`, `SAVEPOINT`, …
        during: &'static str,
        /// The recorded error.
        error: sqlx_core::Error,
    },
    /// The future or the row stream was dropped before it had completed, by a timeout, a `select!` or a task that was
    /// aborted.
    Abandoned {
        /// What was being done.
        during: &'static str,
    },
    /// The unit took longer than the deadline it was given.
    DeadlineExceeded,
    /// [`Session::mark_rollback_only`](crate::Session::mark_rollback_only) was called.
    RollbackOnly {
        /// The reason it was given.
        reason: String,
    },
    /// The server did not answer, neither on the unit's connection nor on another one, so it could not be told that the unit is
    /// given up. It rolls back when it finds the connection closed, and may hold the unit's locks until then.
    NotTold,
    /// The transaction was over before the unit came to its end, and the unit did not end it.
    TransactionGone,
    /// An INSERT that was sent without a transaction succeeded, so its rows are stored; but its answer could not be read, or
    /// tells of fewer rows than were sent.
    Stored {
        /// Why not, recorded as in [`Failed`](Self::Failed).
        error: sqlx_core::Error,
    },
    /// The connection was lost, and before that something was run in the transaction that may have committed a part of it
    /// unseen: a procedure, a prepared or dynamic statement, a text that reads in two ways, the raw connection.
    Unseen {
        /// What was lost, and how.
        first: Arc<Self>,
    },
}

impl Cause {
    pub(crate) fn failed(during: &'static str, error: &sqlx_core::Error) -> Self {
        Self::Failed { during, error: record(error, false) }
    }

    /// What failed, and whether it is known to pass, which the error alone need not tell.
    pub(crate) fn failed_but(during: &'static str, error: &sqlx_core::Error, passes: bool) -> Self {
        Self::Failed { during, error: record(error, passes) }
    }

    pub(crate) fn stored(error: &sqlx_core::Error) -> Self {
        Self::Stored { error: record(error, false) }
    }

    /// What went wrong where something unseen may have committed before.
    pub(crate) fn unseen(first: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self::Unseen { first: Arc::clone(first) })
    }

    /// Whether the connection ended with what went wrong, so that no savepoint scope could have confined it.
    pub(crate) fn closes_the_connection(&self) -> bool {
        match self {
            Self::Failed { error, .. } => ends_connection(error),
            _ => true,
        }
    }

    /// Whether the unit was one statement, sent without BEGIN and COMMIT, when this went wrong.
    pub(super) fn is_of_lone_statement(&self) -> bool {
        matches!(self, Self::Failed { during, .. } | Self::Abandoned { during } if *during == LONE_STATEMENT)
    }

    /// Whether the same unit may well succeed when it is run again from its start.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Failed { error, .. } if is_transient(error))
    }

    /// The recorded error of sqlx, if it was one.
    pub fn sqlx(&self) -> Option<&sqlx_core::Error> {
        match self {
            Self::Failed { error, .. } | Self::Stored { error } => {
                Some(ours(error).and_then(super::Error::sqlx).unwrap_or(error))
            }
            Self::Unseen { first } => first.sqlx(),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { during, error } => write!(f, "the {during} failed: {error}"),
            Self::Abandoned { during } => {
                write!(f, "the {during} was abandoned (its future was dropped before it had completed")?;
                f.write_str(match *during {
                    "statement" => {
                        ", or its rows were not read to the end; `fetch_all` stops reading at a row that does not decode)"
                    }
                    _ => ")",
                })
            }
            Self::DeadlineExceeded => f.write_str("the unit of work took longer than its deadline"),
            Self::RollbackOnly { reason } => write!(f, "it was marked to be rolled back: {reason}"),
            Self::NotTold => f.write_str(
                "the server did not answer, and could not be told on another connection either that the unit is given up: it rolls \
                 back when it finds the connection closed, and may hold the unit's locks until then",
            ),
            Self::TransactionGone => f.write_str(
                "the transaction was over already (a statement that commits implicitly, a COMMIT or ROLLBACK inside \
                 a procedure, or a rollback by the server itself)",
            ),
            Self::Stored { error } => write!(
                f,
                "what the INSERT wrote is stored (the unit was this one statement, sent without a transaction), but its answer \
                 cannot be used: {error}"
            ),
            Self::Unseen { first } => write!(
                f,
                "{first}; before that, something was run that the unit cannot look into (a procedure, a dynamic statement, the \
                 raw connection) and that may have committed a part of it"
            ),
        }
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.sqlx().map(|error| error as _)
    }
}
