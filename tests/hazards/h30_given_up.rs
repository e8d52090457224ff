//! H30: a statement is dropped in flight, and the server goes on with it: the locks of its transaction stay until it is done.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::slow::at_most;
use super::steps::*;

hazard! {
    "H30 a long statement is dropped in flight, in a transaction that has locked a row; half a second passes" on postgres mysql;
    plain_sqlx_keeps_the_lock_until_it_is_done;
    a_unit_of_work_has_the_server_end_it
}

const LOCK: &str = "UPDATE blog SET version = 1";
const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// A statement that takes longer than the test.
fn long<DB: Steps>() -> &'static str {
    if DB::TITLE == Postgres::TITLE { "SELECT pg_sleep(4)" } else { "SELECT sleep(4)" }
}

async fn plain_sqlx_keeps_the_lock_until_it_is_done<DB: Steps>(lab: &mut Lab<DB>) -> String {
    lab.script("INSERT INTO blog (name) VALUES ('row')").await;
    let pool = at_most::<DB>(1).connect_with(lab.connect.clone()).await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    tx.run(LOCK).await.unwrap();
    assert!(timeout(HALF_A_SECOND, tx.run(long::<DB>())).await.is_err());
    drop(tx);
    sleep(HALF_A_SECOND).await;
    assert!(is_locked(lab).await);
    "the row is locked".to_owned()
}

async fn a_unit_of_work_has_the_server_end_it<DB: Steps>(lab: &mut Lab<DB>) -> String {
    lab.script("INSERT INTO blog (name) VALUES ('row')").await;
    let pool = at_most::<DB>(1).connect_with(lab.connect.clone()).await.unwrap();
    let mut db = Unit::new(&pool);
    db.run(LOCK).await.unwrap();
    assert!(timeout(HALF_A_SECOND, db.run(long::<DB>())).await.is_err());
    db.rollback().await.unwrap();
    sleep(HALF_A_SECOND).await;
    assert!(!is_locked(lab).await);
    "the row is free".to_owned()
}
