//! A database of the bench's own, and how it is reached.

use sqlx::pool::PoolOptions;
use sqlx::{Connection, MySql, Pool, Postgres, Sqlite};
use uow_test_support::{Engine, Proxy};

/// How to connect to a database of an engine.
pub(crate) type Connect<DB> = <<DB as sqlx::Database>::Connection as Connection>::Options;

/// An engine a bench can reach.
pub(crate) trait Reach: Engine {
    /// The engine's name, on a command line and in a report.
    const ENGINE: &'static str;
    /// The question for its name and version.
    const VERSION: &'static str;

    /// Whether there is one here.
    fn is_here() -> bool;
}

/// Makes a fresh database, and drops it behind `measure`. All on this thread alone, so that as little as can be is left to the
/// scheduler.
pub(crate) fn with_database<DB: Reach, T>(bench: &str, measure: impl AsyncFnOnce(Connect<DB>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let name = format!("{bench}_{}", std::process::id());
        let (connect, folder) = DB::fresh(&name).await;
        let measured = measure(connect).await;
        DB::drop_database(&name).await;
        drop(folder);
        measured
    })
}

/// A pool of one connection, in whose database the script was run.
pub(crate) async fn pool<DB: Reach>(connect: Connect<DB>, script: &str) -> Pool<DB> {
    // One connection, which alone has a database in memory, and which meets all statements: their first use prepares them.
    let options = PoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = options.connect_with(connect).await.unwrap();
    DB::script(&pool, script).await;
    pool
}

/// The way there through a proxy that counts round trips; `None` if there is no server to go to.
pub(crate) async fn through_proxy<DB: Reach>(connect: &Connect<DB>) -> Option<(Connect<DB>, Proxy)> {
    let proxy = Proxy::to(DB::server(connect)?).await;
    Some((DB::via(connect, proxy.address), proxy))
}

impl Reach for Sqlite {
    const ENGINE: &'static str = "sqlite";
    const VERSION: &'static str = "SELECT 'SQLite ' || sqlite_version()";

    fn is_here() -> bool {
        true
    }
}

impl Reach for Postgres {
    const ENGINE: &'static str = "postgres";
    const VERSION: &'static str = "SELECT 'PostgreSQL ' || current_setting('server_version')";

    fn is_here() -> bool {
        std::env::var_os("UOW_POSTGRES_URL").is_some()
    }
}

impl Reach for MySql {
    const ENGINE: &'static str = "mysql";
    const VERSION: &'static str = "SELECT concat('MySQL/MariaDB ', version())";

    fn is_here() -> bool {
        std::env::var_os("UOW_MYSQL_URL").is_some()
    }
}
