//! H3: COMMIT after a statement that failed, and whose error was swallowed. PostgreSQL answers it with the tag ROLLBACK, which
//! sqlx does not look at; MariaDB and SQLite store whatever did not fail.

use super::steps::*;
use super::words::*;

hazard! {
    "H3 a failed statement is swallowed, then `commit()`" on sqlite postgres mysql;
    plain_sqlx_says_ok_to_a_commit_that_stored_nothing_or_half;
    a_unit_of_work_stores_nothing_and_names_the_failure
}

async fn plain_sqlx_says_ok_to_a_commit_that_stored_nothing_or_half<DB: Steps>(lab: &mut Lab<DB>) -> String {
    let mut tx = lab.pool.begin().await.unwrap();
    tx.insert("first").await.unwrap();
    tx.insert("first").await.unwrap_err();
    let commit = tx.commit().await;
    let stored = lab.blogs().await;
    assert!(commit.is_ok());
    assert_eq!(stored.len(), usize::from(DB::TITLE != Postgres::TITLE));
    format!("`commit()`: {}; stored: {}", said(commit), list(&stored))
}

async fn a_unit_of_work_stores_nothing_and_names_the_failure<DB: Steps>(lab: &mut Lab<DB>) -> String {
    let mut db = Unit::new(&lab.pool);
    db.insert("first").await.unwrap();
    db.insert("first").await.unwrap_err();
    let commit = db.commit().await;
    let stored = lab.blogs().await;
    assert!(commit.as_ref().unwrap_err().is_rolled_back());
    assert_eq!(stored, [""; 0]);
    format!("`commit()`: {}; stored: {}", said(commit), list(&stored))
}
