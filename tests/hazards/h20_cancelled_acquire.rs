//! H20: `acquire()` is cancelled while the connection is being tested: it is closed, as documented, and the pool goes on. A unit
//! of work acquires at its first statement, and is no different.

use super::slow::{Slow, at_most};
use super::steps::*;
use super::words::*;

hazard! {
    "H20 the acquiring of a connection is dropped in flight, in a pool of one" on postgres mysql;
    plain_sqlx_closes_the_connection;
    a_unit_of_work_does_too_and_the_pool_goes_on
}

async fn plain_sqlx_closes_the_connection<DB: Slow>(lab: &mut Lab<DB>) -> String {
    lab.pool = DB::slow(lab, at_most(1)).await;
    for _ in 0..60 {
        lab.settled().await;
        let acquired = dropped_after(1, lab.pool.acquire()).await;
        if acquired.is_none() {
            assert_eq!(lab.pool.size(), 0);
            return told(lab.pool.size(), lab.pool.acquire().await.map(drop));
        }
    }
    panic!("no `acquire()` was caught in flight");
}

async fn a_unit_of_work_does_too_and_the_pool_goes_on<DB: Slow>(lab: &mut Lab<DB>) -> String {
    lab.pool = DB::slow(lab, at_most(1)).await;
    for _ in 0..60 {
        lab.settled().await;
        let mut db = Unit::new(&lab.pool);
        let insert = dropped_after(1, db.insert("row")).await;
        if insert.is_none() {
            assert_eq!(lab.pool.size(), 0);
            db.rollback().await.unwrap();
            return told(lab.pool.size(), db.number("SELECT count(*) FROM blog").await);
        }
    }
    panic!("no statement was caught in flight");
}

fn told<T>(size: u32, next: sqlx::Result<T>) -> String {
    assert!(next.is_ok());
    format!("connections left: {size}; the next one: {}", said(next))
}
