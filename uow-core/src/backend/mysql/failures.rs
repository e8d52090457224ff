//! What the errors of MySQL and MariaDB mean.

use sqlx_core::Error as SqlxError;
use sqlx_core::error::DatabaseError;
use sqlx_mysql::MySqlDatabaseError;

use crate::backend::CommitFailure;

/// `ER_SP_DOES_NOT_EXIST`: the sentinel is gone, and its transaction with it.
const SAVEPOINT_GONE: u16 = 1305;
/// `ER_LOCK_DEADLOCK`, which is also what a Galera conflict says.
const DEADLOCK: u16 = 1213;
/// `ER_CHECKREAD`: a row changed since the snapshot (`innodb_snapshot_isolation`).
const SNAPSHOT_CONFLICT: u16 = 1020;
/// `ER_TRANSACTION_ROLLBACK_DURING_COMMIT`: group replication found it in conflict with another member's.
const GROUP_CONFLICT: u16 = 3101;
/// `ER_LOCK_WAIT_TIMEOUT`.
const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// `ER_UNKNOWN_ERROR`, which is what Galera says of a transaction that is too large for it.
const UNKNOWN_ERROR: u16 = 1105;

/// `ER_ERROR_DURING_COMMIT`: Galera says so of a transaction that has too many rows, and of one whose node lost its cluster
/// while it was committed.
const ERROR_DURING_COMMIT: u16 = 1180;
/// `ER_UNKNOWN_COM_ERROR`: the node is not in its cluster.
const NOT_IN_CLUSTER: u16 = 1047;
/// `ER_UNKNOWN_STMT_HANDLER` and `ER_NEED_REPREPARE`: what the connection has prepared is not there, or out of date.
const STALE_STATEMENT: [u16; 2] = [1243, 1615];
/// `ER_OPTION_PREVENTS_STATEMENT` and `ER_READ_ONLY_MODE`: the server does not take writes.
const OPTION_PREVENTS: u16 = 1290;
const READ_ONLY_MODE: u16 = 1836;

/// What an error says of the transaction that came in answer to COMMIT itself.
pub(super) fn judge_commit(error: &SqlxError) -> CommitFailure {
    match number(error) {
        // In a cluster a conflict with another node shows only now.
        Some(DEADLOCK | SNAPSHOT_CONFLICT | GROUP_CONFLICT) => CommitFailure::NotCommitted,
        Some(UNKNOWN_ERROR) if error.to_string().contains("writeset size") => CommitFailure::NotCommitted,
        // A node that lost its cluster in the middle of COMMIT says 1180 or 1047, and some of those units are stored.
        _ => CommitFailure::Unknown,
    }
}

/// Whether a statement that failed so has rolled back the whole transaction. (Not a lock wait, which ends the statement alone;
/// where `innodb_rollback_on_timeout` makes it end the transaction, that one is found gone.)
pub(super) fn rolled_back(error: &SqlxError) -> bool {
    matches!(number(error), Some(DEADLOCK | SNAPSHOT_CONFLICT | ERROR_DURING_COMMIT))
}

/// Whether an error says that a savepoint is not there.
pub(super) fn savepoint_gone(error: &SqlxError) -> bool {
    number(error) == Some(SAVEPOINT_GONE)
}

/// Whether another connection, to another node perhaps, may serve a unit that this one cannot.
pub(super) fn spoils_connection(error: &dyn DatabaseError, read_only: bool) -> bool {
    number_of(error)
        .is_some_and(|number| is_stale(number) || (!read_only && refuses_writes(number, error.message())))
}

fn is_stale(number: u16) -> bool {
    number == NOT_IN_CLUSTER || STALE_STATEMENT.contains(&number)
}

fn refuses_writes(number: u16, message: &str) -> bool {
    number == READ_ONLY_MODE || (number == OPTION_PREVENTS && message.contains("read-only"))
}

fn number(error: &SqlxError) -> Option<u16> {
    error.as_database_error().and_then(number_of)
}

fn number_of(error: &dyn DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// A conflict of whatever kind, lock wait timeout, no lock without waiting, too many connections; and what another connection
/// does not have.
pub(in crate::backend) fn is_transient(error: &dyn DatabaseError) -> bool {
    number_of(error).is_some_and(|number| {
        let conflict = matches!(number, DEADLOCK | SNAPSHOT_CONFLICT | GROUP_CONFLICT);
        conflict || is_stale(number) || matches!(number, LOCK_WAIT_TIMEOUT | 3572 | 1040 | 1203)
    })
}

/// A value that is out of range or malformed, a constraint, the check of a view, what a trigger signals; and those of the
/// same kind whose `SQLSTATE` does not say so: a value that is missing, cut off or of the wrong type, a row that is too large
/// or that no partition takes, a CHECK.
pub(in crate::backend) fn is_about_row(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<MySqlDatabaseError>().is_some_and(|error| {
        let class = error.code().and_then(|code| code.get(..2)).unwrap_or_default();
        matches!(class, "22" | "23" | "44" | "45")
            || matches!(
                error.number(),
                1118 | 1265 | 1364 | 1366 | 1369 | 1411 | 1526 | 1644 | 1713 | 1748 | 3819 | 4025
            )
    })
}
