//! H13: a statement is cancelled in flight. It runs all the same, and is committed with the rest; and on MariaDB, if it was
//! being prepared, its connection waits for ever for an answer that was read by nobody.

use std::time::Duration;

use super::slow::{Slow, at_most};
use super::steps::*;
use super::words::*;

pub(super) mod committed {
    use super::*;

    hazard! {
        "H13 an INSERT is dropped in flight, then `commit()`" on sqlite postgres mysql;
        plain_sqlx_stores_it;
        a_unit_of_work_refuses_the_commit
    }

    const ABANDONED: &str = "INSERT INTO blog (name) VALUES ('abandoned')";

    async fn plain_sqlx_stores_it<DB: Slow>(lab: &mut Lab<DB>) -> String {
        lab.pool = DB::slow(lab, at_most(1)).await;
        for _ in 0..60 {
            let mut tx = lab.pool.begin().await.unwrap();
            tx.insert("first").await.unwrap();
            let insert = dropped_after(1, tx.run(ABANDONED)).await;
            let commit = tx.commit().await;
            let stored = lab.blogs().await;
            if insert.is_none() && stored == ["abandoned", "first"] {
                assert!(commit.is_ok());
                return format!("`commit()`: {}; stored: {}", said(commit), list(&stored));
            }
            lab.script("DELETE FROM blog").await;
        }
        panic!("no statement that was dropped in flight was stored");
    }

    async fn a_unit_of_work_refuses_the_commit<DB: Slow>(lab: &mut Lab<DB>) -> String {
        lab.pool = DB::slow(lab, at_most(1)).await;
        let mut observed = None;
        for attempt in 0..12 {
            let mut db = Unit::new(&lab.pool);
            db.insert("first").await.unwrap();
            let polls = 1 + attempt % 3;
            let insert = if attempt < 6 {
                dropped_after(polls, db.run(ABANDONED)).await
            } else {
                dropped_after(polls, db.insert("abandoned")).await
            };
            let commit = db.commit().await;
            lab.no_open_transactions().await;
            let stored = lab.blogs().await;
            if insert.is_some() {
                assert!(commit.is_ok());
                assert_eq!(stored, ["abandoned", "first"]);
            } else {
                assert!(commit.as_ref().unwrap_err().is_rolled_back());
                assert_eq!(stored, [""; 0]);
                observed = Some(format!("`commit()`: {}; stored: {}", said(commit), list(&stored)));
            }
            lab.script("DELETE FROM blog").await;
        }
        observed.expect("some statement was caught in flight")
    }
}

pub(super) mod stuck {
    use super::*;

    hazard! {
        "H13 a statement is dropped while it is being prepared, in a pool of one" on mysql;
        plain_sqlx_loses_the_connection_and_its_place_in_the_pool;
        a_unit_of_work_gives_the_place_back
    }

    async fn plain_sqlx_loses_the_connection_and_its_place_in_the_pool(lab: &mut Lab<MySql>) -> String {
        for _ in 0..8 {
            // Not the lab's pool: one that has lost a connection cannot be closed either.
            let pool = pool_of_one(lab).await;
            let mut tx = pool.begin().await.unwrap();
            drop(dropped_after(1, tx.insert("abandoned")).await);
            drop(tx);
            let next = pool.acquire().await;
            if next.is_err() {
                assert!(matches!(next, Err(sqlx::Error::PoolTimedOut)));
                return format!("the next `acquire()`: {}", said(next));
            }
        }
        panic!("every connection came back: sqlx has mended its MySQL protocol");
    }

    async fn a_unit_of_work_gives_the_place_back(lab: &mut Lab<MySql>) -> String {
        let pool = pool_of_one(lab).await;
        let mut observed = String::new();
        for _ in 0..8 {
            let mut db = Unit::begin(&pool).await.unwrap();
            drop(dropped_after(1, db.insert("abandoned")).await);
            drop(db);
            let next = pool.acquire().await;
            assert!(next.is_ok());
            observed = format!("the next `acquire()`: {}", said(next));
        }
        observed
    }

    async fn pool_of_one(lab: &Lab<MySql>) -> Pool<MySql> {
        MySql::slow(lab, at_most(1).acquire_timeout(Duration::from_secs(1))).await
    }
}
