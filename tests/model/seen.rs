//! What is stored of a program, as others see it.

use std::time::Duration;

use sqlx::Pool;

use super::expect::Rows;
use super::unit::Target;

/// The rows of a program that are stored.
pub(crate) async fn rows<T: Target>(outside: &Pool<T>, program: i64) -> Rows {
    let text = format!("SELECT slot, value FROM cell WHERE program = {program} AND slot BETWEEN 0 AND 999");
    T::pairs(outside, text).await.into_iter().collect()
}

/// Ends a session of the server, and waits until it is gone.
pub(crate) async fn kill<T: Target>(outside: &Pool<T>, session: i64) {
    let [_, kill, count] = T::SESSION;
    T::execute(outside, format!("{kill}{session}")).await;
    while T::pairs(outside, format!("{count}{session}")).await != [(0, 0)] {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until the transaction is over that would make `after` of `before`, and returns what is stored then.
pub(crate) async fn wait_for_outcome<T: Target>(
    outside: &Pool<T>,
    program: i64,
    before: &Rows,
    after: &Rows,
) -> Rows {
    let mut slots = before.keys().chain(after.keys());
    if let Some(slot) = slots.find(|slot| before.get(slot) != after.get(slot)) {
        // Whoever wants the same key has to wait until the other one is over, on every engine.
        let (insert, ignore) = T::INSERT_IGNORE;
        let insert =
            format!("{insert} INTO cell (program, slot, value) VALUES ({program}, {slot}, -1){ignore}");
        if T::execute(outside, insert).await == 1 {
            let delete = format!("DELETE FROM cell WHERE program = {program} AND slot = {slot}");
            T::execute(outside, delete).await;
        }
        let update = format!("UPDATE cell SET value = value WHERE program = {program} AND slot = {slot}");
        T::execute(outside, update).await;
    }
    rows(outside, program).await
}
