//! A database of a test's own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::{Connection as _, Executor as _, MySql, Pool, Postgres, Row as _, SqlStr, Sqlite};
use uow_core::{Backend, Session};

use crate::proxy::Proxy;

/// How many connections a lab's pool has, at the most.
const CONNECTIONS: u32 = 4;

/// An engine the tests run on.
pub trait Engine: Backend + Sized {
    /// The word in which a column's values are made by the engine.
    const GENERATED_KEY: &'static str;

    /// Where to connect for a fresh database of this name; whatever has to be kept until it is dropped.
    fn fresh(
        name: &str,
    ) -> impl Future<Output = (<Self::Connection as sqlx::Connection>::Options, Option<tempfile::TempDir>)>;

    /// Drops what `fresh` made.
    fn drop_database(name: &str) -> impl Future<Output = ()>;

    /// The texts of the first column of a query, run outside of any unit.
    fn texts(pool: &Pool<Self>, text: &str) -> impl Future<Output = Vec<String>>;

    /// Inserts a blog in a unit, in one statement, and tells its key.
    fn add_blog(session: &mut Session<Self>, name: &str) -> impl Future<Output = sqlx::Result<i64>> + Send;

    /// Runs statements outside of any unit.
    fn script(pool: &Pool<Self>, text: &str) -> impl Future<Output = ()>;

    /// The server's address, and how to connect to the same by way of another address; `None` where there is no server.
    fn server(connect: &<Self::Connection as sqlx::Connection>::Options) -> Option<String>;

    /// How to connect to the same database by way of this address.
    fn via(
        connect: &<Self::Connection as sqlx::Connection>::Options,
        address: SocketAddr,
    ) -> <Self::Connection as sqlx::Connection>::Options;

    /// The texts of the statements in what a client sent.
    fn statements(sent: &[Vec<u8>]) -> Vec<String>;

    /// Ends all sessions of the lab's pool under test, as an administrator would, but for those of `outside`.
    fn kill_sessions(lab: &Lab<Self>) -> impl Future<Output = ()>;

    /// How many of the engine's sessions of this lab are inside of a transaction. (SQLite tells whether there are any.)
    fn open_transactions(lab: &Lab<Self>) -> impl Future<Output = i64>;

    /// Whether this connection is inside of a transaction.
    fn is_in_transaction(connection: &mut Self::Connection) -> impl Future<Output = bool> + Send;
}

/// A database of a test's own, with the tables `blog` and `post`, a pool to test with and another to look on from outside.
#[derive(Debug)]
pub struct Lab<DB: sqlx::Database> {
    /// The pool under test: four connections.
    pub pool: Pool<DB>,
    /// Another pool on the same database, for looking on.
    pub outside: Pool<DB>,
    /// The name of the database, and of its sessions.
    pub name: String,
    /// How to connect to it.
    pub connect: <DB::Connection as sqlx::Connection>::Options,
    /// Whether it is MariaDB that speaks MySQL's protocol here, for what the two do not have in common.
    pub mariadb: bool,
}

/// The text with `?` as the engine writes its placeholders.
pub fn sql<DB: sqlx::Database>(text: &str) -> SqlStr {
    use sqlx::SqlSafeStr as _;
    let text = if DB::NAME == <Postgres as sqlx::Database>::NAME {
        let mut parts = text.split('?');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.enumerate().fold(first, |text, (at, part)| format!("{text}${}{part}", at + 1))
    } else {
        text.to_owned()
    };
    sqlx::AssertSqlSafe(text).into_sql_str()
}

impl<DB: Engine> Lab<DB> {
    /// Runs a test in a fresh database, in a runtime of several threads.
    pub fn run(claim: &str, test: impl AsyncFnOnce(&mut Self)) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let name = unique_name(claim);
            let (connect, folder) = DB::fresh(&name).await;
            let pool = pool::<DB>(&connect, CONNECTIONS).await;
            let outside = pool_lazy::<DB>(&connect, 1);
            let mariadb = DB::NAME == <MySql as sqlx::Database>::NAME && is_mariadb(&outside).await;
            let mut lab = Self { pool, outside, name: name.clone(), connect, mariadb };
            DB::script(&lab.outside, &schema::<DB>()).await;
            lab.settled().await;
            test(&mut lab).await;
            lab.pool.close().await;
            lab.outside.close().await;
            DB::drop_database(&name).await;
            drop(folder);
        });
    }

    /// A pool whose connections go through a proxy that can cut them.
    pub async fn through_proxy(&self, connections: u32) -> (Pool<DB>, Proxy) {
        let proxy = Proxy::to(DB::server(&self.connect).expect("the engine has a server")).await;
        (pool::<DB>(&DB::via(&self.connect, proxy.address), connections).await, proxy)
    }

    /// Another pool on the lab's database, of at most this many connections.
    pub async fn pool_of(&self, connections: u32) -> Pool<DB> {
        pool::<DB>(&self.connect, connections).await
    }

    /// Whether an INSERT can return rows: MySQL's alone cannot.
    pub fn has_returning(&self) -> bool {
        DB::NAME != <MySql as sqlx::Database>::NAME || self.mariadb
    }

    /// The names of all blogs that are stored, as a connection outside of the unit sees them.
    pub async fn blogs(&self) -> Vec<String> {
        DB::texts(&self.outside, "SELECT name FROM blog ORDER BY name").await
    }

    /// The same, when there are so many, or after five seconds. The server may still be at work on a COMMIT whose client is
    /// gone: what was cut off can be the answer of a statement in front of it, in the same message.
    pub async fn blogs_when(&self, count: usize) -> Vec<String> {
        let mut stored = self.blogs().await;
        for _ in 0..500 {
            if stored.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            stored = self.blogs().await;
        }
        stored
    }

    /// Runs statements outside of the unit.
    pub async fn script(&self, text: &str) {
        DB::script(&self.outside, text).await;
    }

    /// Waits until every connection of the pool under test is back in it, and returns how many there are.
    pub async fn settled(&self) -> u32 {
        for _ in 0..500 {
            if self.pool.num_idle() == self.pool.size() as usize {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(
            self.pool.num_idle(),
            self.pool.size() as usize,
            "a connection did not come back to the pool"
        );
        self.pool.size()
    }

    /// Waits until no session of the pool under test is inside of a transaction on the server.
    pub async fn no_open_transactions(&self) {
        let mut open = i64::MAX;
        for _ in 0..500 {
            open = DB::open_transactions(self).await;
            if open == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{open} sessions are still inside of a transaction");
    }
}

/// Pool options without sqlx's task that closes connections for their age: it can spin for ever on a thread of the runtime
/// (docs/hazards.md, H32), and a test under load would hang.
pub fn pool_options<DB: sqlx::Database>() -> PoolOptions<DB> {
    PoolOptions::new().idle_timeout(None).max_lifetime(None)
}

async fn pool<DB: Engine>(
    connect: &<DB::Connection as sqlx::Connection>::Options,
    connections: u32,
) -> Pool<DB> {
    let pool = pool_lazy::<DB>(connect, connections);
    drop(pool.acquire().await.expect("the engine accepts connections"));
    pool
}

fn pool_lazy<DB: Engine>(
    connect: &<DB::Connection as sqlx::Connection>::Options,
    connections: u32,
) -> Pool<DB> {
    pool_options()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .connect_lazy_with(connect.clone())
}

/// A name no other test has, of this run or of another.
fn unique_name(claim: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let claim = claim.rsplit("::").next().unwrap_or(claim);
    let claim: String = claim.chars().take(24).collect();
    format!("t{}_{}_{claim}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The script that makes the tables `blog` and `post`.
pub fn schema<DB: Engine>() -> String {
    let key = DB::GENERATED_KEY;
    format!(
        "CREATE TABLE blog (id {key}, name VARCHAR(200) NOT NULL UNIQUE, version BIGINT NOT NULL DEFAULT 0); \
         CREATE TABLE post (id {key}, blog_id BIGINT NOT NULL, title VARCHAR(200) NOT NULL)"
    )
}

/// The methods of [`Engine`] that need a concrete database, in the same words for each.
macro_rules! engine_methods {
    () => {
        async fn texts(pool: &Pool<Self>, text: &str) -> Vec<String> {
            let rows =
                sqlx::raw_sql(sqlx::AssertSqlSafe(text)).fetch_all(pool).await.expect("the query runs");
            rows.iter().map(|row| row.get::<String, _>(0)).collect()
        }

        async fn script(pool: &Pool<Self>, text: &str) {
            pool.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await.expect("the script runs");
        }
    };
}

impl Engine for Sqlite {
    const GENERATED_KEY: &'static str = "INTEGER PRIMARY KEY AUTOINCREMENT";

    async fn fresh(name: &str) -> (sqlx::sqlite::SqliteConnectOptions, Option<tempfile::TempDir>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(folder.path().join(name))
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            .synchronous(sqlx::sqlite::SqliteSynchronous::Off)
            .busy_timeout(Duration::from_secs(20));
        (options, Some(folder))
    }

    async fn drop_database(_: &str) {}

    async fn open_transactions(lab: &Lab<Self>) -> i64 {
        // Whoever has written holds the lock that this wants; whoever has read holds up a checkpoint that empties the log.
        let connect = lab.connect.clone().busy_timeout(Duration::ZERO);
        let mut other = sqlx::SqliteConnection::connect_with(&connect).await.expect("the file opens");
        let writers = other.execute("BEGIN IMMEDIATE; ROLLBACK").await.is_err();
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let row = sqlx::raw_sql(checkpoint).fetch_one(&mut other).await.expect("it answers");
        let readers = row.get::<i64, _>(0) != 0;
        i64::from(writers || readers)
    }

    async fn is_in_transaction(connection: &mut sqlx::SqliteConnection) -> bool {
        connection.execute("BEGIN; ROLLBACK").await.is_err()
    }

    async fn add_blog(session: &mut Session<Self>, name: &str) -> sqlx::Result<i64> {
        let insert = sqlx::query_scalar("INSERT INTO blog (name) VALUES (?) RETURNING id");
        insert.bind(name).fetch_one(session).await
    }

    fn server(_: &sqlx::sqlite::SqliteConnectOptions) -> Option<String> {
        None
    }

    fn via(
        connect: &sqlx::sqlite::SqliteConnectOptions,
        _: SocketAddr,
    ) -> sqlx::sqlite::SqliteConnectOptions {
        connect.clone()
    }

    fn statements(_: &[Vec<u8>]) -> Vec<String> {
        Vec::new()
    }

    async fn kill_sessions(_: &Lab<Self>) {}

    engine_methods!();
}

impl Engine for Postgres {
    const GENERATED_KEY: &'static str = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";

    async fn fresh(name: &str) -> (sqlx::postgres::PgConnectOptions, Option<tempfile::TempDir>) {
        let options = postgres_options();
        let mut admin =
            sqlx::PgConnection::connect_with(&options).await.expect("PostgreSQL accepts connections");
        let text = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}"));
        admin.execute(sqlx::raw_sql(text)).await.expect("a schema can be made");
        admin.close().await.expect("the connection closes");
        (postgres_connect(name), None)
    }

    async fn drop_database(name: &str) {
        let mut admin = sqlx::PgConnection::connect_with(&postgres_options())
            .await
            .expect("PostgreSQL accepts connections");
        let text = sqlx::AssertSqlSafe(format!("DROP SCHEMA {name} CASCADE"));
        admin.execute(sqlx::raw_sql(text)).await.expect("the schema can be dropped");
    }

    async fn open_transactions(lab: &Lab<Self>) -> i64 {
        let text = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state LIKE 'idle in transaction%'";
        sqlx::query_scalar(text)
            .bind(&lab.name)
            .fetch_one(&lab.outside)
            .await
            .expect("the server tells its sessions")
    }

    async fn is_in_transaction(connection: &mut sqlx::PgConnection) -> bool {
        let row = connection.fetch_one("SELECT now() <> statement_timestamp()").await;
        row.expect("it is in order").get(0)
    }

    async fn add_blog(session: &mut Session<Self>, name: &str) -> sqlx::Result<i64> {
        let insert = sqlx::query_scalar("INSERT INTO blog (name) VALUES ($1) RETURNING id");
        insert.bind(name).fetch_one(session).await
    }

    fn server(connect: &sqlx::postgres::PgConnectOptions) -> Option<String> {
        Some(format!("{}:{}", connect.get_host(), connect.get_port()))
    }

    fn via(
        connect: &sqlx::postgres::PgConnectOptions,
        address: SocketAddr,
    ) -> sqlx::postgres::PgConnectOptions {
        connect.clone().host(&address.ip().to_string()).port(address.port())
    }

    fn statements(sent: &[Vec<u8>]) -> Vec<String> {
        let mut texts = Vec::new();
        for mut rest in sent.iter().map(Vec::as_slice) {
            // A message is its type, its length and its body; the first of a connection has no type, and starts with a 0.
            while let [kind, a, b, c, d, after @ ..] = rest {
                let length = (u32::from_be_bytes([*a, *b, *c, *d]) as usize).saturating_sub(4);
                if !kind.is_ascii_alphabetic() || length > after.len() {
                    break;
                }
                let mut fields = after[..length].split(|byte| *byte == 0);
                // Query, and Parse, which has the name of the statement before its text.
                let text =
                    if *kind == b'P' { fields.nth(1) } else { fields.next().filter(|_| *kind == b'Q') };
                texts.extend(text.map(|text| String::from_utf8_lossy(text).into_owned()));
                rest = &after[length..];
            }
        }
        texts
    }

    async fn kill_sessions(lab: &Lab<Self>) {
        let text = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()";
        sqlx::query(text).bind(&lab.name).execute(&lab.outside).await.expect("an administrator may");
    }

    engine_methods!();
}

impl Engine for MySql {
    const GENERATED_KEY: &'static str = "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY";

    async fn fresh(name: &str) -> (sqlx::mysql::MySqlConnectOptions, Option<tempfile::TempDir>) {
        let options = mysql_options();
        let mut admin =
            sqlx::MySqlConnection::connect_with(&options).await.expect("MySQL accepts connections");
        let text = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        admin.execute(sqlx::raw_sql(text)).await.expect("a database can be made");
        admin.close().await.expect("the connection closes");
        (options.database(name), None)
    }

    async fn drop_database(name: &str) {
        let mut admin =
            sqlx::MySqlConnection::connect_with(&mysql_options()).await.expect("MySQL accepts connections");
        let text = sqlx::AssertSqlSafe(format!("DROP DATABASE {name}"));
        admin.execute(sqlx::raw_sql(text)).await.expect("the database can be dropped");
    }

    async fn open_transactions(lab: &Lab<Self>) -> i64 {
        // Sessions that no pool knows of any more, and pooled ones that say so themselves. (`innodb_trx` is no help: it is
        // a cache that is not refreshed for as long as somebody keeps asking.)
        let known = i64::from(lab.pool.size() + lab.outside.size());
        let sessions: i64 =
            sqlx::query_scalar("SELECT count(*) FROM information_schema.processlist WHERE db = ?")
                .bind(&lab.name)
                .fetch_one(&lab.outside)
                .await
                .expect("the server tells its sessions");
        let mut held = Vec::new();
        let mut open = (sessions - known).max(0);
        while let Some(mut connection) = lab.pool.try_acquire() {
            open += i64::from(Self::is_in_transaction(&mut connection).await);
            held.push(connection);
        }
        open
    }

    async fn is_in_transaction(connection: &mut sqlx::MySqlConnection) -> bool {
        // MySQL has no variable that tells. Both servers refuse to change what a transaction is while there is one; outside
        // of one, this asks for the next to be what it is anyway. (A savepoint does not tell where `autocommit` is off.)
        let Err(error) = connection.execute("SET TRANSACTION READ WRITE").await else { return false };
        let code = error.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("25001"), "it is in order, and {error}");
        true
    }

    async fn add_blog(session: &mut Session<Self>, name: &str) -> sqlx::Result<i64> {
        let insert = sqlx::query("INSERT INTO blog (name) VALUES (?)").bind(name);
        Ok(insert.execute(session).await?.last_insert_id().cast_signed())
    }

    fn server(connect: &sqlx::mysql::MySqlConnectOptions) -> Option<String> {
        Some(format!("{}:{}", connect.get_host(), connect.get_port()))
    }

    fn via(
        connect: &sqlx::mysql::MySqlConnectOptions,
        address: SocketAddr,
    ) -> sqlx::mysql::MySqlConnectOptions {
        connect.clone().host(&address.ip().to_string()).port(address.port())
    }

    fn statements(sent: &[Vec<u8>]) -> Vec<String> {
        let mut texts = Vec::new();
        for mut rest in sent.iter().map(Vec::as_slice) {
            // A packet is its length, its number and its body; a command is number 0 and starts with its kind.
            while let [a, b, c, number, after @ ..] = rest {
                let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
                let Some(body) = after.get(..length) else { break };
                // Query, and Prepare.
                if let (0, [0x03 | 0x16, text @ ..]) = (*number, body) {
                    texts.push(String::from_utf8_lossy(text).into_owned());
                }
                rest = &after[length..];
            }
        }
        texts
    }

    async fn kill_sessions(lab: &Lab<Self>) {
        let text = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
                    WHERE db = ? AND id <> connection_id()";
        let sessions: Vec<i64> = sqlx::query_scalar(text)
            .bind(&lab.name)
            .fetch_all(&lab.outside)
            .await
            .expect("the server tells its sessions");
        for session in sessions {
            // One that is gone by now is no matter.
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("KILL {session}"))).execute(&lab.outside).await.ok();
        }
    }

    engine_methods!();
}

async fn is_mariadb<DB: Engine>(pool: &Pool<DB>) -> bool {
    DB::texts(pool, "SELECT version()").await.iter().any(|version| version.contains("MariaDB"))
}

fn postgres_options() -> sqlx::postgres::PgConnectOptions {
    server_url("UOW_POSTGRES_URL").parse().expect("UOW_POSTGRES_URL is a postgres:// URL")
}

/// How to connect to the schema of this name, in a test that is about PostgreSQL alone.
pub fn postgres_connect(name: &str) -> sqlx::postgres::PgConnectOptions {
    postgres_options().application_name(name).options([("search_path", name)])
}

fn mysql_options() -> sqlx::mysql::MySqlConnectOptions {
    server_url("UOW_MYSQL_URL").parse().expect("UOW_MYSQL_URL is a mysql:// URL")
}

fn server_url(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run the tests with scripts/check"))
}
