//! `run` tries again what passes by itself, told from what the session saw; and nothing else.

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use unit_of_work::{Isolation, Retry};

/// An error that tells nothing: whether to try again cannot be read off it.
#[derive(Debug, PartialEq)]
struct Opaque;

impl From<Error> for Opaque {
    fn from(_: Error) -> Self {
        Self
    }
}

impl From<sqlx::Error> for Opaque {
    fn from(_: sqlx::Error) -> Self {
        Self
    }
}

fn quick(attempts: u32) -> Retry {
    Retry::attempts(attempts).backoff(Duration::from_millis(1), Duration::from_millis(5))
}

engines! {
    async fn what_passes_by_itself_is_tried_again_with_a_fresh_unit(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('counter')").await;
        let sqlite = <Db as sqlx::Database>::NAME == "SQLite";
        // A conflict by arrangement: another unit holds the row the first two times it is wanted.
        let pool = lab.pool.clone();
        let mut holder = Some(Library::<Db>::new(&pool));
        sqlx::query("UPDATE blog SET version = version + 10").execute(holder.as_mut().unwrap().session()).await.unwrap();
        let holder = tokio::sync::Mutex::new(holder);
        let calls = AtomicU32::new(0);
        let mut options = Library::options(&lab.pool).retry(quick(5)).lock_timeout(Duration::from_millis(50));
        if !sqlite {
            options = options.isolation(Isolation::ReadCommitted);
        }
        options
            .run(async |db| {
                if calls.fetch_add(1, SeqCst) == 2 {
                    holder.lock().await.take().unwrap().commit().await?;
                }
                db.posts().add(1, "each attempt begins anew").await?;
                sqlx::query("UPDATE blog SET version = version + 1").execute(db.session()).await?;
                Ok::<_, Opaque>(())
            })
            .await
            .unwrap();
        assert_eq!(calls.load(SeqCst), 3);
        let version: i64 = sqlx::query_scalar("SELECT version FROM blog").fetch_one(&lab.outside).await.unwrap();
        let posts: i64 = sqlx::query_scalar("SELECT count(*) FROM post").fetch_one(&lab.outside).await.unwrap();
        assert_eq!((version, posts), (11, 1));
    }

    async fn when_the_attempts_run_out_the_last_error_is_handed_back(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('held')").await;
        let mut holder = Library::new(&lab.pool);
        sqlx::query("UPDATE blog SET version = 1").execute(holder.session()).await.unwrap();
        let calls = AtomicU32::new(0);
        let error = Library::options(&lab.pool)
            .retry(quick(2))
            .lock_timeout(Duration::from_millis(50))
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                sqlx::query("UPDATE blog SET version = 2").execute(db.session()).await
            })
            .await
            .unwrap_err();
        assert_eq!(calls.load(SeqCst), 2);
        assert!(Error::from(error).is_transient());
    }

    async fn what_does_not_pass_by_itself_is_not_tried_again(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('taken')").await;
        let calls = AtomicU32::new(0);
        let options = Library::options(&lab.pool).retry(quick(5));
        let error: sqlx::Error = options
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.blogs().add("taken").await
            })
            .await
            .unwrap_err();
        assert!(error.as_database_error().unwrap().is_unique_violation());
        assert_eq!(calls.swap(0, SeqCst), 1);

        // Nor is the closure's own decision, be its error what it may.
        let refused: Result<(), sqlx::Error> = options
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.blogs().count().await?;
                Err(sqlx::Error::PoolTimedOut)
            })
            .await;
        assert!(matches!(refused, Err(sqlx::Error::PoolTimedOut)));
        assert_eq!(calls.load(SeqCst), 1);
    }

    async fn a_failure_that_was_got_over_is_no_reason_to_try_again(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('held'), ('free')").await;
        let mut holder = Library::new(&lab.pool);
        sqlx::query("UPDATE blog SET version = 1 WHERE name = 'held'").execute(holder.session()).await.unwrap();
        if <Db as sqlx::Database>::NAME == "SQLite" {
            holder.rollback().await.unwrap(); // One writer at a time: nothing to get over in a scope.
        }
        let calls = AtomicU32::new(0);
        let declined = Library::options(&lab.pool)
            .retry(quick(5))
            .lock_timeout(Duration::from_millis(50))
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.blogs().count().await?;
                let held = "UPDATE blog SET version = 2 WHERE name = 'held'";
                let scope = db.savepoint(async |db| sqlx::query(held).execute(db.session()).await);
                let _: sqlx::Result<_> = scope.await;
                db.blogs().count().await?;
                Err::<(), _>(Opaque)
            })
            .await;
        assert_eq!(declined, Err(Opaque));
        assert_eq!(calls.load(SeqCst), 1);
    }

    async fn without_retry_there_is_one_attempt(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('held')").await;
        let mut holder = Library::new(&lab.pool);
        sqlx::query("UPDATE blog SET version = 1").execute(holder.session()).await.unwrap();
        let calls = AtomicU32::new(0);
        let options = Library::options(&lab.pool).lock_timeout(Duration::from_millis(50));
        let failed = options
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                sqlx::query("UPDATE blog SET version = 2").execute(db.session()).await
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(calls.load(SeqCst), 1);
    }

    async fn a_pool_that_was_exhausted_is_not_waited_for_again_and_its_error_says_why(lab) {
        let options = uow_test_support::pool_options::<Db>().max_connections(1).acquire_timeout(Duration::from_millis(60));
        let pool = options.connect_with(lab.connect.clone()).await.unwrap();
        let calls = AtomicU32::new(0);
        // A unit inside of a unit: to begin it again and again would be to wait again and again.
        let error = Library::options(&pool)
            .retry(quick(5))
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.blogs().add("outer").await?;
                let mut inner = Library::new(db.session().pool());
                inner.blogs().add("inner").await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert_eq!(calls.load(SeqCst), 1);
        assert!(matches!(error, Error::Sqlx(sqlx::Error::PoolTimedOut)) && !error.is_transient(), "{error}");
        assert!(error.to_string().contains("savepoint("), "{error}");
        assert_eq!(lab.blogs().await, [""; 0]);

        let held = pool.acquire().await.unwrap();
        let options = Library::options(&pool).retry(quick(5));
        let waiting = options.run(async |db| {
            calls.fetch_add(1, SeqCst);
            db.blogs().count().await
        });
        assert!(matches!(waiting.await, Err(sqlx::Error::PoolTimedOut)));
        assert_eq!(calls.load(SeqCst), 2);
        drop(held);
    }

    async fn a_failure_in_a_scope_counts_if_it_ends_the_closure(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('held')").await;
        let mut holder = Some(Library::<Db>::new(&lab.pool));
        sqlx::query("UPDATE blog SET version = 1").execute(holder.as_mut().unwrap().session()).await.unwrap();
        let holder = tokio::sync::Mutex::new(holder);
        let calls = AtomicU32::new(0);
        Library::options(&lab.pool)
            .retry(quick(5))
            .lock_timeout(Duration::from_millis(50))
            .run(async |db| {
                if calls.fetch_add(1, SeqCst) == 1 {
                    holder.lock().await.take().unwrap().commit().await?;
                }
                db.savepoint(async |db| {
                    sqlx::query("UPDATE blog SET version = 2").execute(db.session()).await?;
                    Ok::<_, Opaque>(())
                })
                .await
            })
            .await
            .unwrap();
        assert_eq!(calls.load(SeqCst), 2);
    }
}
