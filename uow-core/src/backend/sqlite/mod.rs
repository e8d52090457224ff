//! SQLite: one writer at a time, statements on a thread of the connection's own, and no server to end anything.

mod batch;
mod catalog;

use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;
use sqlx_core::connection::Connection as _;
use sqlx_core::describe::Describe;
use sqlx_core::error::DatabaseError;
use sqlx_core::executor::Executor;
use sqlx_core::row::Row;
use sqlx_core::sql_str::SqlStr;
use sqlx_sqlite::{Sqlite, SqliteConnection, SqliteError};

use super::{Backend, CommitFailure, Dialect, Query, Rows, executor_methods, first_row, no_end};
use crate::clock;
use crate::connection::PATIENCE;
use crate::entities::Lock;
use crate::entity::{ColumnType, Table};
use crate::error::Error;
use crate::schema::LiveTable;
use crate::sql::{self, Form, Shape};
use crate::transaction_options::{Isolation, Plan, SqliteMode, TransactionOptions};

impl Backend for Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;
    // DEFERRED would let a unit read, and then fail at its first write for as long as another one writes.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    // COMMIT itself fails where no transaction is open: SQLite tells its autocommit state in no cheaper way.
    const CHECK: &'static str = "";
    const COMMIT: &'static str = "COMMIT";
    const CHECKED_COMMIT: &'static str = "COMMIT";
    const ROLLBACK: &'static str = "ROLLBACK";
    const MARKER_TABLE: &'static str = "CREATE TABLE IF NOT EXISTS uow_marker (\
         id TEXT NOT NULL PRIMARY KEY, \
         void BOOLEAN NOT NULL, \
         created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP) WITHOUT ROWID";
    const HAS_SERVER: bool = false;
    const PREPARES_TEXT: bool = true;

    fn plan(options: &TransactionOptions) -> Result<Plan, Error> {
        let lacks = |option: &str, instead| Error::Unsupported {
            engine: "SQLite",
            option: option.to_owned(),
            instead,
        };
        if options.deferrable {
            return Err(lacks(
                "deferrable transaction",
                "a read-only unit begins DEFERRED and waits for nobody",
            ));
        }
        if options.behind_pooler {
            return Err(lacks(
                "pooler",
                "there is no server it could stand before: leave `behind_pooler` out",
            ));
        }
        if options.snapshot.is_some() {
            return Err(lacks("snapshot of another transaction", "leave `snapshot` out for it"));
        }
        if options.statement_timeout.is_some() {
            return Err(lacks("statement timeout", "give the unit a `deadline`"));
        }
        if let Some(level) = options.isolation.filter(|level| *level != Isolation::Serializable) {
            let option = format!("isolation level {}", level.sql());
            return Err(lacks(
                &option,
                "its transactions are always serializable: ask for that, or for nothing",
            ));
        }
        let mode = match options.sqlite_mode {
            None if options.read_only => "BEGIN DEFERRED",
            None | Some(SqliteMode::Immediate) => Self::BEGIN,
            Some(SqliteMode::Deferred) => "BEGIN DEFERRED",
            Some(SqliteMode::Exclusive) => "BEGIN EXCLUSIVE",
        };
        let mut begin = String::new();
        if let Some(timeout) = options.lock_timeout {
            begin = format!("PRAGMA busy_timeout = {}; ", timeout.as_millis().min(i32::MAX as u128));
        }
        begin.push_str(mode);
        if options.read_only {
            // Behind BEGIN, which takes a write lock itself where the user asked for one.
            begin.push_str("; PRAGMA query_only = ON");
        }
        let remembers = options.lock_timeout.is_some() || options.read_only;
        Ok(Plan { begin: begin.into(), restore: "".into(), remembers, read_only: options.read_only })
    }

    fn remember(connection: &mut Self::Connection) -> BoxFuture<'_, Result<String, SqlxError>> {
        Box::pin(async move {
            let timeout: i64 =
                Executor::fetch_one(&mut *connection, "PRAGMA busy_timeout").await?.try_get(0)?;
            let query_only: i64 = Executor::fetch_one(connection, "PRAGMA query_only").await?.try_get(0)?;
            Ok(format!("PRAGMA busy_timeout = {timeout}; PRAGMA query_only = {query_only}"))
        })
    }

    fn marker_table(_: &mut Self::Connection) -> BoxFuture<'_, Result<String, SqlxError>> {
        Box::pin(std::future::ready(Ok("main.uow_marker".to_owned())))
    }

    fn marker_fence(table: &str, id: &str) -> String {
        format!("INSERT INTO {table} (id, void) VALUES ('{id}', TRUE) ON CONFLICT DO NOTHING")
    }

    fn marker_clean_up(seconds: u64) -> String {
        format!("DELETE FROM uow_marker WHERE created_at < datetime('now', '-{seconds} seconds')")
    }

    executor_methods!();

    const MAX_VALUES: usize = 32_766;
    const RETURNING_IS_SLOW: bool = true;
    const KEEPS_VALUES: bool = true;

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
        batch::keys_are_consecutive(shape)
    }

    fn keys_in_step(result: &Self::QueryResult, rows: usize, step: i64) -> Option<Vec<i64>> {
        let rows = i64::try_from(rows).ok()?;
        let last = result.last_insert_rowid();
        (step == 1).then(|| (last - rows + 1..=last).collect())
    }

    fn upsert_text(shape: &Shape, columns: &[usize], target: &[usize]) -> String {
        sql::upsert(shape, columns, target)
    }

    fn lock_clause(lock: Lock, plan: &Plan) -> Result<&'static str, Error> {
        let lacks = |option: &str, instead| Error::Unsupported {
            engine: "SQLite",
            option: option.to_owned(),
            instead,
        };
        if lock != Lock::Wait {
            return Err(lacks(
                "lock on a row that does not wait",
                "its units lock the whole database when they begin; give the unit a `lock_timeout`",
            ));
        }
        if plan.begin.contains("BEGIN DEFERRED") {
            return Err(lacks(
                "lock on a row in a transaction that was begun DEFERRED",
                "begin the unit with `SqliteMode::Immediate`, which is the default for one that writes",
            ));
        }
        // The transaction holds the lock on the whole database since its BEGIN.
        Ok("")
    }

    #[inline]
    fn fetch_optional(
        connection: &mut Self::Connection,
        query: Query<Self>,
    ) -> BoxFuture<'_, Result<Option<Self::Row>, SqlxError>> {
        if sql::has_semicolon(query.text().as_bytes()) {
            // sqlx stops at the first row here, and would never run what stands behind it.
            Box::pin(first_row(Executor::fetch_many(connection, query)))
        } else {
            Executor::fetch_optional(connection, query)
        }
    }

    fn confirm_no_row(connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), SqlxError>> {
        // It is also what a worker answers that has panicked.
        Box::pin(is_alive(connection))
    }

    fn live_table<'e>(
        connection: &'e mut Self::Connection,
        table: &'e Table,
    ) -> BoxFuture<'e, Result<Option<LiveTable>, SqlxError>> {
        Box::pin(catalog::live_table(connection, table))
    }

    fn live_type_fits(info: &Self::TypeInfo, compatible: &dyn Fn(&Self::TypeInfo) -> bool) -> bool {
        catalog::fits(info, compatible)
    }

    fn judge_commit(error: &SqlxError) -> CommitFailure {
        match error {
            SqlxError::Database(error) if is_no_transaction(&**error) => CommitFailure::TransactionGone,
            // A commit that fails here leaves the transaction open, or undone by the engine itself.
            SqlxError::Database(_) => CommitFailure::NotCommitted,
            _ => CommitFailure::Unknown,
        }
    }

    fn is_no_transaction(error: &SqlxError) -> bool {
        error.as_database_error().is_some_and(is_no_transaction)
    }

    fn sentinel_gone(error: &SqlxError) -> bool {
        error.as_database_error().is_some_and(|error| error.message().starts_with("no such savepoint"))
    }

    fn spoils_connection(_: &SqlxError, _: bool) -> bool {
        false
    }

    fn rolled_back<'e>(connection: &'e mut Self::Connection, error: &'e SqlxError) -> BoxFuture<'e, bool> {
        Box::pin(async move {
            // `OR ROLLBACK`, `RAISE(ROLLBACK)`, a full disk: the code is the same as without. BEGIN fails where a transaction
            // is open, and changes nothing there.
            let gone = matches!(error, SqlxError::Database(_))
                && Executor::execute(&mut *connection, "BEGIN").await.is_ok();
            if gone {
                Executor::execute(connection, "ROLLBACK").await.ok();
            }
            gone
        })
    }
}

/// Whether the worker of a connection still takes commands: an error if not.
///
/// One that is just about to end takes a last one and never answers it. The next one is refused.
async fn is_alive(connection: &mut SqliteConnection) -> Result<(), SqlxError> {
    for patience in [Duration::from_millis(50), PATIENCE] {
        if let Some(answer) = clock::timeout(patience, connection.ping()).await {
            return answer;
        }
    }
    Err(no_end())
}

/// The plain `SQLITE_ERROR`, told apart by its text: it has no code of its own.
fn is_no_transaction(error: &dyn DatabaseError) -> bool {
    error.code().as_deref() == Some("1") && error.message().ends_with("no transaction is active")
}

/// `SQLITE_BUSY` and `SQLITE_LOCKED`, with their extended codes.
pub(super) fn is_transient(error: &dyn DatabaseError) -> bool {
    primary_code(error).is_some_and(|code| matches!(code, 5 | 6))
}

/// `SQLITE_TOOBIG`, `SQLITE_CONSTRAINT` (what a trigger refuses included) and `SQLITE_MISMATCH`, with their extended codes.
pub(super) fn is_about_row(error: &dyn DatabaseError) -> bool {
    primary_code(error).is_some_and(|code| matches!(code, 18..=20))
}

fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    error.try_downcast_ref::<SqliteError>()?;
    Some(error.code()?.parse::<i32>().ok()? & 0xff)
}
