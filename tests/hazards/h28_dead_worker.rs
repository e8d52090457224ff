//! H28: sqlx's worker thread for SQLite panics on a `SELECT *` that it prepared before a column was added. Its channel ends, and
//! that reads as an answer of no rows.

use std::time::Duration;

use tokio::time::timeout;

use super::slow::at_most;
use super::steps::*;
use super::words::*;

hazard! {
    "H28 a column is added under a prepared `SELECT *`, in a pool of one" on sqlite;
    plain_sqlx_reads_no_rows;
    a_unit_of_work_says_that_the_connection_is_lost
}

const READ: &str = "SELECT * FROM blog";
const CHANGE: &str = "ALTER TABLE blog ADD COLUMN extra TEXT";

/// A row is there, and the statement prepared.
async fn prepared(lab: &mut Lab<Sqlite>) -> Pool<Sqlite> {
    lab.script("INSERT INTO blog (name) VALUES ('row')").await;
    let pool = at_most::<Sqlite>(1).connect_with(lab.connect.clone()).await.unwrap();
    let rows = sqlx::query(READ).fetch_all(&pool).await.unwrap();
    assert_eq!(rows.len(), 1);
    lab.script(CHANGE).await;
    pool
}

async fn plain_sqlx_reads_no_rows(lab: &mut Lab<Sqlite>) -> String {
    let pool = prepared(lab).await;
    let rows = sqlx::query(READ).fetch_all(&pool).await;
    assert_eq!(rows.as_ref().unwrap().len(), 0, "one is there");
    format!("{}, rows: 0 of 1", said(rows))
}

async fn a_unit_of_work_says_that_the_connection_is_lost(lab: &mut Lab<Sqlite>) -> String {
    let pool = prepared(lab).await;
    let mut db = Unit::new(&pool);
    let rows = sqlx::query(READ).fetch_all(db.session()).await;
    assert!(matches!(rows, Err(sqlx::Error::WorkerCrashed)));
    let commit = timeout(Duration::from_secs(10), db.commit()).await.expect("nobody waits for a dead worker");
    assert!(commit.as_ref().unwrap_err().is_rolled_back());
    db.rollback().await.unwrap();
    assert_eq!(sqlx::query(READ).fetch_all(db.session()).await.unwrap().len(), 1);
    format!("{}; the next unit: Ok, rows: 1 of 1", said(rows))
}
