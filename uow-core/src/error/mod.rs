//! What can go wrong with a unit: what happened, what is stored, what to do.

mod carried;
mod cause;
mod conflict;
mod constraint;
mod record;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use cause::Cause;
pub(crate) use cause::LONE_STATEMENT;
pub use conflict::{Conflict, Found, StaleRow};
pub(crate) use record::is_transient;

use crate::schema::SchemaMismatch;

/// Why a unit of work, or one of its statements, did not do what it was asked.
///
/// Three of the variants are the possible ends of a unit that did not commit: [`RolledBack`](Error::RolledBack) (nothing
/// is stored), [`EndedEarly`](Error::EndedEarly) (the server ended the transaction on its own, a part may be stored) and
/// [`OutcomeUnknown`](Error::OutcomeUnknown) (COMMIT was sent, its answer never came). The others leave the unit as it was.
///
/// A statement that runs through [`Session`](crate::Session) answers with [`sqlx::Error`](sqlx_core::Error), as it does on
/// a pool. An error of this type travels in its variant `Io`, and `Error::from` takes it out again, so `?` loses nothing in
/// either direction. Decide by [`is_transient`](Error::is_transient) whether to run a unit again, and not by that variant: a
/// connection that was lost is `Io` as well.
///
/// ```
/// use unit_of_work::Error;
///
/// let carried = sqlx::Error::from(Error::Busy);
/// assert!(carried.to_string().starts_with("error communicating with database: nothing was sent"));
/// assert!(Error::from(carried).is_busy());
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
    /// A statement in a savepoint scope had failed, and the closure returned `Ok` all the same: the scope was undone and nothing
    /// of it is stored. The unit goes on.
    ScopeUndone {
        /// The first failure inside the scope.
        cause: Arc<Cause>,
    },
    /// The server ended the transaction behind the unit's back: a part of its work may be stored. Or the unit was one INSERT,
    /// sent without a transaction, which is stored although its answer could not be read ([`Cause::Stored`]).
    EndedEarly {
        /// How it was noticed.
        cause: Arc<Cause>,
    },
    /// COMMIT was sent and its answer did not arrive: all of the unit is stored, or nothing. The same is true of a unit of one
    /// statement, which a flush sends without BEGIN and COMMIT. Or the connection was lost after something had been run that
    /// the unit could not look into ([`Cause::Unseen`]): a part may be stored.
    OutcomeUnknown {
        /// What cut the answer off.
        cause: Arc<Cause>,
    },
    /// The statement was not sent, because an earlier one failed or was abandoned.
    Poisoned {
        /// The first failure.
        cause: Arc<Cause>,
    },
    /// The statement was not sent, because another one of the same unit is still running or streaming.
    Busy,
    /// The statement was not sent, because it would end or change the unit's transaction, or because its text holds a NUL byte.
    Refused {
        /// The first words of the statement; or the words in front of the NUL byte.
        statement: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// `commit` or `rollback` was called inside a `run` or `savepoint` closure, where the closure's result decides.
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
    /// Rows that a flush was to write are not as they were read. Nothing of the flush is stored, and the unit is as it was
    /// before it.
    Conflict(Arc<Conflict>),
    /// A row was refused by the database. Nothing of the flush is stored, and the unit is as it was before it.
    NotStored {
        /// The entity's type.
        entity: &'static str,
        /// Its key.
        key: String,
        /// What was being done to it: `inserted`, `updated` or `deleted`.
        during: &'static str,
        /// Why.
        source: sqlx_core::Error,
    },
    /// There is no row of an entity with this key.
    NotFound {
        /// The entity's type.
        entity: &'static str,
        /// The key that was looked for.
        key: String,
    },
    /// Another entity of this key is in the unit already.
    AlreadyTracked {
        /// The entity's type.
        entity: &'static str,
        /// The key.
        key: String,
    },
    /// No entity of this key is in the unit.
    NotTracked {
        /// The entity's type.
        entity: &'static str,
        /// The key.
        key: String,
    },
    /// The key of an entity that was added is the database's to make, and is not made.
    NoKeyYet {
        /// The entity's type.
        entity: &'static str,
    },
    /// The same entity was asked for twice in one call, and can be lent only once.
    SameKeyTwice {
        /// The entity's type.
        entity: &'static str,
        /// The key.
        key: String,
    },
    /// A new entity refers to another new entity, which was not inserted.
    ParentNotStored {
        /// The type of the entity that refers.
        entity: &'static str,
    },
    /// A repository's own flush declined, with an error of the application's. If nothing was sent in it the unit is as it was.
    Declined(Box<dyn std::error::Error + Send + Sync>),
    /// A repository does not hand its [`Entities`](crate::Entities) to its unit, which would never write them.
    EntitiesKeptBack,
    /// An entity to upsert has neither a key nor a unique column.
    NoUniqueColumn {
        /// The entity's type.
        entity: &'static str,
    },
    /// The entities of the unit and the live schema do not agree. Answered by
    /// [`check_schema`](crate::UnitOfWork::check_schema) alone.
    SchemaMismatch(Arc<SchemaMismatch>),
    /// The engine does not have an option that was asked for. Nothing was sent.
    Unsupported {
        /// The engine.
        engine: &'static str,
        /// The option, as it was asked for.
        option: String,
        /// What the engine has instead.
        instead: &'static str,
    },
    /// The pool could open no connection within its `acquire_timeout`, although it had fewer than its `max_connections`: the
    /// database does not answer or refuses connections. Nothing was sent.
    ///
    /// (A pool that has all of its connections answers [`Sqlx`](Self::Sqlx) with `PoolTimedOut`: they were in use.) `sqlx()`
    /// and `source()` are `PoolTimedOut` here too. It is not transient, because sqlx has tried again all that time.
    CannotConnect {
        /// How many connections the pool had then, including those that others were about to open.
        connections: u32,
        /// How many it may have.
        max_connections: u32,
        /// How long the pool tried: its `acquire_timeout`.
        acquire_timeout: Duration,
        /// What sqlx says: `PoolTimedOut`.
        source: sqlx_core::Error,
    },
    /// An error of sqlx, unchanged.
    Sqlx(sqlx_core::Error),
}

impl Error {
    /// An error of the application's, for a [`Repository`](crate::Repository)'s own flush to end with. It comes out of `commit`
    /// unchanged:
    ///
    /// ```
    /// # use unit_of_work::Error;
    /// #[derive(Debug, PartialEq)]
    /// struct OutOfStock(i64);
    /// # impl std::fmt::Display for OutOfStock {
    /// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{} is out of stock", self.0) }
    /// # }
    /// # impl std::error::Error for OutOfStock {}
    ///
    /// let error = Error::declined(OutOfStock(7));
    /// let own = std::error::Error::source(&error).and_then(|error| error.downcast_ref());
    /// assert_eq!(own, Some(&OutOfStock(7)));
    /// ```
    pub fn declined(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Declined(error.into())
    }

    /// The unit, or the savepoint scope, was rolled back and nothing of it is stored.
    pub fn is_rolled_back(&self) -> bool {
        matches!(self, Self::RolledBack { .. } | Self::ScopeUndone { .. })
    }

    /// The server ended the transaction on its own and a part of the unit may be stored.
    pub fn is_ended_early(&self) -> bool {
        matches!(self, Self::EndedEarly { .. })
    }

    /// Nobody knows what is stored: COMMIT (or the one statement of a unit, which needs none) was sent and not answered, or
    /// the connection was lost behind something that may have committed a part of the unit.
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

    /// Rows were not as they had been read: an optimistic version did not match.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    /// The rows that were not as they had been read, if this is that error.
    pub fn conflict(&self) -> Option<&Arc<Conflict>> {
        match self {
            Self::Conflict(conflict) => Some(conflict),
            _ => None,
        }
    }

    /// The entities of the unit and the live schema do not agree.
    pub fn is_schema_mismatch(&self) -> bool {
        matches!(self, Self::SchemaMismatch(_))
    }

    /// The differences between the entities and the live schema, if this is that error.
    pub fn schema_mismatch(&self) -> Option<&Arc<SchemaMismatch>> {
        match self {
            Self::SchemaMismatch(mismatch) => Some(mismatch),
            _ => None,
        }
    }

    /// Nothing is stored and the same unit, run again from its start, may well succeed: a serialization failure, a
    /// deadlock, a lock that was not free in time, a connection lost before COMMIT was sent.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RolledBack { cause } | Self::ScopeUndone { cause } | Self::Poisoned { cause } => {
                cause.is_transient()
            }
            Self::Sqlx(error) => is_transient(error),
            _ => false,
        }
    }

    /// The first cause, of the variants that carry one.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::RolledBack { cause }
            | Self::ScopeUndone { cause }
            | Self::EndedEarly { cause }
            | Self::OutcomeUnknown { cause }
            | Self::Poisoned { cause } => Some(cause),
            _ => None,
        }
    }

    /// The error of sqlx behind this one, if there is one.
    pub fn sqlx(&self) -> Option<&sqlx_core::Error> {
        match self {
            Self::Sqlx(error)
            | Self::NotStored { source: error, .. }
            | Self::CannotConnect { source: error, .. } => Some(error),
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
            Self::EndedEarly { cause } if matches!(**cause, Cause::Stored { .. }) => {
                write!(f, "{cause}; look at what is stored before running the unit of work again")
            }
            Self::ScopeUndone { cause } => write!(
                f,
                "the savepoint scope was undone because a statement in it had failed, and nothing of the scope is stored: \
                 {cause}; the unit of work goes on: mend the cause and run the scope again, or return the error from it"
            ),
            Self::EndedEarly { cause } => write!(
                f,
                "the server ended the transaction before the unit of work was over, so a part of it may be stored: \
                 {cause}; look at what is stored before running it again (this one is usable after `rollback()`, which says \
                 the same)"
            ),
            Self::OutcomeUnknown { cause } if matches!(**cause, Cause::Unseen { .. }) => write!(
                f,
                "nobody knows what is stored of the unit of work: {cause}; look at what is stored before running it again \
                 (this one is usable after `rollback()`, which says the same)"
            ),
            Self::OutcomeUnknown { cause } if cause.is_of_lone_statement() => write!(
                f,
                "the unit of work was one statement, sent without BEGIN and COMMIT, and its answer did not arrive, so it is \
                 stored whole or not at all: {cause}; ask the database which before running it again, or have it asked with \
                 `options(&pool).verify(…)` (this one is usable after `rollback()`, which says the same)"
            ),
            Self::OutcomeUnknown { cause } => write!(
                f,
                "COMMIT was sent and its answer did not arrive, so the unit of work is stored whole or not at all: \
                 {cause}; ask the database which before running it again, or have it asked with \
                 `options(&pool).verify(…)` (this one is usable after `rollback()`, which says the same)"
            ),
            Self::Poisoned { cause } => write!(
                f,
                "nothing was sent, because an earlier statement left the unit of work unfit to go on: {cause}; call \
                 `rollback()`, {}",
                if cause.closes_the_connection() {
                    "which undoes the whole unit: its connection ended, and no savepoint scope confines that"
                } else {
                    "and next time run what may fail inside `savepoint(async |db| …)`"
                }
            ),
            Self::Busy => f.write_str(
                "nothing was sent, because another statement of this unit of work is still running or streaming; finish \
                 that one first: await it, or read its rows to the end",
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
                write!(
                    f,
                    "the row of `{entity}` with the key {key} is gone, and the entity is unchanged; drop the entity, or insert \
                     it again"
                )
            }
            Self::Conflict(conflict) => write!(
                f,
                "rows that were to be written are not as they were read: {conflict}; nothing of the flush is stored and the \
                 unit is as it was before it: settle it with `keep_mine`, `take_theirs` or `merge` and commit again, or roll \
                 back and start anew"
            ),
            Self::NotStored { entity, key, during, .. } => write!(
                f,
                "`{entity}` {key} could not be {during}; nothing of the flush is stored and the unit is as it was before \
                 it: mend or remove that entity and commit again, or roll back"
            ),
            Self::NotFound { entity, key } => write!(
                f,
                "there is no row of `{entity}` with the key {key}; use `get` where a missing row is expected"
            ),
            Self::AlreadyTracked { entity, key } => write!(
                f,
                "`{entity}` {key} is in this unit of work already, and was not replaced; change the one that is there, or \
                 remove it first"
            ),
            Self::NotTracked { entity, key } => write!(
                f,
                "`{entity}` {key} is not in this unit of work, so nothing was done; load it first"
            ),
            Self::NoKeyYet { entity } => write!(
                f,
                "the key of a `{entity}` that was added is not known: it was not flushed yet, or was taken back or undone since; \
                 call `flush()` or `commit()` before, or `insert` it"
            ),
            Self::SameKeyTwice { entity, key } => write!(
                f,
                "`{entity}` {key} was asked for twice in one call, and can be lent only once; ask for it once"
            ),
            Self::ParentNotStored { entity } => write!(
                f,
                "a new `{entity}` refers to an entity that was added and is not stored: it was removed, belongs to another unit of \
                 work, or refers back to this one in a circle; nothing of the flush is stored: add to this unit the entity that \
                 it refers to; of entities in a circle, store one first, and then those that it refers to"
            ),
            Self::Declined(error) => error.fmt(f),
            Self::EntitiesKeptBack => f.write_str(
                "a repository has `Entities` that it does not hand to its unit, so nothing was flushed; derive `Repository`, or \
                 write `entity_sets` in its impl, and there call `entity_sets` of each of them",
            ),
            Self::NoUniqueColumn { entity } => write!(
                f,
                "`{entity}` has neither its key nor a unique column to find its row by, so nothing was sent; write \
                 `#[uow(unique)]` on the column that identifies a row"
            ),
            Self::SchemaMismatch(mismatch) => {
                write!(f, "the entities and the schema of the database do not agree:\n{mismatch}")
            }
            Self::Unsupported { engine, option, instead } => {
                write!(f, "{engine} has no {option}, so nothing was sent; {instead}")
            }
            Self::CannotConnect { connections, max_connections, acquire_timeout, .. } => write!(
                f,
                "nothing was sent, because the pool could open no connection within its `acquire_timeout` of \
                 {acquire_timeout:?} (it has {connections} of at most {max_connections}): the database does not answer or \
                 refuses connections, or `after_connect` fails; check that the database runs, that the pool has its address, \
                 and that it has not reached its own limit of connections"
            ),
            Self::Sqlx(error @ sqlx_core::Error::PoolTimedOut) => write!(
                f,
                "{error}: no connection became free within its `acquire_timeout`. If the pool has its `max_connections`, all \
                 of them were taken. Most often a unit of work, or `pool.begin()`, inside of another unit wants a second \
                 connection while the first is held: use `savepoint(async |db| …)` there, or give the pool more connections \
                 than there are units at a time. If it has fewer, the database did not answer"
            ),
            Self::Sqlx(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotStored { source, .. } | Self::CannotConnect { source, .. } => Some(source),
            Self::Sqlx(error) => error.source(),
            // (Itself, and not what is behind it: it is said by no other name.)
            Self::Declined(error) => Some(&**error),
            _ => self.cause()?.source(),
        }
    }
}
