//! A Galera cluster whose three nodes all write: what a unit says of itself is true on every node, conflicts and `kill -9` of
//! a node included.
//!
//! `scripts/clusters` starts the cluster and runs this. `UOW_CLUSTER_UNITS` is how many units have to be `Ok` in each test.

mod conflicts;
mod ledger;
mod outside;
mod work;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, MySql, MySqlPool, raw_sql};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use unit_of_work::{Marker, Verification};
use uow_test_support::{Cluster, pool_options};

use conflicts::Rivals;
use ledger::{Answer, Ledger};
use outside::Outsider;
use work::{Job, SCHEMA, Ways};

/// How many units have to be `Ok`, unless `UOW_CLUSTER_UNITS` says so.
const UNITS: usize = 50_000;

/// How many writers each node has, and connections.
const WRITERS: u32 = 5;

/// How often a node is killed, in the last third of the time.
const BETWEEN_KILLS: Duration = Duration::from_secs(20);

/// How long a killed node stays away: longer than the others take to notice (5 s).
const AWAY: Duration = Duration::from_secs(6);

/// How long a test may take: a cluster that stands still is to be an answer, not a wait.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// One of the tests at a time: both take the cluster apart.
static CLUSTER: Mutex<()> = Mutex::new(());

/// What the writers share.
#[derive(Debug, Default)]
struct Progress {
    begun: AtomicI64,
    ok: AtomicUsize,
    retried: AtomicU64,
    over: AtomicBool,
}

/// Writers on all nodes, each with a unit under way at any moment.
fn write(
    pools: &[MySqlPool],
    verification: Option<&Verification<MySql>>,
    progress: &Arc<Progress>,
) -> JoinSet<Ledger> {
    let mut writers = JoinSet::new();
    for pool in pools {
        for _ in 0..WRITERS {
            let (ways, progress) = (Ways::on(pool, verification.cloned()), Arc::clone(progress));
            writers.spawn(async move {
                let mut ledger = Ledger::default();
                while !progress.over.load(SeqCst) {
                    let job = Job::of(progress.begun.fetch_add(1, SeqCst) + 1);
                    let answer = ways.run(job, &progress.retried).await;
                    match answer {
                        Answer::Stored => _ = progress.ok.fetch_add(1, SeqCst),
                        Answer::NotBegun(_) => sleep(Duration::from_millis(50)).await,
                        _ => {}
                    }
                    ledger.note(job, answer);
                }
                ledger
            });
        }
    }
    writers
}

/// Waits for two thirds of the units, and then kills one node after the other until all are there. Returns how many it killed.
async fn disturb(cluster: &Cluster, progress: &Progress, units: usize) -> u32 {
    let began = Instant::now();
    while progress.ok.load(SeqCst) < units * 2 / 3 {
        sleep(Duration::from_millis(100)).await;
    }
    let quiet = began.elapsed();
    println!(
        "  {} Ok in {} s, and now with a node killed every {BETWEEN_KILLS:?}",
        progress.ok.load(SeqCst),
        quiet.as_secs()
    );
    let mut kills = 0;
    while kills == 0 || progress.ok.load(SeqCst) < units || began.elapsed() < quiet * 3 / 2 {
        let (killed, node) = (Instant::now(), kills as usize % cluster.urls.len());
        cluster.kill9(node).await;
        sleep(AWAY).await;
        cluster.start(node).await;
        println!("  node {} killed, and back after {:.1} s", node + 1, killed.elapsed().as_secs_f32());
        sleep(BETWEEN_KILLS.saturating_sub(killed.elapsed())).await;
        kills += 1;
    }
    kills
}

/// A database of this name on the cluster: for each node how to connect to it.
async fn database(cluster: &Cluster, name: &str) -> Vec<MySqlConnectOptions> {
    let nodes: Vec<MySqlConnectOptions> =
        cluster.urls.iter().map(|url| url.parse().expect("it is a mysql:// URL")).collect();
    let mut connection = nodes[0].connect().await.expect("the node accepts connections");
    let create = format!("DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name}; USE {name}");
    connection.execute(raw_sql(AssertSqlSafe(create))).await.unwrap();
    connection.execute(raw_sql(Marker::<MySql>::MIGRATION)).await.unwrap();
    for statement in SCHEMA {
        connection.execute(raw_sql(*statement)).await.unwrap();
    }
    nodes.into_iter().map(|node| node.database(name)).collect()
}

fn pool() -> MySqlPoolOptions {
    pool_options().max_connections(WRITERS).acquire_timeout(Duration::from_secs(2))
}

/// Runs units on all nodes until so many are `Ok`, the last third of the time while nodes are killed, and then looks on every
/// node at what they said of themselves.
async fn units_tell_the_truth(name: &str, verification: Option<Verification<MySql>>) {
    let units =
        std::env::var("UOW_CLUSTER_UNITS").map_or(UNITS, |units| units.parse().expect("it is a number"));
    let cluster = Cluster::given();
    let nodes = database(&cluster, name).await;
    let pools: Vec<MySqlPool> = nodes.iter().map(|node| pool().connect_lazy_with(node.clone())).collect();

    let (began, progress) = (Instant::now(), Arc::<Progress>::default());
    println!("{name}:");
    let writers = write(&pools, verification.as_ref(), &progress);
    let kills = disturb(&cluster, &progress, units).await;
    progress.over.store(true, SeqCst);
    let mut ledger = Ledger::default();
    writers.join_all().await.into_iter().for_each(|written| ledger.add(written));
    ledger.print();
    println!(
        "  {:>8} retried by `run`; {} s, {kills} kills",
        progress.retried.load(SeqCst),
        began.elapsed().as_secs()
    );

    let mut connections: Vec<MySqlConnection> = Vec::new();
    for node in &nodes {
        connections.push(node.connect().await.expect("the node accepts connections"));
    }
    let untrue = ledger.untrue(&mut connections, verification.is_some()).await;
    assert!(untrue.is_empty(), "{}", untrue.join("\n"));
}

/// Runs a story in a runtime of its own, and no other beside it.
fn alone(story: impl Future<Output = ()>) {
    let _alone = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        timeout(LIMIT, story).await.unwrap_or_else(|_| panic!("it was not over after {LIMIT:?}"));
    });
}

#[test]
#[ignore = "needs a Galera cluster: run scripts/clusters"]
fn a_conflict_is_rolled_back_and_transient_wherever_the_unit_comes_to_know_of_it() {
    alone(async {
        let nodes = database(&Cluster::given(), "conflicts").await;
        let pool = |node: &MySqlConnectOptions| pool().connect_lazy_with(node.clone());
        let rivals = Rivals { unit: pool(&nodes[0]), faster: pool(&nodes[1]) };
        let failures = rivals.failures().await;
        assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    });
}

#[test]
#[ignore = "needs a Galera cluster: run scripts/clusters"]
fn a_node_that_is_not_in_the_cluster_is_transient_and_run_waits_for_it() {
    alone(async {
        let nodes = database(&Cluster::given(), "outside").await;
        let pool = || pool().connect_lazy_with(nodes[0].clone());
        let outsider = Outsider { pool: pool(), admin: pool() };
        outsider.is_told_at_begin().await;
        outsider.is_told_at_a_statement().await;
        outsider.is_told_at_commit().await;
        outsider.is_waited_for_by_run().await;
    });
}

#[test]
#[ignore = "needs a Galera cluster: run scripts/clusters"]
fn what_a_unit_says_of_itself_is_true_on_every_node() {
    alone(units_tell_the_truth("without_marker", None));
}

#[test]
#[ignore = "needs a Galera cluster: run scripts/clusters"]
fn with_a_marker_nothing_is_unknown_and_each_marker_has_its_unit() {
    let marker = Verification::marker().within(Duration::from_secs(120));
    alone(units_tell_the_truth("with_marker", Some(marker)));
}
