//! Which runtime there is, and whether there is any, is the choice of the user, through sqlx: what the unit itself waits for
//! does not panic where there is no tokio.

mod common;

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use common::*;
use sqlx::{Sqlite, SqlitePool};
use unit_of_work::Retry;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, which is in no runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_unit_goes_on_and_ends_where_there_is_no_tokio() {
    // (sqlx wants its runtime to take a connection out of a pool, and SQLite's connections want none from there on.)
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let pool = tokio.block_on(async {
        let options = uow_test_support::pool_options().max_connections(1);
        let pool: SqlitePool = options.connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(uow_test_support::schema::<Sqlite>()))
            .execute(&pool)
            .await
            .unwrap();
        pool
    });
    let options = Library::options(&pool).deadline(Duration::from_secs(20));
    let begin = || tokio.block_on(options.begin()).unwrap();

    let mut db = begin();
    block_on(db.blogs().add("stored")).unwrap();
    block_on(db.savepoint(async |db| db.blogs().add("stored").await)).unwrap_err();
    block_on(db.commit()).unwrap();

    let mut db = begin();
    block_on(db.blogs().add("rolled back")).unwrap();
    block_on(db.rollback()).unwrap();

    let mut db = begin();
    block_on(db.blogs().add("stored")).unwrap_err();
    assert!(block_on(db.commit()).unwrap_err().is_rolled_back());

    let mut db = begin();
    block_on(db.blogs().add("dropped")).unwrap();
    drop(db);

    let began = Instant::now();
    let late: Result<(), Error> = block_on(
        Library::<Sqlite>::options(&pool)
            .deadline(Duration::from_millis(50))
            .retry(Retry::attempts(2))
            .run(async |_| pending().await),
    );
    assert!(matches!(late.unwrap_err().cause(), Some(Cause::DeadlineExceeded)));
    assert!(began.elapsed() < Duration::from_secs(5));

    let names = sqlx::query_scalar::<_, String>("SELECT name FROM blog");
    assert_eq!(tokio.block_on(names.fetch_all(&pool)).unwrap(), ["stored"]);
}
