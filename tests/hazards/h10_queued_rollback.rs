//! H10: dropping a transaction only queues its ROLLBACK. A connection of a pool is pinged on its way back, which sends it; one
//! that belongs to no pool holds its locks until it is used again. (SQLite's worker takes it up by itself.)

use std::time::Duration;

use super::steps::*;

hazard! {
    "H10 a transaction is dropped that had locked a row" on postgres mysql;
    plain_sqlx_keeps_the_lock_of_a_bare_connection;
    a_unit_of_work_frees_it
}

const LOCK: &str = "UPDATE blog SET version = 1";

async fn plain_sqlx_keeps_the_lock_of_a_bare_connection<DB: Steps>(lab: &mut Lab<DB>) -> String {
    lab.script("INSERT INTO blog (name) VALUES ('row')").await;
    let mut bare = DB::Connection::connect_with(&lab.connect).await.unwrap();
    let mut tx = bare.begin().await.unwrap();
    tx.run(LOCK).await.unwrap();
    drop(tx);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(is_locked(lab).await);
    bare.ping().await.unwrap();
    assert!(!is_locked(lab).await);
    bare.close().await.unwrap();
    "bare connection: the row is locked until the connection is used again".to_owned()
}

async fn a_unit_of_work_frees_it<DB: Steps>(lab: &mut Lab<DB>) -> String {
    lab.script("INSERT INTO blog (name) VALUES ('row')").await;
    let mut db = Unit::new(&lab.pool);
    db.run(LOCK).await.unwrap();
    assert!(is_locked(lab).await);
    drop(db);
    free(lab).await;
    "the row is free, with no further call (there is no unit on a bare connection)".to_owned()
}
