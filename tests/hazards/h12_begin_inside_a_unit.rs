//! H12: a second transaction is begun inside of the first, and the pool has no connection left. A unit of work cannot help
//! that, as the two are two; a savepoint scope is what was meant, and needs none.

use std::time::Duration;

use super::steps::*;
use super::words::*;

hazard! {
    "H12 `begin()` on the pool inside of a transaction, with no connection left" on sqlite postgres mysql;
    plain_sqlx_waits_for_itself;
    a_unit_of_work_too_and_its_savepoint_scope_does_not
}

async fn plain_sqlx_waits_for_itself<DB: Steps>(lab: &mut Lab<DB>) -> String {
    lab.pool = pool_of_one(lab).await;
    let mut tx = lab.pool.begin().await.unwrap();
    tx.insert("outer").await.unwrap();
    let inner = lab.pool.begin().await;
    assert!(matches!(inner, Err(sqlx::Error::PoolTimedOut)));
    tx.commit().await.unwrap();
    format!("Err ({})", inner.unwrap_err())
}

async fn a_unit_of_work_too_and_its_savepoint_scope_does_not<DB: Steps>(lab: &mut Lab<DB>) -> String {
    lab.pool = pool_of_one(lab).await;
    let mut db = Unit::new(&lab.pool);
    db.insert("outer").await.unwrap();
    let inner = Unit::begin(&lab.pool).await.map(drop).unwrap_err();
    assert!(matches!(inner.sqlx(), Some(sqlx::Error::PoolTimedOut)));
    assert!(inner.to_string().contains("use `savepoint("), "it says what to do: {inner}");
    let inner = inner.sqlx().unwrap().to_string();
    let scope = db.savepoint(async |db| db.insert("nested").await).await;
    let commit = db.commit().await;
    let stored = lab.blogs().await;
    assert!(scope.is_ok() && commit.is_ok());
    assert_eq!(stored, ["nested", "outer"]);
    format!(
        "Err ({inner}), and the outer unit goes on; `savepoint(…)` instead: {}; stored: {}",
        said(scope),
        list(&stored)
    )
}

async fn pool_of_one<DB: Steps>(lab: &Lab<DB>) -> Pool<DB> {
    let options =
        uow_test_support::pool_options().max_connections(1).acquire_timeout(Duration::from_millis(500));
    options.connect_with(lab.connect.clone()).await.unwrap()
}
