//! What others see of the database, through pools of their own.

#![allow(dead_code, reason = "each test that shares this uses a part of it")]

use std::time::Duration;

use sqlx::{AssertSqlSafe, MySql, Pool, Postgres, Row as _, Sqlite};
use uow_test_support::Engine as _;

type ConnectOptions<DB> = <<DB as sqlx::Database>::Connection as sqlx::Connection>::Options;

/// A pool of at most this many connections.
pub(crate) fn pool<DB: sqlx::Database>(connect: &ConnectOptions<DB>, connections: u32) -> Pool<DB> {
    uow_test_support::pool_options()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(20))
        .connect_lazy_with(connect.clone())
}

/// Asking a pool, or a connection out of it, in each engine's words.
pub(crate) trait Look: sqlx::Database {
    /// Runs statements, and tells how many rows they affected.
    fn execute(pool: &Pool<Self>, text: String) -> impl Future<Output = u64> + Send;

    /// The two numbers of each row.
    fn pairs(pool: &Pool<Self>, text: String) -> impl Future<Output = Vec<(i64, i64)>> + Send;

    /// Whether the connection is in working order and in no transaction, and how it is set up.
    fn setup(connection: &mut Self::Connection) -> impl Future<Output = Result<String, String>> + Send;

    /// An insert that waits for whoever is about to insert the same, and does nothing if the row is there.
    const INSERT_IGNORE: (&'static str, &'static str);
}

macro_rules! look_methods {
    () => {
        async fn execute(pool: &Pool<Self>, text: String) -> u64 {
            let mut attempts = 0;
            loop {
                attempts += 1;
                match sqlx::raw_sql(AssertSqlSafe(text.clone())).execute(pool).await {
                    Ok(done) => return done.rows_affected(),
                    // A deadlock, with a transaction that is dying.
                    Err(error) if attempts == 5 => panic!("the outside pool is not in order: {error}"),
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        }

        async fn pairs(pool: &Pool<Self>, text: String) -> Vec<(i64, i64)> {
            let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(pool).await;
            rows.expect("the outside pool is in order").iter().map(|row| (row.get(0), row.get(1))).collect()
        }
    };
}

/// The first column of the first row, as text.
macro_rules! text_of {
    ($connection:expr, $text:expr) => {
        sqlx::raw_sql($text)
            .fetch_one(&mut *$connection)
            .await
            .map(|row| row.get::<String, _>(0))
            .map_err(|error| error.to_string())
    };
}

impl Look for Sqlite {
    const INSERT_IGNORE: (&'static str, &'static str) = ("INSERT OR IGNORE", "");

    async fn setup(connection: &mut Self::Connection) -> Result<String, String> {
        // Fails inside of a transaction, and where somebody else holds the write lock.
        let begin = sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut *connection).await;
        begin.map_err(|error| error.to_string())?;
        text_of!(
            connection,
            "SELECT (SELECT timeout FROM pragma_busy_timeout) || ' ' || (SELECT query_only FROM pragma_query_only)"
        )
    }

    look_methods!();
}

impl Look for Postgres {
    const INSERT_IGNORE: (&'static str, &'static str) = ("INSERT", " ON CONFLICT DO NOTHING");

    async fn setup(connection: &mut Self::Connection) -> Result<String, String> {
        match text_of!(connection, "SELECT CAST(now() = statement_timestamp() AS text)")?.as_str() {
            "true" => {}
            _ => return Err("it is inside of a transaction".into()),
        }
        text_of!(
            connection,
            "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN \
             ('lock_timeout', 'statement_timeout', 'transaction_isolation', 'default_transaction_isolation', \
             'transaction_read_only')"
        )
    }

    look_methods!();
}

impl Look for MySql {
    const INSERT_IGNORE: (&'static str, &'static str) = ("INSERT IGNORE", "");

    async fn setup(connection: &mut Self::Connection) -> Result<String, String> {
        if Self::is_in_transaction(connection).await {
            return Err("it is inside of a transaction".into());
        }
        // MariaDB has some of these by one name, MySQL by another.
        let settings = "SHOW SESSION VARIABLES WHERE variable_name IN ('innodb_lock_wait_timeout', 'max_statement_time', \
                        'max_execution_time', 'tx_isolation', 'transaction_isolation', 'tx_read_only', \
                        'transaction_read_only', 'autocommit', 'completion_type')";
        let settings =
            sqlx::raw_sql(settings).fetch_all(connection).await.map_err(|error| error.to_string())?;
        let settings =
            settings.iter().map(|row| format!("{}={}", row.get::<String, _>(0), row.get::<String, _>(1)));
        Ok(settings.collect::<Vec<_>>().join(" "))
    }

    look_methods!();
}

/// Takes all connections out of a pool: each has to be in order, and set up as a fresh one is.
pub(crate) async fn all_are_clean<T: Look>(pool: &Pool<T>) -> Result<(), String> {
    use sqlx::Connection as _;
    let mut fresh =
        T::Connection::connect_with(&pool.connect_options()).await.map_err(|error| error.to_string())?;
    let as_fresh = T::setup(&mut fresh).await?;
    drop(fresh);
    let mut held = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        let mut connection = pool.acquire().await.map_err(|error| error.to_string())?;
        let setup = T::setup(&mut connection).await?;
        if setup != as_fresh {
            return Err(format!("a connection came back as {setup:?}; a fresh one is {as_fresh:?}"));
        }
        held.push(connection);
    }
    Ok(())
}
