//! PostgreSQL's server processes: what one does, and its end.

use std::time::Duration;

use sqlx_core::Error;
use sqlx_core::executor::Executor;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::row::Row as _;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_postgres::PgConnection;

use crate::backend::Activity;

/// What a process does that is at least so old. (Numbers are used again; one that a younger process has is not meant.)
pub(super) async fn activity(
    connection: &mut PgConnection,
    process: u64,
    age: Duration,
) -> Result<Activity, Error> {
    let age = age.as_micros();
    let text = format!(
        "SELECT coalesce(state LIKE 'idle%', false) FROM pg_stat_activity \
         WHERE pid = {process} AND clock_timestamp() - backend_start > {age} * interval '1 microsecond'"
    );
    let row = connection.fetch_optional(raw_sql(AssertSqlSafe(text))).await?;
    Ok(match row.map(|row| row.try_get(0)).transpose()? {
        None => Activity::Gone,
        Some(true) => Activity::Waits,
        Some(false) => Activity::Works,
    })
}

/// Ends a process. A session may end those of its own user.
pub(super) async fn end(connection: &mut PgConnection, process: u64) -> Result<(), Error> {
    let text = format!("SELECT pg_terminate_backend({process})");
    connection.execute(raw_sql(AssertSqlSafe(text))).await?;
    Ok(())
}
