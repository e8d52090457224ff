//! MySQL and MariaDB: DDL commits, a deadlock rolls back, and in both cases the next statement is a transaction of its own.

mod batch;
mod catalog;
mod failures;
mod processes;

use std::fmt::Display;
use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;
use sqlx_core::describe::Describe;
use sqlx_core::encode::Encode;
use sqlx_core::executor::Executor;
use sqlx_core::row::Row;
use sqlx_core::sql_str::SqlStr;
use sqlx_mysql::MySql;

use super::{Activity, Backend, CommitFailure, Dialect, Query, Rows, executor_methods, first_row};
use crate::entities::Lock;
use crate::entity::{ColumnType, Table};
use crate::error::Error;
use crate::interrupt::Interruptions;
use crate::schema::LiveTable;
use crate::sql::{Form, Shape};
use crate::transaction_options::{Plan, TransactionOptions};
pub(super) use failures::{is_about_row, is_transient};

impl Backend for MySql {
    const DIALECT: Dialect = Dialect::MySql;
    const BEGIN: &'static str = "START TRANSACTION; SELECT CONNECTION_ID()";
    // A transaction that is no longer there was ended by an error, which the session saw, or unseen, and then there is a sentinel.
    const CHECK: &'static str = "";
    // `completion_type` may make a plain COMMIT begin the next transaction.
    const COMMIT: &'static str = "COMMIT AND NO CHAIN NO RELEASE";
    const CHECKED_COMMIT: &'static str = Self::COMMIT;
    // A Galera node that has to abort a transaction for another node's, between two statements of one message, does not tell:
    // the second one is run outside of any transaction, and answered with success.
    const COMMITS_ALONE: bool = true;
    const ROLLBACK: &'static str = "ROLLBACK AND NO CHAIN NO RELEASE";
    const SENTINEL_ROLLBACK: &'static str = "ROLLBACK TO SAVEPOINT uow; ROLLBACK AND NO CHAIN NO RELEASE";
    const MARKER_TABLE: &'static str = "CREATE TABLE IF NOT EXISTS uow_marker (\
         id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, \
         void BOOLEAN NOT NULL, \
         created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE = InnoDB";
    const HAS_SERVER: bool = true;
    // A procedure may leave settings behind that make a later user's statements part of a transaction he knows nothing of.
    const BEFORE_UNSEEN: &'static str = "SAVEPOINT uow; \
         SET @uow_autocommit = @@SESSION.autocommit, @uow_completion_type = @@SESSION.completion_type";
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
        if options.snapshot.is_some() {
            return Err(lacks("snapshot of another transaction", "leave `snapshot` out for it"));
        }
        if let Some(timeout) = options.statement_limit() {
            // Each server has a variable of its own, in seconds and in milliseconds, and takes that of the other for a comment.
            // More than the greatest of its values is an error to one of them: a year, and 49 days.
            let seconds = timeout.as_secs_f64().clamp(0.000_001, 31_536_000.0);
            settings.set("max_statement_time", format!("{seconds:.6}"), " /*M!100101 ");
            let millis = timeout.as_millis().clamp(1, u128::from(u32::MAX));
            settings.set("max_execution_time", millis, " /*!50708 ");
        }
        if let Some(timeout) = options.idle_limit() {
            // MariaDB ends an idle transaction, MySQL only an idle connection. In whole seconds, the next one up.
            let seconds = timeout.as_millis().div_ceil(1000).clamp(1, 31_536_000);
            settings.set("idle_transaction_timeout", seconds, " /*M!100300 ");
            settings.set("wait_timeout", seconds, " /*!50708 ");
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
        begin.push_str("; SELECT CONNECTION_ID()");
        Ok(Plan {
            begin: begin.into(),
            restore: restore.into(),
            remembers: false,
            read_only: options.read_only,
        })
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
        failures::judge_commit(error)
    }

    fn spoils_connection(error: &SqlxError, read_only: bool) -> bool {
        error.as_database_error().is_some_and(|error| failures::spoils_connection(error, read_only))
    }

    fn interruptions() -> Option<&'static Interruptions<Self>> {
        static INTERRUPTIONS: Interruptions<MySql> = Interruptions::new();
        Some(&INTERRUPTIONS)
    }

    fn process(row: &Self::Row) -> Option<u64> {
        row.try_get(0).ok()
    }

    fn activity(
        connection: &mut Self::Connection,
        process: u64,
        age: Duration,
    ) -> BoxFuture<'_, Result<Activity, SqlxError>> {
        Box::pin(processes::activity(connection, process, age))
    }

    fn end_process(connection: &mut Self::Connection, process: u64) -> BoxFuture<'_, Result<(), SqlxError>> {
        Box::pin(processes::end(connection, process))
    }

    fn sentinel_gone(error: &SqlxError) -> bool {
        failures::savepoint_gone(error)
    }

    fn rolled_back<'e>(_: &'e mut Self::Connection, error: &'e SqlxError) -> BoxFuture<'e, bool> {
        Box::pin(std::future::ready(failures::rolled_back(error)))
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
