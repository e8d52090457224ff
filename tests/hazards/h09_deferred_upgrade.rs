//! H9: sqlx begins DEFERRED on SQLite. A transaction that reads first works on a snapshot, and when another one has written
//! meanwhile its own first write fails at once, however long the busy timeout is.

use std::time::{Duration, Instant};

use super::steps::*;
use super::words::*;

hazard! {
    "H9 read, another one writes, write" on sqlite;
    plain_sqlx_fails_at_once_and_for_good;
    a_unit_of_work_makes_the_other_one_wait
}

async fn plain_sqlx_fails_at_once_and_for_good(lab: &mut Lab<Sqlite>) -> String {
    let mut tx = lab.pool.begin().await.unwrap();
    tx.number("SELECT count(*) FROM blog").await.unwrap();
    lab.script("INSERT INTO blog (name) VALUES ('other')").await;
    let asked = Instant::now();
    let write = tx.insert("ours").await;
    let waited = asked.elapsed();
    let again = tx.insert("ours").await;
    assert_eq!([code(write.as_ref().unwrap_err()), code(again.as_ref().unwrap_err())], ["517", "517"]);
    assert!(waited < Duration::from_secs(10), "the busy timeout is 20 s");
    format!("the write: {}, at once, and again: {}", said(write), said(again))
}

async fn a_unit_of_work_makes_the_other_one_wait(lab: &mut Lab<Sqlite>) -> String {
    let mut db = Unit::new(&lab.pool);
    db.number("SELECT count(*) FROM blog").await.unwrap();
    let ours = async {
        // The other one has asked for the lock by now.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let write = db.insert("ours").await;
        (write, db.commit().await)
    };
    let (_, (write, commit)) = tokio::join!(lab.script("INSERT INTO blog (name) VALUES ('other')"), ours);
    let stored = lab.blogs().await;
    assert!(write.is_ok() && commit.is_ok());
    assert_eq!(stored, ["other", "ours"]);
    format!("the write: {}; `commit()`: {}; stored: {}", said(write), said(commit), list(&stored))
}
