//! `kill -9` of the server, again and again, while units begin, write and commit on it: what a unit says of itself is true.
//!
//! The server is the test's own; the lab's is left alone.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use sqlx::pool::Pool;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use unit_of_work::{Marker, Retry, Verification};
use uow_test_support::{OwnServer, schema, servers};

/// How many units are run, at the least: they go on until the last kill.
const UNITS: usize = 200;

/// How many are under way at any moment, so that a kill meets some before, some in and some after their COMMIT.
const TASKS: u32 = 8;

/// How often the server is killed.
const KILLS: u32 = 5;

/// How many units the server has to store before it is killed the next time.
const BETWEEN_KILLS: usize = 20;

/// How long a test may take, which takes seconds: a server that stays down is to be an answer, not a wait.
const LIMIT: Duration = Duration::from_secs(180);

/// What the units said of themselves, by their names.
#[derive(Debug, Default)]
struct Told {
    stored: Vec<String>,
    rolled_back: Vec<String>,
    unknown: Vec<String>,
}

impl Told {
    fn note(&mut self, name: String, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) => self.stored.push(name),
            Err(error) if error.is_outcome_unknown() => self.unknown.push(name),
            Err(error) if error.is_rolled_back() || error.is_transient() => self.rolled_back.push(name),
            Err(error) => panic!("unit {name}: {error}"),
        }
    }

    fn add(&mut self, other: Self) {
        self.stored.extend(other.stored);
        self.rolled_back.extend(other.rolled_back);
        self.unknown.extend(other.unknown);
    }
}

/// Runs units, each with a name of its own, while their server is killed and started again.
async fn killed_meanwhile<F>(server: &OwnServer, unit: impl Fn(String) -> F + Clone + Send + 'static) -> Told
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (begun, stored) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let last_kill = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (begun, stored, last_kill) = (Arc::clone(&begun), Arc::clone(&stored), Arc::clone(&last_kill));
        let unit = unit.clone();
        tasks.spawn(async move {
            let mut told = Told::default();
            loop {
                let number = begun.fetch_add(1, SeqCst);
                if number >= UNITS && last_kill.load(SeqCst) {
                    return told;
                }
                let name = format!("{number:06}");
                let outcome = unit(name.clone()).await;
                stored.fetch_add(outcome.is_ok().into(), SeqCst);
                told.note(name, outcome);
            }
        });
    }
    for _ in 0..KILLS {
        let enough = stored.load(SeqCst) + BETWEEN_KILLS;
        while stored.load(SeqCst) < enough {
            sleep(Duration::from_millis(5)).await;
        }
        server.kill9().await;
        server.start().await;
    }
    last_kill.store(true, SeqCst);
    tasks.join_all().await.into_iter().fold(Told::default(), |mut all, told| {
        all.add(told);
        all
    })
}

/// A pool on the server, whose tables are made.
async fn pool_on<DB: Engine>(server: &OwnServer) -> Pool<DB> {
    let pool =
        uow_test_support::pool_options().max_connections(TASKS).acquire_timeout(Duration::from_secs(5));
    let pool = pool.connect(&server.url).await.expect("the server accepts connections");
    DB::script(&pool, &schema::<DB>()).await;
    pool
}

/// Ends a test that takes too long; its server is taken down then as it is at its end.
async fn in_time(story: impl Future<Output = ()>) {
    timeout(LIMIT, story).await.unwrap_or_else(|_| panic!("it was not over after {LIMIT:?}"));
}

servers! {
    async fn what_a_unit_says_of_itself_is_true_whenever_its_server_is_killed(_lab) {
        in_time(async {
            let server = OwnServer::up::<Db>().await;
            let pool = pool_on::<Db>(&server).await;
            let options = Library::options(&pool);
            let told = killed_meanwhile(&server, move |name| {
                let options = options.clone();
                async move {
                    let write = options.run(async |db| {
                        let blog = db.blogs().add(&name).await?;
                        db.posts().add(blog, &name).await?;
                        Ok(())
                    });
                    write.await
                }
            })
            .await;
            let blogs = Db::texts(&pool, "SELECT name FROM blog ORDER BY name").await;
            let posts = Db::texts(&pool, "SELECT title FROM post ORDER BY title").await;
            assert_eq!(blogs, posts, "each is stored whole or not at all");
            let is_stored = |name: &String| blogs.binary_search(name).is_ok();
            assert!(told.stored.iter().all(is_stored), "every Ok is stored");
            assert!(!told.rolled_back.iter().any(is_stored), "what was rolled back is not");
            let unknown = told.unknown.iter().filter(|name| is_stored(name)).count();
            assert_eq!(blogs.len(), told.stored.len() + unknown, "and nothing else is stored");
            println!(
                "{} stored, {} rolled back, {} unknown, {unknown} of them stored",
                told.stored.len(), told.rolled_back.len(), told.unknown.len(),
            );
            assert!(told.stored.len() + told.rolled_back.len() + told.unknown.len() >= UNITS);
            assert!(!told.rolled_back.is_empty(), "a kill hit units before COMMIT");
        })
        .await;
    }

    async fn with_verification_and_retry_each_unit_runs_exactly_once_whenever_its_server_is_killed(_lab) {
        in_time(async {
            let server = OwnServer::up::<Db>().await;
            let pool = pool_on::<Db>(&server).await;
            Marker::create_table(&pool).await.unwrap();
            let options = Library::options(&pool)
                .retry(Retry::attempts(1000).backoff(Duration::from_millis(2), Duration::from_millis(50)))
                .verify(Verification::marker().within(LIMIT));
            let told = killed_meanwhile(&server, move |name| {
                let options = options.clone();
                async move {
                    // Without a key that is taken the second time, so that a unit that ran twice would be seen.
                    let write = options.run(async |db| {
                        db.posts().add(1, &name).await?;
                        db.posts().add(2, &name).await?;
                        Ok(())
                    });
                    write.await
                }
            })
            .await;
            assert_eq!((&told.unknown, &told.rolled_back), (&vec![], &vec![]));
            let posts = Db::texts(&pool, "SELECT title FROM post ORDER BY title").await;
            let mut twice: Vec<String> = [told.stored.clone(), told.stored].concat();
            twice.sort();
            assert_eq!(posts, twice, "both of its rows, once");
        })
        .await;
    }
}
