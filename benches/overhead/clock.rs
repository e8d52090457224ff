//! What can be had without callgrind: the time a unit takes, and its round trips.

use std::time::Instant;

use crate::database::{Measured, with_pool, with_proxy};

/// How many units one reading of the clock spans.
const BATCH: i64 = 20;
/// How many readings there are of each way.
const READINGS: usize = 200;

/// The nanoseconds of a unit, for each of the engine's ways. They take turns, so that what else the machine does meets all.
pub(crate) fn nanoseconds<DB: Measured>() -> Vec<Vec<f64>> {
    with_pool::<DB, _>(async |pool| {
        let mut readings = vec![Vec::with_capacity(READINGS); DB::WAYS.len()];
        let mut key = 0;
        // The first reading prepares the statements, and is not counted.
        for reading in 0..=READINGS {
            for (way, readings) in DB::WAYS.iter().zip(&mut readings) {
                let start = Instant::now();
                DB::units(*way, pool, key..key + BATCH).await.unwrap();
                let elapsed = start.elapsed();
                key += BATCH;
                if reading > 0 {
                    readings.push(elapsed.as_nanos() as f64 / BATCH as f64);
                }
            }
        }
        readings
    })
}

/// The round trips of a unit, for each of the engine's ways; `None` if there is no server to go to.
pub(crate) fn round_trips<DB: Measured>() -> Option<Vec<f64>> {
    with_proxy::<DB, _>(async |pool, proxy| {
        let mut round_trips = Vec::new();
        let mut key = 0;
        for way in DB::WAYS {
            // The first batch prepares the statements, and is not counted.
            DB::units(*way, pool, key..key + BATCH).await.unwrap();
            let before = proxy.round_trips();
            DB::units(*way, pool, key + BATCH..key + 2 * BATCH).await.unwrap();
            round_trips.push((proxy.round_trips() - before) as f64 / BATCH as f64);
            key += 2 * BATCH;
        }
        round_trips
    })
}
