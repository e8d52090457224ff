//! H6: COMMIT was sent, and its answer never came: its future was dropped, or the connection was lost. Whether it is stored
//! cannot be known then. What can be done is to say so, and to find out.

use uow_test_support::Trigger;

use super::slow::{Slow, at_most};
use super::steps::*;
use super::words::*;

pub(super) mod dropped {
    use super::*;

    hazard! {
        "H6 `commit()` is dropped in flight" on sqlite postgres mysql;
        plain_sqlx_stores_it_and_nobody_is_left_to_say_so;
        a_unit_of_work_says_that_the_outcome_is_unknown
    }

    async fn plain_sqlx_stores_it_and_nobody_is_left_to_say_so<DB: Slow>(lab: &mut Lab<DB>) -> String {
        lab.pool = DB::slow(lab, at_most(1)).await;
        for _ in 0..60 {
            let mut tx = lab.pool.begin().await.unwrap();
            tx.insert("perhaps").await.unwrap();
            let commit = dropped_after(1, tx.commit()).await;
            lab.settled().await;
            let stored = lab.blogs().await;
            if commit.is_none() && !stored.is_empty() {
                return format!("the transaction is used up, and unanswered; stored: {}", list(&stored));
            }
            lab.script("DELETE FROM blog").await;
        }
        panic!("no commit that was dropped in flight was stored");
    }

    async fn a_unit_of_work_says_that_the_outcome_is_unknown<DB: Slow>(lab: &mut Lab<DB>) -> String {
        lab.pool = DB::slow(lab, at_most(1)).await;
        let mut observed = None;
        let mut caught = 0;
        for attempt in 0..60 {
            let mut db = Unit::new(&lab.pool);
            // Names of its own: the server may still be busy with this COMMIT when the next one is sent.
            db.insert(&format!("{attempt} all")).await.unwrap();
            db.insert(&format!("{attempt} of it")).await.unwrap();
            if dropped_after(1 + attempt % 3, db.commit()).await.is_none() {
                let [again, rollback] = [db.commit().await, db.rollback().await];
                assert!(again.as_ref().unwrap_err().is_outcome_unknown());
                assert!(rollback.as_ref().unwrap_err().is_outcome_unknown());
                observed =
                    Some(format!("`commit()` again: {}; `rollback()`: {}", said(again), said(rollback)));
                caught += 1;
            }
            if caught == 8 {
                break;
            }
        }
        lab.no_open_transactions().await;
        let stored = lab.blogs().await;
        for attempt in 0..60 {
            let of_it = stored.iter().filter(|name| name.starts_with(&format!("{attempt} "))).count();
            assert!(of_it != 1, "half of {attempt} is stored");
        }
        format!("{}; stored: all or nothing", observed.expect("some commit was caught in flight"))
    }
}

pub(super) mod cut_off {
    use unit_of_work::{Marker, Verification};

    use super::*;

    hazard! {
        "H6 the connection is lost between COMMIT and its answer" on postgres mysql;
        plain_sqlx_says_err_to_what_is_stored;
        a_unit_of_work_says_that_the_outcome_is_unknown_or_finds_out
    }

    async fn plain_sqlx_says_err_to_what_is_stored<DB: Networked>(lab: &mut Lab<DB>) -> String {
        let (pool, proxy) = proxied(lab).await;
        let mut tx = pool.begin().await.unwrap();
        tx.insert("stored").await.unwrap();
        proxy.cut(Trigger::BeforeClientHears(b"COMMIT".to_vec()));
        let commit = tx.commit().await;
        let stored = lab.blogs().await;
        assert!(commit.is_err());
        assert_eq!(stored, ["stored"]);
        format!("`commit()`: {}; stored: {}", said(commit), list(&stored))
    }

    async fn a_unit_of_work_says_that_the_outcome_is_unknown_or_finds_out<DB: Networked>(
        lab: &mut Lab<DB>,
    ) -> String {
        let (pool, proxy) = proxied(lab).await;
        let mut db = Unit::new(&pool);
        db.insert("stored").await.unwrap();
        proxy.cut(Trigger::BeforeClientHears(b"COMMIT".to_vec()));
        let commit = db.commit().await;
        assert!(commit.as_ref().unwrap_err().is_outcome_unknown());
        assert_eq!(lab.blogs_when(1).await, ["stored"]);

        Marker::create_table(&pool).await.unwrap();
        let mut verified = Vec::new();
        for trigger in
            [Trigger::BeforeClientHears(b"COMMIT".to_vec()), Trigger::BeforeServerSees(b"COMMIT".to_vec())]
        {
            lab.script("DELETE FROM blog").await;
            let mut db = Unit::options(&pool).verify(Verification::marker()).build().unwrap();
            db.insert("stored").await.unwrap();
            proxy.cut(trigger);
            let commit = db.commit().await;
            let stored = lab.blogs().await;
            assert_eq!(commit.is_ok(), !stored.is_empty());
            assert!(commit.as_ref().err().is_none_or(Error::is_rolled_back));
            verified.push(format!("{}, stored: {}", said(commit), list(&stored)));
        }
        format!(
            "`commit()`: {}; with a marker: {}",
            said(commit),
            verified.join("; or, if the server never saw it: ")
        )
    }

    /// A pool that reaches the lab's server through a proxy, with its one connection made.
    async fn proxied<DB: Networked>(lab: &Lab<DB>) -> (Pool<DB>, Proxy) {
        let (connect, proxy) = DB::through_proxy(&lab.connect).await;
        let pool = uow_test_support::pool_options().max_connections(1).connect_with(connect).await.unwrap();
        (pool, proxy)
    }
}
