//! How a transaction is begun.

use std::borrow::Cow;
use std::time::Duration;

use crate::backend::Backend;

/// How much of other transactions a unit may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Reads rows that others have not committed. PostgreSQL treats it as `ReadCommitted`.
    ReadUncommitted,
    /// Each statement sees what was committed before it began.
    ReadCommitted,
    /// All statements see what was committed before the first of them.
    RepeatableRead,
    /// As if the units had run one after the other; conflicts are errors, to be retried.
    Serializable,
}

impl Isolation {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "READ UNCOMMITTED",
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

/// When SQLite takes the write lock of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqliteMode {
    /// At the first write. A unit that has read before fails at once, however long the busy timeout, when another one
    /// is writing. The default of a read-only unit.
    Deferred,
    /// At BEGIN, waiting for the busy timeout. The default of a unit that writes.
    Immediate,
    /// As `Immediate`, and outside of WAL mode nobody may read meanwhile either.
    Exclusive,
}

/// What BEGIN says. Set through [`Options`](crate::Options).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionOptions {
    /// The isolation level; the engine's default if `None`.
    pub isolation: Option<Isolation>,
    /// Whether the unit promises not to write.
    pub read_only: bool,
    /// Whether a serializable, read-only transaction waits for a moment in which it cannot conflict (PostgreSQL).
    pub deferrable: bool,
    /// SQLite's kind of BEGIN; `Immediate`, or `Deferred` when read-only, if `None`.
    pub sqlite_mode: Option<SqliteMode>,
    /// How long the server may work on one statement.
    pub statement_timeout: Option<Duration>,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Option<Duration>,
    /// Whether a pooler stands between, which gives each transaction whatever connection is free.
    pub behind_pooler: bool,
    /// The snapshot of another transaction to read from (PostgreSQL).
    pub snapshot: Option<String>,
    /// How long the whole unit may take. The client holds to it; the server is told where it can be, as a second line.
    pub deadline: Option<Duration>,
}

/// How much later than the client the server gives up. The client's answer says more.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const BEHIND_THE_CLIENT: Duration = Duration::from_millis(500);

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl TransactionOptions {
    /// How long the server may work on one statement, the unit's deadline included.
    pub(crate) fn statement_limit(&self) -> Option<Duration> {
        [self.statement_timeout, self.idle_limit()].into_iter().flatten().min()
    }

    /// How long the server may wait for the next statement of a unit that has a deadline.
    pub(crate) fn idle_limit(&self) -> Option<Duration> {
        Some(self.deadline?.saturating_add(BEHIND_THE_CLIENT))
    }
}

/// The texts a transaction with certain options is begun and ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Sent to begin, in one message.
    pub begin: Cow<'static, str>,
    /// Sent behind COMMIT or ROLLBACK, in their message: makes the connection what it was before.
    pub restore: Cow<'static, str>,
    /// Whether a part of `restore` has to be asked of the connection before BEGIN.
    pub remembers: bool,
    /// Whether the unit promises not to write.
    pub read_only: bool,
}

impl Plan {
    /// A plan that needs nothing restored.
    pub(crate) const fn plain(begin: Cow<'static, str>) -> Self {
        Self { begin, restore: Cow::Borrowed(""), remembers: false, read_only: false }
    }

    /// Whether nothing was asked for that only a transaction can give.
    pub(crate) fn is_default<DB: Backend>(&self) -> bool {
        self.begin == DB::BEGIN && self.restore.is_empty() && !self.remembers
    }
}
