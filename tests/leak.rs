//! Thousands of units cancelled at any moment leave a pool of sound connections, and each unit stored wholly or not at all.

mod common;
mod model {
    pub(crate) mod cut;
    pub(crate) mod outside;
    pub(crate) mod random;
}

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::*;
use futures_util::future::join_all;
use model::cut::{Cut, Ran};
use model::outside::{Look, all_are_clean};
use model::random::Random;
use sqlx::{ColumnIndex, Decode, Encode, IntoArguments, Pool, Type};

/// How many units are cancelled, and how many at a time.
const UNITS: u64 = 5000;
const TASKS: u64 = 8;

/// How far a unit came before it was cancelled.
const WORKING: u8 = 0;
const COMMITTING: u8 = 1;
const STORED: u8 = 2;

/// How a unit is cancelled.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Dropped in its own task, after so many polls.
    Polls(u32),
    /// Dropped in its own task, at a moment that has nothing to do with its polls.
    Moment(Duration),
    /// Its task is aborted, from another thread.
    Abort(Duration),
}

/// A unit that writes two rows, in one of several ways, and notes how far it came.
async fn unit<DB>(pool: Pool<DB>, number: u64, way: u64, came: Arc<AtomicU8>) -> Result<(), Error>
where
    DB: Engine,
    DB::Arguments: IntoArguments<DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Decode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    let (first, second) = rows_of(number);
    let came = &came;
    if way == 0 {
        Library::options(&pool)
            .run(async |db| {
                db.blogs().add(&first).await?;
                db.blogs().add(&second).await?;
                came.store(COMMITTING, SeqCst);
                Ok::<_, Error>(())
            })
            .await?;
    } else {
        let mut db = if way == 1 { Library::begin(&pool).await? } else { Library::new(&pool) };
        db.blogs().add(&first).await?;
        if way == 2 {
            // Fails, is undone, and must not take anything with it.
            let twice = db.savepoint(async |db| db.blogs().add(&first).await).await;
            assert!(twice.is_err());
        }
        db.savepoint(async |db| db.blogs().add(&second).await).await?;
        came.store(COMMITTING, SeqCst);
        db.commit().await?;
    }
    came.store(STORED, SeqCst);
    Ok(())
}

fn rows_of(number: u64) -> (String, String) {
    (format!("{number:05}/a"), format!("{number:05}/b"))
}

/// Waits on a thread of its own: tokio's timers know whole milliseconds only.
async fn wait(moment: Duration) {
    tokio::task::spawn_blocking(move || std::thread::sleep(moment)).await.expect("it only sleeps");
}

/// Runs a unit and cancels it, unless it is faster.
async fn cancelled(
    unit: impl Future<Output = Result<(), Error>> + Send + 'static,
    end: End,
) -> Option<Result<(), Error>> {
    match end {
        End::Polls(polls) => match Cut::AfterPolls(polls).apply(unit).await {
            Ran::Done(answer) => Some(answer),
            Ran::Cut | Ran::Unstarted => None,
        },
        End::Moment(moment) => {
            tokio::select! {
                answer = unit => Some(answer),
                () = wait(moment) => None,
            }
        }
        End::Abort(moment) => {
            let task = tokio::spawn(unit);
            wait(moment).await;
            task.abort();
            match task.await {
                Ok(answer) => Some(answer),
                Err(error) if error.is_cancelled() => None,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
    }
}

/// Whether the row of a unit is stored, once its transaction is over, for good.
async fn fence<DB: Look>(outside: &Pool<DB>, name: &str) {
    // Whoever wants the same name has to wait until the other one is over, on every engine.
    let (insert, ignore) = DB::INSERT_IGNORE;
    if DB::execute(outside, format!("{insert} INTO blog (name) VALUES ('{name}'){ignore}")).await == 1 {
        DB::execute(outside, format!("DELETE FROM blog WHERE name = '{name}'")).await;
    }
}

engines! {
    async fn a_pool_that_keeps_connections_ready_has_them_again(lab) {
        let pool = uow_test_support::pool_options::<Db>()
            .min_connections(2)
            .max_connections(2)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(lab.connect.clone())
            .await
            .unwrap();
        for end in ["commit", "rollback", "drop", "drop elsewhere", "abandon", "poison"] {
            let mut db = Library::new(&pool);
            db.blogs().add(end).await.unwrap();
            match end {
                "commit" => db.commit().await.unwrap(),
                "rollback" => db.rollback().await.unwrap(),
                "drop elsewhere" => std::thread::spawn(move || drop(db)).join().unwrap(),
                "abandon" => {
                    // (If it was answered by then, the unit is still sound, and holds its connection.)
                    drop(futures_util::FutureExt::now_or_never(db.blogs().add("abandoned")));
                    drop(db);
                }
                "poison" => {
                    db.blogs().add(end).await.unwrap_err();
                    drop(db);
                }
                _ => drop(db),
            }
            for _ in 0..500 {
                if pool.size() == 2 && pool.num_idle() == 2 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!((pool.size(), pool.num_idle()), (2, 2), "after {end}");
            all_are_clean(&pool).await.unwrap();
        }
        assert_eq!(lab.blogs().await, ["commit"]);
        pool.close().await;
    }

    async fn thousands_of_cancelled_units_leave_nothing_behind(lab) {
        let seed = Random::seed();
        let (next, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let tasks = (0..TASKS).map(|task| {
            let (pool, next, mut random) = (lab.pool.clone(), Arc::clone(&next), Random::new(seed + task));
            tokio::spawn(async move {
                let mut ends = Vec::new();
                loop {
                    let number = next.fetch_add(1, SeqCst);
                    if number >= UNITS {
                        return ends;
                    }
                    let moment = Duration::from_micros(random.below(3000));
                    let end = match random.below(3) {
                        0 => End::Polls(random.below(14) as u32),
                        1 => End::Moment(moment),
                        _ => End::Abort(moment),
                    };
                    let came = Arc::new(AtomicU8::new(WORKING));
                    let unit = Box::pin(unit::<Db>(pool.clone(), number, random.below(4), Arc::clone(&came)));
                    if let Some(Err(error)) = cancelled(unit, end).await {
                        panic!("unit {number} was not cancelled, and failed: {error}");
                    }
                    ends.push((number, came.load(SeqCst)));
                }
            })
        });
        let ends: Vec<_> = join_all(tasks).await.into_iter().flat_map(|task| task.expect("no unit fails")).collect();
        let (cancelled_in, looked_at) = (began.elapsed(), Instant::now());

        lab.settled().await;
        all_are_clean(&lab.pool).await.unwrap();
        for (number, _) in ends.iter().filter(|(_, came)| *came == COMMITTING) {
            fence(&lab.outside, &rows_of(*number).0).await;
        }
        lab.no_open_transactions().await;

        let mut db = Library::<Db>::new(&lab.pool);
        let names = sqlx::query_scalar::<_, String>("SELECT name FROM blog").fetch_all(db.session()).await.unwrap();
        db.rollback().await.unwrap();
        let names: BTreeSet<String> = names.into_iter().collect();
        let mut counts = [0; 3];
        for (number, came) in &ends {
            let (first, second) = rows_of(*number);
            let stored = (names.contains(&first), names.contains(&second));
            let right = match *came {
                STORED => stored == (true, true),
                COMMITTING => stored.0 == stored.1,
                _ => stored == (false, false),
            };
            assert!(right, "unit {number} came to {came}, of it is stored {stored:?}; seed {seed}");
            counts[usize::from(*came)] += 1;
        }
        assert_eq!(ends.len() as u64, UNITS);
        println!(
            "{}: of {UNITS} units {} were cancelled at work, {} in COMMIT, {} were stored; {cancelled_in:?} and {:?}",
            <Db as sqlx::Database>::NAME, counts[0], counts[1], counts[2], looked_at.elapsed(),
        );
    }
}
