//! H2: a nested `begin` that does not come to be. Its drop guard rolls one level back too many, which is the outer
//! transaction; what follows is stored at once, and `commit()` and `rollback()` at depth 0 do nothing and say `Ok`.

use super::slow::{Slow, at_most};
use super::steps::*;
use super::words::*;

pub(super) mod cancelled {
    use super::*;

    hazard! {
        "H2 a nested `begin()` is dropped in flight" on sqlite postgres mysql;
        plain_sqlx_rolls_the_outer_transaction_back_and_stores_the_rest;
        a_unit_of_work_stores_all_or_nothing
    }

    async fn plain_sqlx_rolls_the_outer_transaction_back_and_stores_the_rest<DB: Slow>(
        lab: &mut Lab<DB>,
    ) -> String {
        lab.pool = DB::slow(lab, at_most(2)).await;
        let mut tries = 0..60;
        torn(lab, async |outer| {
            // A try in which the answer came too soon does not count.
            assert!(tries.next().is_some(), "no `begin()` was caught in flight");
            dropped_after(1, Connection::begin(outer)).await.is_none()
        })
        .await
    }

    async fn a_unit_of_work_stores_all_or_nothing<DB: Slow>(lab: &mut Lab<DB>) -> String {
        let mut observed = None;
        lab.pool = DB::slow(lab, at_most(2)).await;
        for polls in [1, 2, 4, 6, 8, 10, 13, 16, 20, 25, 30] {
            let mut db = Unit::new(&lab.pool);
            db.insert("before").await.unwrap();
            let scope = dropped_after(polls, db.savepoint(async |db| db.insert("nested").await)).await;
            let after = db.insert("after").await;
            let commit = db.commit().await;
            let stored = lab.blogs().await;
            if scope.is_some() {
                assert!(commit.is_ok());
                assert_eq!(stored, ["after", "before", "nested"]);
            } else {
                assert!(after.is_err() && commit.as_ref().unwrap_err().is_rolled_back());
                assert_eq!(stored, [""; 0]);
                observed = Some(format!("`commit()`: {}; stored: {}", said(commit), list(&stored)));
            }
            lab.script("DELETE FROM blog").await;
        }
        observed.expect("some scope was caught in flight")
    }
}

pub(super) mod begin_with {
    use super::*;

    hazard! {
        "H2 a BEGIN with options inside of a transaction" on sqlite postgres mysql;
        plain_sqlx_rolls_the_outer_transaction_back_and_stores_the_rest;
        a_unit_of_work_refuses_it_and_goes_on
    }

    async fn plain_sqlx_rolls_the_outer_transaction_back_and_stores_the_rest<DB: Steps>(
        lab: &mut Lab<DB>,
    ) -> String {
        torn(lab, async |outer| {
            let nested = Connection::begin_with(outer, "BEGIN").await;
            assert!(matches!(nested, Err(sqlx::Error::InvalidSavePointStatement)));
            true
        })
        .await
    }

    async fn a_unit_of_work_refuses_it_and_goes_on<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let mut db = Unit::new(&lab.pool);
        db.insert("before").await.unwrap();
        let nested = db.run("BEGIN").await;
        assert!(nested.is_err());
        db.insert("after").await.unwrap();
        let commit = db.commit().await;
        let stored = lab.blogs().await;
        assert!(commit.is_ok());
        assert_eq!(stored, ["after", "before"]);
        format!("{}; `commit()`: {}; stored: {}", said(nested), said(commit), list(&stored))
    }
}

pub(super) mod after_a_failure {
    use super::*;

    hazard! {
        "H2 a nested `begin()` after a statement that failed" on postgres;
        plain_sqlx_rolls_the_outer_transaction_back_and_stores_the_rest;
        a_unit_of_work_stores_nothing_and_names_the_failure
    }

    async fn plain_sqlx_rolls_the_outer_transaction_back_and_stores_the_rest<DB: Steps>(
        lab: &mut Lab<DB>,
    ) -> String {
        torn(lab, async |outer| {
            DB::insert(outer, "before").await.unwrap_err();
            Connection::begin(outer).await.map(drop).unwrap_err();
            true
        })
        .await
    }

    async fn a_unit_of_work_stores_nothing_and_names_the_failure<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let mut db = Unit::new(&lab.pool);
        db.insert("before").await.unwrap();
        db.insert("before").await.unwrap_err();
        let nested = db.savepoint(async |db| db.insert("nested").await).await;
        assert!(nested.is_err());
        assert!(db.insert("after").await.is_err());
        let commit = db.commit().await;
        let stored = lab.blogs().await;
        assert!(commit.as_ref().unwrap_err().is_rolled_back());
        assert_eq!(stored, [""; 0]);
        format!("`commit()`: {}; stored: {}", said(commit), list(&stored))
    }
}

/// Two inserts with a nested begin between them that `lose`s its way (`false`: it did not, try again); both ends of it.
async fn torn<DB: Steps>(lab: &Lab<DB>, mut lose: impl AsyncFnMut(&mut DB::Connection) -> bool) -> String {
    let mut observed = Vec::new();
    for end in ["commit", "rollback"] {
        loop {
            let mut tx = lab.pool.begin().await.unwrap();
            tx.insert("before").await.unwrap();
            let lost = lose(&mut tx).await;
            tx.insert("after").await.unwrap();
            let ended = if end == "commit" { tx.commit().await } else { tx.rollback().await };
            let stored = lab.blogs().await;
            lab.script("DELETE FROM blog").await;
            if lost {
                assert!(ended.is_ok());
                assert_eq!(stored, ["after"], "`before` is lost, and `after` cannot be taken back");
                observed.push(format!("`{end}()`: {}; stored: {}", said(ended), list(&stored)));
                break;
            }
        }
    }
    observed.join("; ")
}
