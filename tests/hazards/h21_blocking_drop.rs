//! H21: on SQLite, dropping a transaction sends its ROLLBACK through a bounded channel, and *blocks its thread* while that is
//! full. (Its 50 places are one here. The worker is kept busy by a lock that another one holds.)

use std::thread;
use std::time::Duration;

use unit_of_work::SqliteMode;

use super::steps::*;

hazard! {
    "H21 a transaction is dropped while its worker waits for a lock and its channel is full" on sqlite;
    plain_sqlx_blocks_the_thread;
    a_unit_of_work_does_not
}

async fn plain_sqlx_blocks_the_thread(lab: &mut Lab<Sqlite>) -> String {
    let pool = narrow(lab).await;
    let mut tx = pool.begin().await.unwrap();
    let mut holder = lock(lab).await;
    // The first one waits for the lock, the second one takes the only place in the channel.
    assert!(dropped_after(50, tx.insert("waits")).await.is_none());
    assert!(dropped_after(1, tx.insert("behind it")).await.is_none());
    let dropping = drop_on_a_thread(tx);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!dropping.is_finished());
    holder.run("ROLLBACK").await.unwrap();
    tokio::task::spawn_blocking(|| dropping.join().unwrap()).await.unwrap();
    "the drop blocks its thread until the lock is free".to_owned()
}

async fn a_unit_of_work_does_not(lab: &mut Lab<Sqlite>) -> String {
    let pool = narrow(lab).await;
    let mut db = Unit::options(&pool).sqlite_mode(SqliteMode::Deferred).begin().await.unwrap();
    let mut holder = lock(lab).await;
    assert!(dropped_after(50, db.insert("waits")).await.is_none());
    db.insert("behind it").await.unwrap_err();
    let dropping = drop_on_a_thread(db);
    for _ in 0..200 {
        if dropping.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(dropping.is_finished(), "and the lock is still held");
    holder.run("ROLLBACK").await.unwrap();
    "the drop returns, though the lock is held".to_owned()
}

/// A pool whose connections have a channel of one place.
async fn narrow(lab: &Lab<Sqlite>) -> Pool<Sqlite> {
    let connect = lab.connect.clone().command_buffer_size(1);
    uow_test_support::pool_options().max_connections(1).connect_with(connect).await.unwrap()
}

/// A connection that holds the write lock.
async fn lock(lab: &Lab<Sqlite>) -> sqlx::pool::PoolConnection<Sqlite> {
    let mut holder = lab.outside.acquire().await.unwrap();
    holder.run("BEGIN IMMEDIATE").await.unwrap();
    holder
}

/// Drops something on a thread of its own, which has a runtime (see H11).
fn drop_on_a_thread(what: impl Send + 'static) -> thread::JoinHandle<()> {
    let runtime = tokio::runtime::Handle::current();
    thread::spawn(move || {
        let _runtime = runtime.enter();
        drop(what);
    })
}
