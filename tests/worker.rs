//! SQLite: an answer that stops without its end is a lost connection.
//!
//! sqlx 0.9's worker thread panics on a `SELECT *`, or a `RETURNING *`, that it prepared before a column was added. Its channel
//! ends then, and plain sqlx takes that for an answer of no rows.

mod common;

use std::time::Duration;

use common::*;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Connection as _, Row as _, Sqlite, SqliteConnection, SqlitePool};
use tokio::time::timeout;
use unit_of_work::Retry;

/// How often each way is tried: what a worker that is about to end makes of a command is a race.
const ROUNDS: usize = 16;

const SELECT: &str = "SELECT * FROM b";
const INSERT: &str = "INSERT INTO b (name) VALUES ('y') RETURNING *";

#[derive(Debug, UnitOfWork)]
struct Db {
    session: Session<Sqlite>,
}

/// The ways in which a statement's answer can be read.
#[derive(Debug, Clone, Copy)]
enum Way {
    All,
    Optional,
    One,
    Execute,
    Stream,
}

impl Way {
    const ALL: [Self; 5] = [Self::All, Self::Optional, Self::One, Self::Execute, Self::Stream];

    /// How many rows it read.
    async fn read(self, session: &mut Session<Sqlite>, text: &'static str) -> sqlx::Result<usize> {
        let query = sqlx::query(text);
        match self {
            Self::All => query.fetch_all(session).await.map(|rows| rows.len()),
            Self::Optional => query.fetch_optional(session).await.map(|row| usize::from(row.is_some())),
            Self::One => query.fetch_one(session).await.map(|_| 1),
            Self::Execute => query.execute(session).await.map(|_| 1),
            Self::Stream => {
                let rows: Vec<_> = query.fetch(session).map_ok(|row| row.len()).try_collect().await?;
                Ok(rows.len())
            }
        }
    }
}

/// A pool of one whose connection has the statement prepared, and the table a column more since.
async fn stale(folder: &tempfile::TempDir, text: &'static str) -> SqlitePool {
    let file = folder.path().join("b.db");
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone())
        .await
        .unwrap();
    let table =
        "CREATE TABLE b (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO b (name) VALUES ('x')";
    sqlx::raw_sql(table).execute(&pool).await.unwrap();
    sqlx::query(text).fetch_all(&pool).await.unwrap();
    let mut migration = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("ALTER TABLE b ADD COLUMN extra TEXT DEFAULT 'e'").execute(&mut migration).await.unwrap();
    migration.close().await.unwrap();
    pool
}

/// Ends in time, or fails: a dead worker answers nobody.
async fn soon<T>(story: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), story).await.expect("nobody waits for a dead worker")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_its_end_is_a_lost_connection() {
    for round in 0..ROUNDS {
        let way = Way::ALL[round % Way::ALL.len()];
        for text in [SELECT, INSERT] {
            let folder = tempfile::tempdir().unwrap();
            let pool = stale(&folder, text).await;
            let before: i64 = 1 + i64::from(text == INSERT);
            let mut db = Db::new(&pool);
            let read = soon(way.read(db.session(), text)).await;
            assert!(matches!(read, Err(sqlx::Error::WorkerCrashed)), "{way:?}, {text}: {read:?}");
            assert_eq!(db.session().state(), SessionState::Poisoned);
            let error = soon(db.commit()).await.unwrap_err();
            assert!(error.is_rolled_back() && error.is_transient(), "{error}");
            soon(db.rollback()).await.unwrap();
            // The next one is on another connection, and reads the column.
            assert_eq!(
                soon(way.read(db.session(), SELECT)).await.unwrap(),
                match way {
                    Way::All | Way::Stream => before as usize,
                    _ => 1,
                }
            );
            soon(db.commit()).await.unwrap();
            pool.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_goes_on_with_another_connection() {
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let pool = stale(&folder, INSERT).await;
        let retry = Retry::attempts(2).backoff(Duration::from_millis(1), Duration::from_millis(1));
        let options = Db::options(&pool).retry(retry);
        let row = soon(options.run(async |db| sqlx::query(INSERT).fetch_one(db.session()).await)).await;
        assert_eq!(row.unwrap().len(), 3);
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM b").fetch_one(&pool).await.unwrap();
        assert_eq!(count, 3, "the statement of the first attempt is not stored");
        pool.close().await;
    }
}

#[tokio::test]
async fn a_text_without_a_statement_has_no_answer_and_no_fault() {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let mut db = Db::new(&pool);
    for text in ["", " ", "-- nothing", ";", " ; /* nothing */ ;"] {
        db.session().execute(sqlx::raw_sql(text)).await.unwrap();
        assert!(db.session().fetch_optional(text).await.unwrap().is_none());
        assert!(db.session().fetch_all(text).await.unwrap().is_empty());
    }
    db.commit().await.unwrap();
}
