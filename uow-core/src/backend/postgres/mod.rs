//! PostgreSQL: a failed statement fails the transaction, and COMMIT of a failed one answers as if all were well.

mod batch;
mod catalog;
mod failures;
mod processes;

use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;
use sqlx_core::describe::Describe;
use sqlx_core::executor::Executor;
use sqlx_core::row::Row;
use sqlx_core::sql_str::SqlStr;
use sqlx_postgres::Postgres;

use super::{Activity, Backend, CommitFailure, Dialect, Query, Rows, executor_methods};
use crate::entities::Lock;
use crate::entity::{ColumnType, Table};
use crate::error::Error;
use crate::interrupt::Interruptions;
use crate::schema::LiveTable;
use crate::sql::{self, Form, Shape};
use crate::transaction_options::{Plan, TransactionOptions};
pub(super) use failures::{ends_connection, is_about_row, is_transient};

/// Asks which process serves the connection.
const ASK_PROCESS: &str = "; SELECT pg_backend_pid()";

impl Backend for Postgres {
    const DIALECT: Dialect = Dialect::Postgres;
    const BEGIN: &'static str = "BEGIN; SELECT pg_backend_pid()";
    // COMMIT alone answers a failed transaction with success; the SELECT before it answers with an error.
    const CHECK: &'static str = "SELECT 1";
    const COMMIT: &'static str = "COMMIT";
    const CHECKED_COMMIT: &'static str = "SELECT 1; COMMIT";
    const ROLLBACK: &'static str = "ROLLBACK";
    const MARKER_TABLE: &'static str = "CREATE TABLE IF NOT EXISTS uow_marker (\
         id CHAR(32) NOT NULL PRIMARY KEY, \
         void BOOLEAN NOT NULL, \
         created_at TIMESTAMPTZ NOT NULL DEFAULT now())";
    const HAS_SERVER: bool = true;
    // Two statements in one message need the text protocol.
    const PREPARES_TEXT: bool = false;

    fn plan(options: &TransactionOptions) -> Result<Plan, Error> {
        let lacks = |option: &str, instead| Error::Unsupported {
            engine: "PostgreSQL",
            option: option.to_owned(),
            instead,
        };
        if options.sqlite_mode.is_some() {
            return Err(lacks("SQLite begin mode", "leave `sqlite_mode` out for it"));
        }
        let mut text = String::from("BEGIN");
        if let Some(level) = options.isolation {
            text.push_str(" ISOLATION LEVEL ");
            text.push_str(level.sql());
        }
        if options.read_only {
            text.push_str(" READ ONLY");
        }
        if options.deferrable {
            text.push_str(" DEFERRABLE");
        }
        if let Some(snapshot) = &options.snapshot {
            if snapshot.contains('\0') {
                return Err(lacks(
                    "snapshot whose name holds a NUL byte",
                    "give the name that `pg_export_snapshot()` answered",
                ));
            }
            text.push_str(&format!("; SET TRANSACTION SNAPSHOT '{}'", snapshot.replace('\'', "''")));
        }
        // LOCAL: until the end of the transaction, whichever it is.
        for (name, timeout) in [
            ("statement_timeout", options.statement_limit()),
            ("lock_timeout", options.lock_timeout),
            ("idle_in_transaction_session_timeout", options.idle_limit()),
        ] {
            if let Some(timeout) = timeout {
                text.push_str(&format!(
                    "; SET LOCAL {name} = {}",
                    timeout.as_millis().clamp(1, i32::MAX as u128)
                ));
            }
        }
        if !options.deferrable {
            // The first query of a deferrable transaction waits for as long as others write.
            text.push_str(ASK_PROCESS);
        }
        Ok(Plan { read_only: options.read_only, ..Plan::plain(text.into()) })
    }

    fn marker_table(connection: &mut Self::Connection) -> BoxFuture<'_, Result<String, SqlxError>> {
        Box::pin(async move {
            let name = "SELECT coalesce((SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c \
                        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass('uow_marker')), 'uow_marker')";
            Executor::fetch_one(connection, name).await?.try_get(0)
        })
    }

    fn marker_fence(table: &str, id: &str) -> String {
        format!("INSERT INTO {table} (id, void) VALUES ('{id}', TRUE) ON CONFLICT (id) DO NOTHING")
    }

    fn marker_clean_up(seconds: u64) -> String {
        format!("DELETE FROM uow_marker WHERE created_at < now() - interval '{seconds} seconds'")
    }

    executor_methods!();

    const HAS_ARRAYS: bool = true;
    const MAX_VALUES: usize = 65_535;

    fn insert_text(shape: &Shape, columns: &[usize], form: Form, returning: &[usize]) -> String {
        batch::insert(shape, columns, form, returning)
    }

    fn update_text(shape: &Shape, columns: &[usize], form: Form) -> String {
        batch::update(shape, columns, form)
    }

    fn delete_text(shape: &Shape, form: Form) -> String {
        batch::delete(shape, form)
    }

    fn upsert_text(shape: &Shape, columns: &[usize], target: &[usize]) -> String {
        sql::upsert(shape, columns, target)
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
        // sqlx reads on to the end here: an error may follow the first row.
        Executor::fetch_optional(connection, query)
    }

    fn live_table<'e>(
        connection: &'e mut Self::Connection,
        table: &'e Table,
    ) -> BoxFuture<'e, Result<Option<LiveTable>, SqlxError>> {
        Box::pin(catalog::live_table(connection, table))
    }

    fn judge_commit(error: &SqlxError) -> CommitFailure {
        match error {
            // The connection went while COMMIT was on its way.
            error if Self::ends_connection(error) => CommitFailure::Unknown,
            _ => CommitFailure::NotCommitted,
        }
    }

    fn ends_connection(error: &SqlxError) -> bool {
        match error {
            SqlxError::Database(error) => ends_connection(&**error),
            // It comes before anything is sent.
            error => !matches!(error, SqlxError::Encode(_)),
        }
    }

    fn spoils_connection(error: &SqlxError, read_only: bool) -> bool {
        error.as_database_error().is_some_and(|error| failures::spoils_connection(error, read_only))
    }

    fn interruptions() -> Option<&'static Interruptions<Self>> {
        static INTERRUPTIONS: Interruptions<Postgres> = Interruptions::new();
        Some(&INTERRUPTIONS)
    }

    fn process(row: &Self::Row) -> Option<u64> {
        row.try_get::<i32, _>(0).ok()?.try_into().ok()
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
        // No such savepoint; no transaction to have one in.
        let code = error.as_database_error().and_then(|error| error.code());
        matches!(code.as_deref(), Some("3B001" | "25P01"))
    }

    fn rolled_back<'e>(_: &'e mut Self::Connection, _: &'e SqlxError) -> BoxFuture<'e, bool> {
        Box::pin(std::future::ready(false))
    }
}
