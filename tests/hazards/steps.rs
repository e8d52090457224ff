//! The words the steps are written in: the same ones for a transaction of sqlx and for a unit of work.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
pub(crate) use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
pub(crate) use sqlx::{AssertSqlSafe, Connection, MySql, Pool, Postgres, Sqlite, Transaction};
pub(crate) use unit_of_work::{Backend, Error, Session, UnitOfWork};
pub(crate) use uow_test_support::{Engine, Lab, Proxy, sql};

/// A unit of work that needs no repository: the hazards are the session's.
#[derive(Debug, UnitOfWork)]
pub(crate) struct Unit<DB: Backend> {
    session: Session<DB>,
}

/// What the steps need of an engine.
///
/// (`dyn` futures, because a closure that is given to `savepoint` has to be `Send`, which an `async fn` of a trait cannot
/// promise to generic code.)
pub(crate) trait Steps: Engine {
    /// The engine's name in the table.
    const TITLE: &'static str;
    /// Asks for the number of a connection's session on the server.
    const SESSION: &'static str;
    /// Ends the session of this number.
    const KILL: &'static str;
    /// Counts the sessions of this number.
    const SESSIONS: &'static str;

    /// Runs a text, without values.
    fn run<'c>(connection: &'c mut Self::Connection, text: &str) -> BoxFuture<'c, sqlx::Result<()>>;

    /// Inserts a blog by a prepared statement with a bound value.
    fn insert<'c>(connection: &'c mut Self::Connection, name: &str) -> BoxFuture<'c, sqlx::Result<()>>;

    /// Asks for a number.
    fn number<'c>(connection: &'c mut Self::Connection, text: &str) -> BoxFuture<'c, sqlx::Result<i64>>;

    /// [`run`](Self::run), in a unit of work.
    fn run_in<'c>(session: &'c mut Session<Self>, text: &str) -> BoxFuture<'c, sqlx::Result<()>>;

    /// [`insert`](Self::insert), in a unit of work.
    fn insert_in<'c>(session: &'c mut Session<Self>, name: &str) -> BoxFuture<'c, sqlx::Result<()>>;

    /// [`number`](Self::number), in a unit of work.
    fn number_in<'c>(session: &'c mut Session<Self>, text: &str) -> BoxFuture<'c, sqlx::Result<i64>>;
}

/// An engine that is reached through a network, and so through a [`Proxy`].
pub(crate) trait Networked: Steps {
    /// How to connect through a proxy, and the proxy.
    fn through_proxy(
        connect: &<Self::Connection as Connection>::Options,
    ) -> impl Future<Output = (<Self::Connection as Connection>::Options, Proxy)>;
}

/// The methods of [`Steps`], in the same words on types that have nothing in common.
macro_rules! statements {
    ($run:ident, $insert:ident, $number:ident, $on:ty) => {
        fn $run<'c>(on: &'c mut $on, text: &str) -> BoxFuture<'c, sqlx::Result<()>> {
            let query = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
            Box::pin(async move { query.execute(on).await.map(|_| ()) })
        }

        fn $insert<'c>(on: &'c mut $on, name: &str) -> BoxFuture<'c, sqlx::Result<()>> {
            let query = sqlx::query(sql::<Self>("INSERT INTO blog (name) VALUES (?)")).bind(name.to_owned());
            Box::pin(async move { query.execute(on).await.map(|_| ()) })
        }

        fn $number<'c>(on: &'c mut $on, text: &str) -> BoxFuture<'c, sqlx::Result<i64>> {
            let query = sqlx::query_scalar(AssertSqlSafe(text.to_owned()));
            Box::pin(async move { query.fetch_one(on).await })
        }
    };
}

/// [`Networked::through_proxy`], likewise.
macro_rules! networked {
    ($($db:ty),*) => {$(
        impl Networked for $db {
            async fn through_proxy(
                connect: &<Self::Connection as Connection>::Options,
            ) -> (<Self::Connection as Connection>::Options, Proxy) {
                let proxy = Proxy::to(format!("{}:{}", connect.get_host(), connect.get_port())).await;
                let address: SocketAddr = proxy.address;
                (connect.clone().host(&address.ip().to_string()).port(address.port()), proxy)
            }
        }
    )*};
}

impl Steps for Sqlite {
    const TITLE: &'static str = "SQLite";
    const SESSION: &'static str = "";
    const KILL: &'static str = "";
    const SESSIONS: &'static str = "";
    statements!(run, insert, number, Self::Connection);
    statements!(run_in, insert_in, number_in, Session<Self>);
}

impl Steps for Postgres {
    const TITLE: &'static str = "PostgreSQL";
    const SESSION: &'static str = "SELECT pg_backend_pid()::bigint";
    const KILL: &'static str = "SELECT pg_terminate_backend(?)";
    const SESSIONS: &'static str = "SELECT count(*) FROM pg_stat_activity WHERE pid = ?";
    statements!(run, insert, number, Self::Connection);
    statements!(run_in, insert_in, number_in, Session<Self>);
}

impl Steps for MySql {
    const TITLE: &'static str = "MariaDB";
    const SESSION: &'static str = "SELECT CAST(connection_id() AS SIGNED)";
    const KILL: &'static str = "KILL ?";
    const SESSIONS: &'static str = "SELECT count(*) FROM information_schema.processlist WHERE id = ?";
    statements!(run, insert, number, Self::Connection);
    statements!(run_in, insert_in, number_in, Session<Self>);
}

networked!(Postgres, MySql);

/// Whatever statements are sent through: a transaction or a connection of sqlx, or a unit of work.
pub(crate) trait Speaks: Send {
    /// Runs a text, without values.
    fn run(&mut self, text: &str) -> BoxFuture<'_, sqlx::Result<()>>;

    /// Inserts a blog by a prepared statement with a bound value.
    fn insert(&mut self, name: &str) -> BoxFuture<'_, sqlx::Result<()>>;

    /// Asks for a number.
    fn number(&mut self, text: &str) -> BoxFuture<'_, sqlx::Result<i64>>;
}

impl<DB: Steps> Speaks for Transaction<'_, DB> {
    fn run(&mut self, text: &str) -> BoxFuture<'_, sqlx::Result<()>> {
        DB::run(self, text)
    }

    fn insert(&mut self, name: &str) -> BoxFuture<'_, sqlx::Result<()>> {
        DB::insert(self, name)
    }

    fn number(&mut self, text: &str) -> BoxFuture<'_, sqlx::Result<i64>> {
        DB::number(self, text)
    }
}

impl<DB: Steps> Speaks for PoolConnection<DB> {
    fn run(&mut self, text: &str) -> BoxFuture<'_, sqlx::Result<()>> {
        DB::run(self, text)
    }

    fn insert(&mut self, name: &str) -> BoxFuture<'_, sqlx::Result<()>> {
        DB::insert(self, name)
    }

    fn number(&mut self, text: &str) -> BoxFuture<'_, sqlx::Result<i64>> {
        DB::number(self, text)
    }
}

impl<DB: Steps> Speaks for Unit<DB> {
    fn run(&mut self, text: &str) -> BoxFuture<'_, sqlx::Result<()>> {
        DB::run_in(self.session(), text)
    }

    fn insert(&mut self, name: &str) -> BoxFuture<'_, sqlx::Result<()>> {
        DB::insert_in(self.session(), name)
    }

    fn number(&mut self, text: &str) -> BoxFuture<'_, sqlx::Result<i64>> {
        DB::number_in(self.session(), text)
    }
}

/// Polls a future this often, a moment apart, and drops it. `Some` if it was done by then.
pub(crate) async fn dropped_after<F: Future>(polls: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for poll in 0..polls {
        if poll > 0 {
            moment().await;
        }
        let done = future.as_mut().now_or_never();
        if done.is_some() {
            return done;
        }
    }
    None
}

/// Polls a future until the flag is up, and drops it where it waits then. `Some` if it was done by then.
pub(crate) async fn dropped_at<F: Future>(flag: &AtomicBool, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    loop {
        let done = future.as_mut().now_or_never();
        if done.is_some() || flag.load(Ordering::SeqCst) {
            return done;
        }
        moment().await;
    }
}

/// Long enough for a server on this machine to answer, most of the time.
async fn moment() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Ends the session of this number from outside, and waits until the server has done it.
pub(crate) fn kill<DB: Steps>(outside: Pool<DB>, session: i64) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut outside = outside.acquire().await.expect("the engine accepts connections");
        outside.run(&DB::KILL.replace('?', &session.to_string())).await.expect("there is such a session");
        let sessions = DB::SESSIONS.replace('?', &session.to_string());
        while outside.number(&sessions).await.expect("the server tells its sessions") > 0 {
            moment().await;
        }
    })
}

/// Whether somebody holds a lock that keeps others from writing the blogs.
pub(crate) async fn is_locked<DB: Steps>(lab: &Lab<DB>) -> bool {
    let mut outside = lab.outside.acquire().await.expect("the engine accepts connections");
    if DB::TITLE == Sqlite::TITLE {
        outside.run("PRAGMA busy_timeout = 0").await.expect("it is an option");
        let begun = outside.run("BEGIN IMMEDIATE").await;
        if begun.is_ok() {
            outside.run("ROLLBACK").await.expect("it was begun");
        }
        outside.run("PRAGMA busy_timeout = 20000").await.expect("it is an option");
        begun.is_err()
    } else {
        // A statement of its own: what it locks is free again at once.
        outside.run("SELECT id FROM blog FOR UPDATE NOWAIT").await.is_err()
    }
}

/// Waits until nobody holds such a lock.
pub(crate) async fn free<DB: Steps>(lab: &Lab<DB>) {
    for _ in 0..200 {
        if !is_locked(lab).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the lock is still held");
}
