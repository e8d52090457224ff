//! H32: the pool's count of idle connections is lowered before it is raised when one that is being released is acquired at
//! that moment (`sqlx-core/src/pool/inner.rs`, `release` and `pop_idle`), and is `usize::MAX` until then. The task that closes
//! connections for their age goes over `0..num_idle()` and awaits nothing on the way: what it started with such a number it
//! does not end, and a thread of the runtime is lost.
//!
//! That is no work of a unit's, and a unit cannot help it; a pool that has no such task can. The endless run itself is not
//! shown here, for nothing could stop it. (Sixteen tasks that acquire and release four connections of SQLite, with an
//! `idle_timeout` of 1 ms, hung 2 of 6 times within 8 s.)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use sqlx::pool::PoolOptions;
use tokio::runtime::{Builder, Handle};

use super::steps::*;

hazard! {
    "H32 a connection is acquired in the moment in which it is released, and the pool counts its idle ones" on sqlite;
    plain_sqlx_counts_more_than_there_are;
    a_pool_without_limits_of_age_has_no_task_that_counts
}

const CONNECTIONS: u32 = 2;

/// How long to look for it. It seldom takes more than a second.
const LIMIT: Duration = Duration::from_secs(60);

async fn plain_sqlx_counts_more_than_there_are(lab: &mut Lab<Sqlite>) -> String {
    assert_eq!(tasks_of(lab, PoolOptions::new()).await, 1);
    // (Counted on a pool without that task, which would hang this test.)
    let options = uow_test_support::pool_options::<Sqlite>();
    let options = options.max_connections(CONNECTIONS).test_before_acquire(false);
    let pool = options.connect_with(lab.connect.clone()).await.unwrap();
    let (seen, begun) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let users = (0..8 * CONNECTIONS).map(|_| {
        let (pool, seen) = (pool.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            while !seen.load(SeqCst) && begun.elapsed() < LIMIT {
                drop(pool.acquire().await);
                tokio::task::yield_now().await;
            }
        })
    });
    let users: Vec<_> = users.collect();
    let looking = {
        let (pool, seen) = (pool.clone(), Arc::clone(&seen));
        move || {
            while !seen.load(SeqCst) && begun.elapsed() < LIMIT {
                seen.store(pool.num_idle() > CONNECTIONS as usize, SeqCst);
            }
        }
    };
    tokio::task::spawn_blocking(looking).await.unwrap();
    for user in users {
        user.await.unwrap();
    }
    assert!(seen.load(SeqCst), "it is seen within {LIMIT:?}");
    pool.close().await;
    "`num_idle()`: more than the pool has; its task, which takes so many turns without an await, is started"
        .to_owned()
}

async fn a_pool_without_limits_of_age_has_no_task_that_counts(lab: &mut Lab<Sqlite>) -> String {
    let ageless = PoolOptions::new().idle_timeout(None).max_lifetime(None);
    assert_eq!(tasks_of(lab, ageless).await, 0);
    "the pool is the application's: with `idle_timeout(None).max_lifetime(None)` its task is not started"
        .to_owned()
}

/// How many tasks a pool of these options starts when it is made, in a runtime that has no other.
async fn tasks_of(lab: &Lab<Sqlite>, options: PoolOptions<Sqlite>) -> usize {
    let connect = lab.connect.clone();
    let counting = move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let _pool = options.connect_lazy_with(connect);
            Handle::current().metrics().num_alive_tasks()
        })
    };
    tokio::task::spawn_blocking(counting).await.unwrap()
}
