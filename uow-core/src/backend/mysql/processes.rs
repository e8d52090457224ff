//! MySQL's threads, each of which serves a connection: what one does, and its end.

use std::time::Duration;

use sqlx_core::Error;
use sqlx_core::executor::Executor;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::row::Row as _;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_mysql::{MySqlConnection, MySqlDatabaseError};

use crate::backend::Activity;

/// `ER_NO_SUCH_THREAD`.
const NO_SUCH_THREAD: u16 = 1094;

/// What a thread does that is at least so old. (A server that was started again counts from 1: its threads are not meant.)
pub(super) async fn activity(
    connection: &mut MySqlConnection,
    thread: u64,
    age: Duration,
) -> Result<Activity, Error> {
    let row = connection.fetch_one(raw_sql("SHOW GLOBAL STATUS LIKE 'Uptime'")).await?;
    let uptime: u64 = row.try_get::<String, _>(1)?.parse().unwrap_or(u64::MAX);
    if Duration::from_secs(uptime) < age {
        return Ok(Activity::Gone);
    }
    let text = format!("SELECT command FROM information_schema.processlist WHERE id = {thread}");
    let row = connection.fetch_optional(raw_sql(AssertSqlSafe(text))).await?;
    Ok(match row.map(|row| row.try_get::<String, _>(0)).transpose()?.as_deref() {
        None => Activity::Gone,
        Some("Sleep") => Activity::Waits,
        Some(_) => Activity::Works,
    })
}

/// Ends a thread. A session may end those of its own user.
pub(super) async fn end(connection: &mut MySqlConnection, thread: u64) -> Result<(), Error> {
    let text = format!("KILL CONNECTION {thread}");
    match connection.execute(raw_sql(AssertSqlSafe(text))).await {
        Err(Error::Database(error)) if number(&*error) == Some(NO_SUCH_THREAD) => Ok(()),
        killed => killed.map(drop),
    }
}

fn number(error: &dyn sqlx_core::error::DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}
