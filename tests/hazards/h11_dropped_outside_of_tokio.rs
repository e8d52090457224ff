//! H11: a transaction that is dropped on a thread without a Tokio runtime.

use std::thread;

use super::record::panic_message;
use super::steps::*;
use super::words::*;

hazard! {
    "H11 dropped on a thread without a runtime" on sqlite postgres mysql;
    plain_sqlx_panics;
    a_unit_of_work_is_rolled_back
}

async fn plain_sqlx_panics<DB: Steps>(lab: &mut Lab<DB>) -> String {
    let mut tx = lab.pool.begin().await.unwrap();
    tx.insert("row").await.unwrap();
    let panic = thread::spawn(move || drop(tx)).join().expect_err("it panics");
    format!("panic: {}", panic_message(&*panic))
}

async fn a_unit_of_work_is_rolled_back<DB: Steps>(lab: &mut Lab<DB>) -> String {
    let mut db = Unit::new(&lab.pool);
    db.insert("row").await.unwrap();
    thread::spawn(move || drop(db)).join().expect("it does not panic");
    lab.no_open_transactions().await;
    let connections = lab.settled().await;
    let stored = lab.blogs().await;
    assert_eq!(stored, [""; 0]);
    assert_eq!(connections, 1);
    format!("rolled back; stored: {}; the connection is back in the pool", list(&stored))
}
