//! H1: `begin()` is cancelled while BEGIN is in flight. sqlx counts the transaction only when the answer is there, so its
//! drop guards see none to roll back, and the connection goes back to the pool with the transaction open.
//!
//! (SQLite's worker rolls a BEGIN back that nobody waits for.)

use super::slow::{Slow, at_most};
use super::steps::*;
use super::words::*;

hazard! {
    "H1 `begin()` is dropped in flight, and another borrows the connection" on postgres mysql;
    plain_sqlx_lends_the_next_borrower_the_open_transaction;
    a_unit_of_work_never_does
}

async fn plain_sqlx_lends_the_next_borrower_the_open_transaction<DB: Slow>(lab: &mut Lab<DB>) -> String {
    lab.pool = DB::slow(lab, at_most(1)).await;
    for polls in (1..=8).cycle().take(80) {
        drop(dropped_after(polls, lab.pool.begin()).await);
        let mut next = lab.pool.acquire().await.unwrap();
        let claims = next.is_in_transaction();
        let insert = next.insert("next").await;
        let stored = lab.blogs().await;
        if stored.is_empty() {
            assert!(insert.is_ok() && !claims);
            return format!(
                "its INSERT: {}; stored: {}; `is_in_transaction()`: {claims}",
                said(insert),
                list(&stored)
            );
        }
        lab.script("DELETE FROM blog").await;
    }
    panic!("no transaction leaked: sqlx has mended H1");
}

async fn a_unit_of_work_never_does<DB: Slow>(lab: &mut Lab<DB>) -> String {
    lab.pool = DB::slow(lab, at_most(1)).await;
    let mut observed = String::new();
    for polls in (1..=12).cycle().take(24) {
        drop(dropped_after(polls, Unit::begin(&lab.pool)).await);
        let mut next = lab.pool.acquire().await.unwrap();
        let insert = next.insert("next").await;
        let stored = lab.blogs().await;
        assert_eq!(stored, ["next"], "after {polls} polls");
        observed = format!("its INSERT: {}; stored: {}", said(insert), list(&stored));
        lab.script("DELETE FROM blog").await;
    }
    observed
}
