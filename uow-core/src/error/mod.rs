//! What can go wrong with a unit: what happened, what is stored, what to do.

mod cause;
mod record;

use std::fmt;
use std::sync::Arc;

pub use cause::Cause;
use record::is_transient;

/// Why a unit of work, or one of its statements, did not do what it was asked.
///
/// Three of the variants are the possible ends of a unit that did not commit: [`RolledBack`](Error::RolledBack) (nothing
/// is stored), [`EndedEarly`](Error::EndedEarly) (the server ended the transaction on its own, a part may be stored) and
/// [`OutcomeUnknown`](Error::OutcomeUnknown) (COMMIT was sent, its answer never came). The others leave the unit as it was.
///
/// A statement that runs through [`Session`](crate::Session) answers with [`sqlx::Error`](sqlx_core::Error), as it does on
/// a pool; an error of this type comes out of it wrapped, and `Error::from` takes it out again, so `?` loses nothing in
/// either direction:
///
/// ```
/// use unit_of_work::Error;
///
/// let wrapped = sqlx::Error::from(Error::Busy);
/// assert!(Error::from(wrapped).is_busy());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The unit was not committed and nothing of it is stored.
    ///
    /// `cause` is the *first* thing that went wrong, even when the caller swallowed it.
    RolledBack {
        /// The first failure inside the unit, or the failure of COMMIT.
        cause: Arc<Cause>,
    },
    /// The server ended the transaction behind the unit's back: a part of its work may be stored.
    EndedEarly {
        /// How it was noticed.
        cause: Arc<Cause>,
    },
    /// COMMIT was sent and its answer did not arrive: all of the unit is stored, or nothing.
    OutcomeUnknown {
        /// What cut the answer off.
        cause: Arc<Cause>,
    },
    /// The statement was not sent, for an earlier one failed or was abandoned.
    Poisoned {
        /// The first failure.
        cause: Arc<Cause>,
    },
    /// The statement was not sent, for another one of the same unit is still running or streaming.
    Busy,
    /// The statement was not sent, for it would end or change the transaction the unit answers for.
    Refused {
        /// The first words of the statement.
        statement: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// `commit` or `rollback` was called inside a `run` or `savepoint` closure, whose result decides that.
    InsideScope {
        /// The method called.
        method: &'static str,
    },
    /// The unit this repository belonged to is gone.
    UnitGone,
    /// The row of an entity is no longer in its table.
    RowGone {
        /// The entity's type.
        entity: &'static str,
        /// The key that was looked for.
        key: String,
    },
    /// The engine does not have an option that was asked for. Nothing was sent.
    Unsupported {
        /// The engine.
        engine: &'static str,
        /// The option, as it was asked for.
        option: String,
        /// What the engine has instead.
        instead: &'static str,
    },
    /// An error of sqlx, unchanged.
    Sqlx(sqlx_core::Error),
}

impl Error {
    /// The unit, or the savepoint scope, was rolled back and nothing of it is stored.
    pub fn is_rolled_back(&self) -> bool {
        matches!(self, Self::RolledBack { .. })
    }

    /// The server ended the transaction on its own and a part of the unit may be stored.
    pub fn is_ended_early(&self) -> bool {
        matches!(self, Self::EndedEarly { .. })
    }

    /// COMMIT was sent and nobody knows whether it took effect.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }

    /// The statement was refused because an earlier one had failed.
    pub fn is_poisoned(&self) -> bool {
        matches!(self, Self::Poisoned { .. })
    }

    /// Another statement of the same unit was still running.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy)
    }

    /// The row of the entity was gone.
    pub fn is_row_gone(&self) -> bool {
        matches!(self, Self::RowGone { .. })
    }

    /// Nothing is stored and the same unit, run again from its start, may well succeed: a serialization failure, a
    /// deadlock, a lock that was not free in time, a connection lost before COMMIT was sent.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RolledBack { cause } | Self::Poisoned { cause } => cause.is_transient(),
            Self::Sqlx(error) => is_transient(error),
            _ => false,
        }
    }

    /// The first cause, of the variants that carry one.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::RolledBack { cause }
            | Self::EndedEarly { cause }
            | Self::OutcomeUnknown { cause }
            | Self::Poisoned { cause } => Some(cause),
            _ => None,
        }
    }

    /// The error of sqlx behind this one, if there is one.
    pub fn sqlx(&self) -> Option<&sqlx_core::Error> {
        match self {
            Self::Sqlx(error) => Some(error),
            _ => self.cause()?.sqlx(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RolledBack { cause } => write!(
                f,
                "the unit of work was rolled back and nothing of it is stored: {cause}; mend the cause and run the \
                 whole unit again (this one is usable after `rollback()`)"
            ),
            Self::EndedEarly { cause } => write!(
                f,
                "the server ended the transaction before the unit of work was over, so a part of it may be stored: \
                 {cause}; look at what is stored before running it again"
            ),
            Self::OutcomeUnknown { cause } => write!(
                f,
                "COMMIT was sent and its answer did not arrive, so the unit of work is stored whole or not at all: \
                 {cause}; ask the database which before running it again"
            ),
            Self::Poisoned { cause } => write!(
                f,
                "the statement was not sent, because an earlier one left the unit of work unfit to go on: {cause}; \
                 call `rollback()`, or run what may fail inside `savepoint(async |db| …)`"
            ),
            Self::Busy => f.write_str(
                "the statement was not sent, because another one of this unit of work is still running or streaming; \
                 finish that one first",
            ),
            Self::Refused { statement, instead } => {
                write!(f, "the unit of work did not send `{statement}`, and is as it was before; {instead}")
            }
            Self::InsideScope { method } => write!(
                f,
                "`{method}()` was called inside a `run` or `savepoint` closure, and did nothing; return `Ok` from the \
                 closure to keep its work, `Err` to undo it"
            ),
            Self::UnitGone => f.write_str(
                "the statement was not sent, because the unit of work this repository belonged to is gone; ask the \
                 new unit for its repository",
            ),
            Self::RowGone { entity, key } => {
                write!(f, "there is no row of `{entity}` with the key {key} any more; the entity is unchanged")
            }
            Self::Unsupported { engine, option, instead } => {
                write!(f, "{engine} has no {option}, so nothing was sent; {instead}")
            }
            Self::Sqlx(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sqlx(error) => error.source(),
            _ => self.cause()?.source(),
        }
    }
}

// Between the two error types an `Error` travels as the one variant of sqlx's that holds a boxed error and belongs to no
// driver: `Database` would make a user's `downcast_ref::<PgDatabaseError>()`, which is right on a pool, panic.
impl From<sqlx_core::Error> for Error {
    fn from(error: sqlx_core::Error) -> Self {
        match error {
            sqlx_core::Error::AnyDriverError(inner) => match inner.downcast::<Self>() {
                Ok(ours) => *ours,
                Err(inner) => Self::Sqlx(sqlx_core::Error::AnyDriverError(inner)),
            },
            other => Self::Sqlx(other),
        }
    }
}

impl From<Error> for sqlx_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Sqlx(error) => error,
            other => Self::AnyDriverError(Box::new(other)),
        }
    }
}
