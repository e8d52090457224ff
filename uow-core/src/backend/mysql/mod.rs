//! MySQL and MariaDB: DDL commits, a deadlock rolls back, and in both cases the next statement is a transaction of its own.

mod batch;
mod catalog;

use std::fmt::Display;

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;
use sqlx_core::describe::Describe;
use sqlx_core::encode::Encode;
use sqlx_core::error::DatabaseError;
use sqlx_core::executor::Executor;
use sqlx_core::row::Row;
use sqlx_core::sql_str::SqlStr;
use sqlx_mysql::{MySql, MySqlDatabaseError};

use super::{Backend, CommitFailure, Dialect, Query, Rows, executor_methods, first_row};
use crate::entities::Lock;
use crate::entity::{ColumnType, Table};
use crate::error::Error;
use crate::schema::LiveTable;
use crate::sql::{Form, Shape};
use crate::transaction_options::{Plan, TransactionOptions};

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

impl Backend for MySql {
    const DIALECT: Dialect = Dialect::MySql;
    // The savepoint is a sentinel: it is there for as long as the transaction is.
    const BEGIN: &'static str = "START TRANSACTION; SAVEPOINT uow";
    const CHECK: &'static str = "RELEASE SAVEPOINT uow";
    // `completion_type` may make a plain COMMIT begin the next transaction.
    const COMMIT: &'static str = "COMMIT AND NO CHAIN NO RELEASE";
    const CHECKED_COMMIT: &'static str = "RELEASE SAVEPOINT uow; COMMIT AND NO CHAIN NO RELEASE";
    const ROLLBACK: &'static str = "ROLLBACK AND NO CHAIN NO RELEASE";
    const CHECKED_ROLLBACK: &'static str = "ROLLBACK TO SAVEPOINT uow; ROLLBACK AND NO CHAIN NO RELEASE";
    const MARKER_TABLE: &'static str = "CREATE TABLE IF NOT EXISTS uow_marker (\
         id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, \
         void BOOLEAN NOT NULL, \
         created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE = InnoDB";
    const SENTINEL_ROLLBACK: &'static str = Self::CHECKED_ROLLBACK;
    const NEEDS_SENTINEL: bool = false;
    // What a procedure may leave behind that makes a later user's statements part of a transaction he knows nothing of.
    const BEFORE_UNSEEN: &'static str =
        "SET @uow_autocommit = @@SESSION.autocommit, @uow_completion_type = @@SESSION.completion_type";
    const RESTORE_UNSEEN: &'static str =
        "SET SESSION autocommit = @uow_autocommit, SESSION completion_type = @uow_completion_type";
    // Two statements in one message need the text protocol.
    const PREPARES_TEXT: bool = false;

    fn plan(options: &TransactionOptions) -> Result<Plan, Error> {
        let lacks = |option: &str, instead| Error::Unsupported {
            engine: "MySQL",
            option: option.to_owned(),
            instead,
        };
        if options.sqlite_mode.is_some() {
            return Err(lacks("SQLite begin mode", "leave `sqlite_mode` out for it"));
        }
        if options.deferrable {
            return Err(lacks("deferrable transaction", "leave `deferrable` out for it"));
        }
        let mut settings = Settings::default();
        if let Some(timeout) = options.statement_timeout {
            // Each server has a variable of its own, in seconds and in milliseconds, and takes that of the other for a comment.
            // More than the greatest of its values is an error to one of them: a year, and 49 days.
            let seconds = timeout.as_secs_f64().clamp(0.000_001, 31_536_000.0);
            settings.set("max_statement_time", format!("{seconds:.6}"), " /*M!100101 ");
            let millis = timeout.as_millis().clamp(1, u128::from(u32::MAX));
            settings.set("max_execution_time", millis, " /*!50708 ");
        }
        if let Some(timeout) = options.lock_timeout {
            // In whole seconds, the next one up.
            let seconds = timeout.as_millis().div_ceil(1000).clamp(1, 100_000_000);
            settings.set("innodb_lock_wait_timeout", seconds, "");
        }
        let Settings { mut begin, restore } = settings;
        if let Some(level) = options.isolation {
            // Without SESSION it is the next transaction's level only: the connection is left as it was.
            begin.push_str(&format!("SET TRANSACTION ISOLATION LEVEL {}; ", level.sql()));
        }
        begin.push_str(if options.read_only { "START TRANSACTION READ ONLY" } else { "START TRANSACTION" });
        begin.push_str("; SAVEPOINT uow");
        Ok(Plan { begin: begin.into(), restore: restore.into(), remembers: false })
    }

    fn marker_table(connection: &mut Self::Connection) -> BoxFuture<'_, Result<String, SqlxError>> {
        Box::pin(async move {
            let name = "SELECT concat('`', replace(database(), '`', '``'), '`.uow_marker')";
            let name: Option<String> = Executor::fetch_one(connection, name).await?.try_get(0)?;
            Ok(name.unwrap_or_else(|| "uow_marker".to_owned()))
        })
    }

    fn marker_fence(table: &str, id: &str) -> String {
        format!("INSERT IGNORE INTO {table} (id, void) VALUES ('{id}', TRUE)")
    }

    fn marker_clean_up(seconds: u64) -> String {
        format!("DELETE FROM uow_marker WHERE created_at < now() - INTERVAL {seconds} SECOND")
    }

    executor_methods!();

    const MAX_VALUES: usize = 65_535;
    // A message over `max_allowed_packet` ends the connection. No server in use has been given less than four times this
    // unless on purpose (16 MB on MariaDB, 64 MB on MySQL 8, 4 MB before), and larger messages are no faster.
    const MAX_BYTES: Option<usize> = Some(1 << 20);

    fn encoded_len<'q, T: Encode<'q, Self>>(value: &T) -> usize {
        let mut encoded = Vec::new();
        // (One that does not encode is told when it is bound.)
        value.encode_by_ref(&mut encoded).ok();
        encoded.len()
    }

    // Not where `autocommit` is off, and to ask whether it is costs as much as to begin.
    const AUTOCOMMITS: bool = false;
    const READ_ALSO: &'static str = ", CAST(@@SESSION.autocommit AS SIGNED)";

    fn began_by_reading(row: Option<&Self::Row>) -> bool {
        let autocommits =
            |row: &Self::Row| row.try_get::<i64, _>(row.len().saturating_sub(1)).is_ok_and(|on| on == 1);
        // (Where there is no row to tell, it costs a round trip.)
        !row.is_some_and(autocommits)
    }

    const UPDATES_BY_CASE: bool = true;
    const UPSERTS_BY_ANY_INDEX: bool = true;

    fn insert_text(shape: &Shape, columns: &[usize], form: Form, returning: &[usize]) -> String {
        batch::insert(shape, columns, form.rows(), returning)
    }

    fn update_text(shape: &Shape, columns: &[usize], form: Form) -> String {
        batch::update(shape, columns, form.rows())
    }

    fn delete_text(shape: &Shape, form: Form) -> String {
        batch::delete(shape, form.rows())
    }

    fn key_step(shape: &Shape) -> Option<String> {
        Some(batch::key_step(shape))
    }

    fn keys_in_step(result: &Self::QueryResult, rows: usize, step: i64) -> Option<Vec<i64>> {
        // The keys of an INSERT whose rows are known beforehand are in step in every lock mode of InnoDB; the first is told.
        let first = i64::try_from(result.last_insert_id()).ok().filter(|first| *first > 0)?;
        let keys = (0..i64::try_from(rows).ok()?).map(|at| first.checked_add(at.checked_mul(step)?));
        keys.collect()
    }

    fn upsert_text(shape: &Shape, columns: &[usize], target: &[usize]) -> String {
        batch::upsert(shape, columns, target)
    }

    fn or_ignore(shape: &Shape) -> String {
        batch::or_ignore(shape)
    }

    fn was_inserted(result: &Self::QueryResult) -> bool {
        // (That it affected a row is said of one that stayed as it was as well.)
        result.last_insert_id() != batch::IGNORED
    }

    fn returning(shape: &Shape, columns: &[usize]) -> String {
        batch::returning(shape, columns)
    }

    fn lock_clause(lock: Lock, _: &Plan) -> Result<&'static str, Error> {
        Ok(match lock {
            Lock::Wait => " FOR UPDATE",
            Lock::NoWait => " FOR UPDATE NOWAIT",
            Lock::SkipLocked => " FOR UPDATE SKIP LOCKED",
        })
    }

    fn fetch_optional(
        connection: &mut Self::Connection,
        query: Query<Self>,
    ) -> BoxFuture<'_, Result<Option<Self::Row>, SqlxError>> {
        // sqlx stops at the first row here, and would leave the rest, an error in it included, to the next statement.
        Box::pin(first_row(Executor::fetch_many(connection, query)))
    }

    fn live_table<'e>(
        connection: &'e mut Self::Connection,
        table: &'e Table,
    ) -> BoxFuture<'e, Result<Option<LiveTable>, SqlxError>> {
        Box::pin(catalog::live_table(connection, table))
    }

    fn judge_commit(error: &SqlxError) -> CommitFailure {
        match number(error) {
            // In a cluster a conflict with another node shows only now.
            Some(DEADLOCK | SNAPSHOT_CONFLICT | GROUP_CONFLICT) => CommitFailure::NotCommitted,
            Some(UNKNOWN_ERROR) if error.to_string().contains("writeset size") => CommitFailure::NotCommitted,
            _ => CommitFailure::Unknown,
        }
    }

    fn sentinel_gone(error: &SqlxError) -> bool {
        number(error) == Some(SAVEPOINT_GONE)
    }

    fn rolled_back<'e>(_: &'e mut Self::Connection, error: &'e SqlxError) -> BoxFuture<'e, bool> {
        // Not a lock wait, which ends the statement alone: where `innodb_rollback_on_timeout` makes it end the transaction,
        // that one is found gone.
        Box::pin(std::future::ready(matches!(number(error), Some(DEADLOCK | SNAPSHOT_CONFLICT))))
    }
}

/// Settings of the connection for a transaction, and what makes them what they were.
#[derive(Default)]
struct Settings {
    begin: String,
    restore: String,
}

impl Settings {
    /// `on`: how a comment begins that only the server reads which has this variable.
    fn set(&mut self, variable: &str, value: impl Display, on: &str) {
        let end = if on.is_empty() { "" } else { " */" };
        // (What is a comment as a whole would be no statement.)
        let now = format!("@uow_{variable} = @@SESSION.{variable}, SESSION {variable} = {value}");
        self.begin.push_str(&format!("SET @uow = 1{on}, {now}{end}; "));
        self.restore.push_str(if self.restore.is_empty() { "SET @uow = NULL" } else { "" });
        self.restore.push_str(&format!("{on}, SESSION {variable} = @uow_{variable}{end}"));
    }
}

fn number(error: &SqlxError) -> Option<u16> {
    error.as_database_error().and_then(number_of)
}

fn number_of(error: &dyn DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// A conflict of whatever kind, lock wait timeout, no lock without waiting, a node that has no quorum, too many connections.
pub(super) fn is_transient(error: &dyn DatabaseError) -> bool {
    number_of(error).is_some_and(|number| {
        let conflict = matches!(number, DEADLOCK | SNAPSHOT_CONFLICT | GROUP_CONFLICT);
        conflict || matches!(number, LOCK_WAIT_TIMEOUT | 3572 | 1047 | 1040 | 1203)
    })
}

/// A value that is out of range or malformed, a constraint, the check of a view, what a trigger signals; and those of the
/// same kind whose `SQLSTATE` does not say so: a value that is missing, cut off or of the wrong type, a row that is too large
/// or that no partition takes, a CHECK.
pub(super) fn is_about_row(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<MySqlDatabaseError>().is_some_and(|error| {
        let class = error.code().and_then(|code| code.get(..2)).unwrap_or_default();
        matches!(class, "22" | "23" | "44" | "45")
            || matches!(
                error.number(),
                1118 | 1265 | 1364 | 1366 | 1369 | 1411 | 1526 | 1644 | 1713 | 1748 | 3819 | 4025
            )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_limit_is_never_more_than_a_server_takes() {
        let forever = Some(Duration::MAX);
        let options =
            TransactionOptions { statement_timeout: forever, lock_timeout: forever, ..Default::default() };
        let begin = MySql::plan(&options).unwrap().begin;
        for set in [
            "SESSION max_statement_time = 31536000.000000",
            "SESSION max_execution_time = 4294967295",
            "SESSION innodb_lock_wait_timeout = 100000000;",
        ] {
            assert!(begin.contains(set), "{begin}");
        }
    }
}
