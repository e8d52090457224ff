//! H24, H25: a network that falls silent. sqlx pings a connection that goes back to its pool, and waits for COMMIT, without a
//! limit.

use std::time::Duration;

use tokio::time::timeout;
use uow_test_support::Trigger;

use super::slow::at_most;
use super::steps::*;
use super::words::*;

/// Longer than a unit waits for a server that says nothing.
const LONG: Duration = Duration::from_secs(6);

/// What the pool of an engine sends to see whether a connection is alive.
fn ping<DB: Steps>() -> Trigger {
    let ping: &[u8] = if DB::TITLE == Postgres::TITLE { b"S\0\0\0\x04" } else { b"\x01\0\0\0\x0e" };
    Trigger::BeforeServerSees(ping.to_vec())
}

pub(super) mod a_place {
    use super::*;

    hazard! {
        "H24 the network falls silent while a connection goes back to a pool of two" on postgres mysql;
        plain_sqlx_loses_the_place;
        a_unit_of_work_gives_it_free
    }

    /// How many connections can be had at once, after a while.
    async fn lent<DB: Networked>(pool: &Pool<DB>) -> usize {
        tokio::time::sleep(LONG).await;
        let mut lent = Vec::new();
        while let Ok(Ok(connection)) = timeout(Duration::from_secs(1), pool.acquire()).await {
            lent.push(connection);
        }
        lent.len()
    }

    async fn plain_sqlx_loses_the_place<DB: Networked>(lab: &mut Lab<DB>) -> String {
        let (connect, proxy) = DB::through_proxy(&lab.connect).await;
        let pool = at_most::<DB>(2).connect_with(connect).await.unwrap();
        let mut tx = pool.begin().await.unwrap();
        tx.insert("row").await.unwrap();
        proxy.swallow(ping::<DB>());
        tx.commit().await.unwrap();
        let lent = lent(&pool).await;
        assert_eq!(lent, 1);
        format!("connections lent after 6 s: {lent}")
    }

    async fn a_unit_of_work_gives_it_free<DB: Networked>(lab: &mut Lab<DB>) -> String {
        let (connect, proxy) = DB::through_proxy(&lab.connect).await;
        let pool = at_most::<DB>(2).connect_with(connect).await.unwrap();
        let mut db = Unit::new(&pool);
        db.insert("row").await.unwrap();
        proxy.swallow(ping::<DB>());
        db.commit().await.unwrap();
        let lent = lent(&pool).await;
        assert_eq!(lent, 2);
        format!("connections lent after 6 s: {lent}")
    }
}

pub(super) mod a_commit {
    use super::*;

    hazard! {
        "H25 the network swallows COMMIT, or its answer" on postgres mysql;
        plain_sqlx_waits_without_an_end;
        a_unit_of_work_says_that_nobody_knows
    }

    fn triggers() -> [Trigger; 2] {
        [Trigger::BeforeServerSees(b"COMMIT".to_vec()), Trigger::BeforeClientHears(b"COMMIT".to_vec())]
    }

    async fn plain_sqlx_waits_without_an_end<DB: Networked>(lab: &mut Lab<DB>) -> String {
        for (at, trigger) in triggers().into_iter().enumerate() {
            let (connect, proxy) = DB::through_proxy(&lab.connect).await;
            let pool = at_most::<DB>(1).connect_with(connect).await.unwrap();
            let mut tx = pool.begin().await.unwrap();
            tx.insert(&format!("row {at}")).await.unwrap();
            proxy.swallow(trigger);
            assert!(timeout(LONG, tx.commit()).await.is_err());
        }
        // The server still waits for the COMMIT that was swallowed, and holds the table.
        DB::kill_sessions(lab).await;
        "`commit()`: no answer within 6 s".to_owned()
    }

    async fn a_unit_of_work_says_that_nobody_knows<DB: Networked>(lab: &mut Lab<DB>) -> String {
        let (mut observed, mut proxies) = (String::new(), Vec::new());
        for (at, trigger) in triggers().into_iter().enumerate() {
            let (connect, proxy) = DB::through_proxy(&lab.connect).await;
            let pool = at_most::<DB>(1).connect_with(connect).await.unwrap();
            let mut db = Unit::options(&pool).commit_timeout(Duration::from_secs(1)).build().unwrap();
            db.insert(&format!("row {at}")).await.unwrap();
            proxy.swallow(trigger);
            let commit = timeout(LONG, db.commit()).await.expect("it has a limit");
            assert!(commit.as_ref().unwrap_err().is_outcome_unknown());
            observed = format!("`commit()` with a limit of 1 s: {}", said(commit));
            // The server is told by way of it.
            proxies.push(proxy);
        }
        DB::kill_sessions(lab).await;
        observed
    }
}
