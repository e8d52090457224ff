//! Many programs at once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use sqlx::Pool;
use unit_of_work::Marker;
use uow_test_support::Lab;

use super::outside::{all_are_clean, pool};
use super::play::{Place, Stop, play};
use super::program::{Program, Units};
use super::random::Random;
use super::unit::{TABLE, Target};

/// How many programs run at a time.
const WORKERS: usize = 8;
/// How many there are, if nobody says otherwise; and of one that is run again.
const PROGRAMS: u64 = 2000;
const REPEATED: u64 = 200;
/// A program that takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);

/// What is run, and how far it has come.
#[derive(Debug)]
struct Run {
    seed: Option<u64>,
    programs: u64,
    next: AtomicU64,
    first: u64,
    /// Whether an INSERT can return rows.
    returning: bool,
    /// How many programs came to nothing.
    deadlocks: AtomicU64,
}

/// Runs programs until there are enough, or one shows a lie.
pub(crate) async fn torture<T: Target>(lab: &Lab<T>) {
    let number = |variable: &str| {
        let text = std::env::var(variable).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{variable} is a number")))
    };
    let seed = number("UOW_MODEL_SEED");
    let programs = number("UOW_MODEL_PROGRAMS").unwrap_or(if seed.is_some() { REPEATED } else { PROGRAMS });
    let (next, deadlocks) = Default::default();
    let (first, returning) = (Random::seed(), lab.has_returning());
    let run = Arc::new(Run { seed, programs, next, first, returning, deadlocks });
    if T::SHARED {
        prepare(&lab.outside, programs).await;
    }
    let began = Instant::now();
    let workers = (0..WORKERS).map(|worker| {
        let connect = T::of_worker(&lab.connect, worker);
        tokio::spawn(work::<T>(connect, Arc::clone(&run)))
    });
    for worker in join_all(workers).await {
        if let Err(report) = worker.expect("a worker catches a program's panics") {
            panic!("{report}");
        }
    }
    let deadlocks = run.deadlocks.load(Ordering::Relaxed);
    assert!(deadlocks <= 1 + programs / 100, "{deadlocks} of {programs} programs came to nothing");
    println!("{}: {programs} programs in {:?}, from seed {}", T::NAME, began.elapsed(), run.first);
}

/// Makes the tables. Each program's rows are fenced in, so that MariaDB's gap locks do not reach those of its neighbours.
async fn prepare<T: Target>(pool: &Pool<T>, programs: u64) {
    T::execute(pool, TABLE.into()).await;
    Marker::create_table(pool).await.expect("the table of markers can be made");
    let numbers: Vec<_> = (0..programs).collect();
    for numbers in numbers.chunks(1000) {
        let fences = numbers.iter().map(|number| format!("({number}, -1, 0), ({number}, 1000, 0)"));
        let fences = fences.collect::<Vec<_>>().join(", ");
        T::execute(pool, format!("INSERT INTO cell (program, slot, value) VALUES {fences}")).await;
    }
}

async fn work<T: Target>(
    connect: <T::Connection as sqlx::Connection>::Options,
    run: Arc<Run>,
) -> Result<(), String> {
    let (units, outside) = (pool::<T>(&connect, 2), pool::<T>(&connect, 1));
    if !T::SHARED {
        prepare(&outside, 0).await;
    }
    loop {
        let at = run.next.fetch_add(1, Ordering::Relaxed);
        if at >= run.programs {
            break;
        }
        let program = Program::draw(run.seed.unwrap_or(run.first.wrapping_add(at)));
        let place = Place::new(units.clone(), outside.clone(), at as i64, program.units, run.returning);
        let playing = AssertUnwindSafe(play(&place, &program)).catch_unwind();
        let outcome = match tokio::time::timeout(HANGS, playing).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Stop::Lie("it panicked".into())),
            Err(_) => Err(Stop::Lie(format!("it hangs, for {HANGS:?}"))),
        };
        if let Err(Stop::UnseenDeadlock) = outcome {
            run.deadlocks.fetch_add(1, Ordering::Relaxed);
        }
        if let Err(Stop::Lie(lie)) = outcome {
            run.next.store(run.programs, Ordering::Relaxed);
            return Err(format!(
                "{lie}\n\nin program {seed} on {engine}\n{program}\nwhich did\n    {trace}\n\nagain: UOW_MODEL_SEED={seed} \
                 cargo test --test model",
                seed = program.seed,
                engine = T::NAME,
                trace = place.trace(),
            ));
        }
        if matches!(program.units, Units::Isolated | Units::Timeouts) {
            all_are_clean(&units).await?;
        }
    }
    all_are_clean(&units).await?;
    units.close().await;
    outside.close().await;
    Ok(())
}
