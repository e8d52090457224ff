//! A database of the bench's own, and how it is reached.

use sqlx::pool::PoolOptions;
use sqlx::{ConnectOptions as _, Connection, MySql, Pool, Postgres, Sqlite};
use uow_test_support::{Engine, Proxy};

use crate::relay;
use crate::units::Units;

/// How to connect to a database of an engine.
type Connect<DB> = <<DB as sqlx::Database>::Connection as Connection>::Options;

/// An engine the bench can reach.
pub(crate) trait Reach: Units {
    /// The question for its name and version.
    const VERSION: &'static str;

    /// Whether there is one here.
    fn is_here() -> bool;

    /// Where to connect for a fresh database of this name.
    fn fresh_database(name: &str) -> impl Future<Output = Connect<Self>>;

    /// The same through a proxy that counts round trips; `None` if there is no server to go to.
    fn through_proxy(connect: Connect<Self>) -> impl Future<Output = Option<(Connect<Self>, Proxy)>>;

    /// The variable that names the server, and its value for one behind a [`relay`]; `None` if there is no server.
    fn behind_relay() -> Option<(&'static str, String)>;
}

/// Runs `measure` on a pool of one connection to a fresh database with the units' table.
pub(crate) fn with_pool<DB: Reach, T>(measure: impl AsyncFnOnce(&Pool<DB>) -> T) -> T {
    with_database::<DB, _>(async |connect| {
        let pool = pool::<DB>(connect).await;
        let measured = measure(&pool).await;
        pool.close().await;
        measured
    })
}

/// As [`with_pool`], through a proxy that counts round trips; `None` if there is no server to go to.
pub(crate) fn with_proxy<DB: Reach, T>(measure: impl AsyncFnOnce(&Pool<DB>, &Proxy) -> T) -> Option<T> {
    with_database::<DB, _>(async |connect| {
        let (connect, proxy) = DB::through_proxy(connect).await?;
        let pool = pool::<DB>(connect).await;
        let measured = measure(&pool, &proxy).await;
        pool.close().await;
        Some(measured)
    })
}

/// On this thread alone, so that as little as can be is left to the scheduler.
fn with_database<DB: Reach, T>(measure: impl AsyncFnOnce(Connect<DB>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let name = format!("overhead_{}", std::process::id());
        let connect = DB::fresh_database(&name).await;
        let measured = measure(connect).await;
        DB::drop_database(&name).await;
        measured
    })
}

async fn pool<DB: Reach>(connect: Connect<DB>) -> Pool<DB> {
    // One connection, which alone has the database in memory, and which meets all statements: their first use prepares them.
    let options = PoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = options.connect_with(connect).await.unwrap();
    DB::script(&pool, DB::TABLE).await;
    pool
}

impl Reach for Sqlite {
    const VERSION: &'static str = "SELECT 'SQLite ' || sqlite_version()";

    fn is_here() -> bool {
        true
    }

    /// In memory: what SQLite does is least there, and what is done around it weighs most.
    async fn fresh_database(_: &str) -> Connect<Self> {
        Connect::<Self>::new().in_memory(true)
    }

    async fn through_proxy(_: Connect<Self>) -> Option<(Connect<Self>, Proxy)> {
        None
    }

    fn behind_relay() -> Option<(&'static str, String)> {
        None
    }
}

/// The engines with a server, whose options have the same methods and no trait for them.
macro_rules! reach_server {
    ($DB:ident, $url:literal, $version:literal) => {
        impl Reach for $DB {
            const VERSION: &'static str = $version;

            fn is_here() -> bool {
                std::env::var_os($url).is_some()
            }

            async fn fresh_database(name: &str) -> Connect<Self> {
                Self::fresh(name).await.0
            }

            async fn through_proxy(connect: Connect<Self>) -> Option<(Connect<Self>, Proxy)> {
                let proxy = Proxy::to(format!("{}:{}", connect.get_host(), connect.get_port())).await;
                Some((connect.host("127.0.0.1").port(proxy.address.port()), proxy))
            }

            fn behind_relay() -> Option<(&'static str, String)> {
                let connect: Connect<Self> = std::env::var($url).ok()?.parse().unwrap();
                let port = relay::start(format!("{}:{}", connect.get_host(), connect.get_port()));
                Some(($url, connect.host("127.0.0.1").port(port).to_url_lossy().to_string()))
            }
        }
    };
}

reach_server!(Postgres, "UOW_POSTGRES_URL", "SELECT 'PostgreSQL ' || current_setting('server_version')");
reach_server!(MySql, "UOW_MYSQL_URL", "SELECT concat('MySQL/MariaDB ', version())");
