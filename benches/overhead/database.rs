//! The unit's table, and the ways to it: nearer than a bench usually goes.

use sqlx::{ConnectOptions as _, MySql, Pool, Postgres, Sqlite};
use uow_test_support::Proxy;

use crate::common::database::{Connect, pool, through_proxy, with_database};
use crate::relay;
use crate::units::Units;

/// An engine whose units are counted.
pub(crate) trait Measured: Units {
    /// Where the least is done beside the unit itself.
    fn nearest(connect: Connect<Self>) -> Connect<Self> {
        connect
    }

    /// The variable that names the server, and its value for one behind a [`relay`]; `None` if there is no server.
    fn behind_relay() -> Option<(&'static str, String)> {
        None
    }
}

/// Runs `measure` on a pool of one connection to a fresh database with the units' table.
pub(crate) fn with_pool<DB: Measured, T>(measure: impl AsyncFnOnce(&Pool<DB>) -> T) -> T {
    with_database::<DB, _>("overhead", async |connect| {
        let pool = pool::<DB>(DB::nearest(connect), DB::TABLE).await;
        let measured = measure(&pool).await;
        pool.close().await;
        measured
    })
}

/// As [`with_pool`], through a proxy that counts round trips; `None` if there is no server to go to.
pub(crate) fn with_proxy<DB: Measured, T>(measure: impl AsyncFnOnce(&Pool<DB>, &Proxy) -> T) -> Option<T> {
    with_database::<DB, _>("overhead", async |connect| {
        let (connect, proxy) = through_proxy::<DB>(&connect).await?;
        let pool = pool::<DB>(connect, DB::TABLE).await;
        let measured = measure(&pool, &proxy).await;
        pool.close().await;
        Some(measured)
    })
}

impl Measured for Sqlite {
    /// In memory: what SQLite does is least there, and what is done around it weighs most.
    fn nearest(_: Connect<Self>) -> Connect<Self> {
        Connect::<Self>::new().in_memory(true)
    }
}

/// The engines with a server, whose options have the same methods and no trait for them.
macro_rules! behind_relay {
    ($DB:ident, $url:literal) => {
        impl Measured for $DB {
            fn behind_relay() -> Option<(&'static str, String)> {
                let connect: Connect<Self> = std::env::var($url).ok()?.parse().unwrap();
                let port = relay::start(format!("{}:{}", connect.get_host(), connect.get_port()));
                Some(($url, connect.host("127.0.0.1").port(port).to_url_lossy().to_string()))
            }
        }
    };
}

behind_relay!(Postgres, "UOW_POSTGRES_URL");
behind_relay!(MySql, "UOW_MYSQL_URL");
