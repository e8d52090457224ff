//! H7: the end of a savepoint is cancelled in flight. sqlx queues a ROLLBACK TO for a savepoint that is released by then, and
//! the next, innocent statement is answered with its error.
//!
//! (SQLite's worker skips a rollback behind a release that nobody waited for.)

use std::sync::atomic::{AtomicBool, Ordering};

use super::slow::{Slow, at_most};
use super::steps::*;
use super::words::*;

hazard! {
    "H7 a savepoint's `commit()` is dropped in flight; the next statement's error is swallowed; `commit()`" on postgres mysql;
    plain_sqlx_fails_the_next_statement_and_says_ok_to_a_commit_without_it;
    a_unit_of_work_stores_nothing_and_says_why
}

async fn plain_sqlx_fails_the_next_statement_and_says_ok_to_a_commit_without_it<DB: Slow>(
    lab: &mut Lab<DB>,
) -> String {
    lab.pool = DB::slow(lab, at_most(1)).await;
    for _ in 0..60 {
        let mut tx = lab.pool.begin().await.unwrap();
        tx.insert("outer").await.unwrap();
        let mut scope = Connection::begin(&mut *tx).await.unwrap();
        scope.insert("nested").await.unwrap();
        let released = dropped_after(1, scope.commit()).await.is_some();
        let next = tx.insert("next").await;
        let commit = tx.commit().await;
        let stored = lab.blogs().await;
        lab.script("DELETE FROM blog").await;
        if !released {
            assert!(next.is_err() && commit.is_ok());
            let left: &[&str] = if DB::TITLE == Postgres::TITLE { &[] } else { &["nested", "outer"] };
            assert_eq!(stored, left);
            return format!(
                "the next INSERT: {}; `commit()`: {}; stored: {}",
                said(next),
                said(commit),
                list(&stored)
            );
        }
    }
    panic!("no release was caught in flight");
}

async fn a_unit_of_work_stores_nothing_and_says_why<DB: Slow>(lab: &mut Lab<DB>) -> String {
    lab.pool = DB::slow(lab, at_most(1)).await;
    let mut observed = None;
    for _ in 0..6 {
        let mut db = Unit::new(&lab.pool);
        db.insert("outer").await.unwrap();
        let over = AtomicBool::new(false);
        let scope = db.savepoint(async |db| {
            db.insert("nested").await?;
            over.store(true, Ordering::SeqCst);
            Ok::<_, Error>(())
        });
        let released = dropped_at(&over, scope).await.is_some();
        let next = db.insert("next").await;
        let commit = db.commit().await;
        let stored = lab.blogs().await;
        if released {
            assert!(next.is_ok() && commit.is_ok());
            assert_eq!(stored, ["nested", "next", "outer"]);
        } else {
            assert!(next.is_err() && commit.as_ref().unwrap_err().is_rolled_back());
            assert_eq!(stored, [""; 0]);
            observed = Some(format!("`commit()`: {}; stored: {}", said(commit), list(&stored)));
        }
        lab.script("DELETE FROM blog").await;
    }
    observed.expect("some release was caught in flight")
}
