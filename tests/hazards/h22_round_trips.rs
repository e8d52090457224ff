//! H22: the pool pings a connection when it is acquired, and again when it is released. Those two are the pool's, and a unit of
//! work has them too; of its own it has no round trip more than BEGIN, the statement and COMMIT.

use super::steps::*;

hazard! {
    "H22 round trips of a transaction with one INSERT, from acquire to release" on postgres mysql;
    plain_sqlx_has_two_for_pings;
    a_unit_of_work_has_as_many
}

async fn plain_sqlx_has_two_for_pings<DB: Networked>(lab: &mut Lab<DB>) -> String {
    count(lab, async |pool, name| {
        let mut tx = pool.begin().await.unwrap();
        tx.insert(name).await.unwrap();
        tx.commit().await.unwrap();
    })
    .await
}

async fn a_unit_of_work_has_as_many<DB: Networked>(lab: &mut Lab<DB>) -> String {
    count(lab, async |pool, name| {
        let mut db = Unit::new(pool);
        db.insert(name).await.unwrap();
        db.commit().await.unwrap();
    })
    .await
}

/// How many round trips this takes, once its statement is prepared; with the pool's tests and without the one it can leave out.
async fn count<DB: Networked>(lab: &mut Lab<DB>, steps: impl AsyncFn(&Pool<DB>, &str)) -> String {
    let mut trips = Vec::new();
    for test in [true, false] {
        let (connect, proxy) = DB::through_proxy(&lab.connect).await;
        let options = uow_test_support::pool_options().max_connections(1).test_before_acquire(test);
        lab.pool = options.connect_with(connect).await.unwrap();
        steps(&lab.pool, &format!("warm {test}")).await;
        lab.settled().await;
        let before = proxy.round_trips();
        steps(&lab.pool, &format!("counted {test}")).await;
        lab.settled().await;
        trips.push(proxy.round_trips() - before);
        lab.pool.close().await;
    }
    assert_eq!(trips, [5, 4]);
    format!("{}; {} with `test_before_acquire(false)`", trips[0], trips[1])
}
