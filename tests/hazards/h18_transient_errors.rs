//! H18: a serialization failure, a deadlock, a stale snapshot. sqlx's `ErrorKind` has no word for what passes by itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use unit_of_work::{Isolation, Options, Retry, SqliteMode};

use super::h04_ended_by_mysql::lose_a_deadlock;
use super::steps::*;
use super::words::*;

// (SQLite does not write a value that is there already, and so does not conflict about it.)
const OTHERS: &str = "UPDATE blog SET version = version + 1";
const OURS: &str = "UPDATE blog SET version = version + 10";

/// What conflicts with another one, on each engine.
trait Conflict: Steps {
    const BEGIN_SO: &'static str;

    fn options(pool: &Pool<Self>) -> Options<Unit<Self>>;

    /// Reads; another one writes; writes.
    fn conflict(lab: &Lab<Self>, ours: &mut impl Speaks) -> impl Future<Output = sqlx::Result<()>> + Send;
}

impl Conflict for Postgres {
    const BEGIN_SO: &'static str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

    fn options(pool: &Pool<Self>) -> Options<Unit<Self>> {
        Unit::options(pool).isolation(Isolation::RepeatableRead)
    }

    async fn conflict(lab: &Lab<Self>, ours: &mut impl Speaks) -> sqlx::Result<()> {
        ours.number("SELECT count(*) FROM blog").await?;
        sqlx::query(OTHERS).execute(&lab.outside).await?;
        ours.run(OURS).await
    }
}

impl Conflict for Sqlite {
    const BEGIN_SO: &'static str = "BEGIN DEFERRED";

    fn options(pool: &Pool<Self>) -> Options<Unit<Self>> {
        Unit::options(pool).sqlite_mode(SqliteMode::Deferred)
    }

    async fn conflict(lab: &Lab<Self>, ours: &mut impl Speaks) -> sqlx::Result<()> {
        ours.number("SELECT count(*) FROM blog").await?;
        sqlx::query(OTHERS).execute(&lab.outside).await?;
        ours.run(OURS).await
    }
}

impl Conflict for MySql {
    const BEGIN_SO: &'static str = "START TRANSACTION";

    fn options(pool: &Pool<Self>) -> Options<Unit<Self>> {
        Unit::options(pool)
    }

    async fn conflict(lab: &Lab<Self>, ours: &mut impl Speaks) -> sqlx::Result<()> {
        lose_a_deadlock(lab, ours).await
    }
}

hazard! {
    "H18 a conflict that another attempt would survive" on sqlite postgres mysql;
    plain_sqlx_has_no_kind_for_it;
    a_unit_of_work_knows_it_and_runs_again
}

async fn plain_sqlx_has_no_kind_for_it<DB: Conflict>(lab: &mut Lab<DB>) -> String {
    lab.script("INSERT INTO blog (name) VALUES ('row')").await;
    let mut tx = lab.pool.begin_with(DB::BEGIN_SO).await.unwrap();
    let error = DB::conflict(lab, &mut tx).await.unwrap_err();
    let kind = error.as_database_error().unwrap().kind();
    assert!(matches!(kind, sqlx::error::ErrorKind::Other));
    format!("{}; `kind()`: {kind:?}", code(&error))
}

async fn a_unit_of_work_knows_it_and_runs_again<DB: Conflict>(lab: &mut Lab<DB>) -> String {
    lab.script("INSERT INTO blog (name) VALUES ('row')").await;
    let mut db = DB::options(&lab.pool).build().unwrap();
    DB::conflict(lab, &mut db).await.unwrap_err();
    let transient = db.commit().await.unwrap_err().is_transient();
    assert!(transient);

    lab.script("DELETE FROM blog WHERE name <> 'row'").await;
    let attempts = AtomicU32::new(0);
    let shared = &*lab;
    let retry = Retry::attempts(3).backoff(Duration::from_millis(1), Duration::from_millis(1));
    let options = DB::options(&lab.pool).retry(retry);
    let run = options.run(async |db| {
        if attempts.fetch_add(1, Ordering::SeqCst) == 0 {
            DB::conflict(shared, &mut **db).await?;
        }
        db.insert("stored").await
    });
    let run = run.await;
    let attempts = attempts.into_inner();
    assert!(run.is_ok() && attempts == 2, "{run:?} after {attempts}");
    assert!(lab.blogs().await.contains(&"stored".to_owned()));
    format!("`is_transient()`: {transient}; `run` with retry: {}, at attempt {attempts}", said(run))
}
