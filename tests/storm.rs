//! Units that are given up while the server works for them do not fill the server, and hold no lock for long.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::*;
use tokio::time::{sleep, timeout};
use uow_test_support::servers;

/// How many connections the pool has.
const POOL: u32 = 10;

/// How long a request waits for its answer before it gives up.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long the storm lasts: ten requests every 250 ms.
const ROUNDS: u32 = 16;

/// How many sessions the server has for this lab, but for those that look on.
async fn sessions<DB: Engine>(lab: &Lab<DB>) -> usize {
    let text = match DB::NAME {
        "PostgreSQL" => format!(
            "SELECT pid::text FROM pg_stat_activity WHERE application_name = '{}' AND pid <> pg_backend_pid()",
            lab.name
        ),
        _ => format!(
            "SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE db = '{}' AND id <> connection_id()",
            lab.name
        ),
    };
    DB::texts(&lab.outside, &text).await.len()
}

/// How long somebody else waits for the row.
async fn wait_for_row<DB: Engine>(lab: &Lab<DB>) -> Duration {
    let began = Instant::now();
    lab.script("UPDATE blog SET version = version + 100 WHERE name = 'hot'").await;
    began.elapsed()
}

/// A statement that takes much longer than anybody waits.
fn long_statement<DB: Engine>(lab: &Lab<DB>) -> &'static str {
    match DB::NAME {
        "PostgreSQL" => "SELECT pg_sleep(20)",
        _ if lab.mariadb => "SELECT count(*) FROM seq_1_to_10000000000 WHERE seq % 7 = 3",
        _ => "SELECT sleep(20)",
    }
}

servers! {
    async fn cancelling_does_not_fill_the_server(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('hot')").await;
        let pool = lab.pool_of(POOL).await;
        let idle = sessions(lab).await - 1;
        let mut holder = Library::new(&lab.pool);
        holder.session().execute("UPDATE blog SET version = 1").await.unwrap();
        let gave_up = Arc::new(AtomicUsize::new(0));
        let (mut most, mut tasks) = (0, Vec::new());
        for _ in 0..ROUNDS {
            for _ in 0..POOL {
                let (pool, gave_up) = (pool.clone(), Arc::clone(&gave_up));
                tasks.push(tokio::spawn(async move {
                    let mut db = Library::new(&pool);
                    let request = async {
                        db.session().execute("UPDATE blog SET version = version + 1").await?;
                        db.commit().await
                    };
                    let outcome = timeout(PATIENCE, request).await;
                    gave_up.fetch_add(usize::from(outcome.is_err()), SeqCst);
                }));
            }
            for _ in 0..5 {
                sleep(PATIENCE / 5).await;
                most = most.max(sessions(lab).await - idle);
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
        let gave_up = gave_up.load(SeqCst);
        println!("{gave_up} of {} gave up; at most {most} connections for a pool of {POOL}", ROUNDS * POOL);
        assert!(most <= POOL as usize + 2, "{most} connections");
        assert!(gave_up >= POOL as usize, "{gave_up}");

        // What is left of them goes away, and the pool is whole.
        holder.rollback().await.unwrap();
        let began = Instant::now();
        let all = futures_util::future::join_all((0..POOL).map(|_| pool.acquire())).await;
        assert!(all.iter().all(Result::is_ok), "the pool has all of its places");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        drop(all);
        let version = Db::texts(&lab.outside, "SELECT CAST(version AS CHAR(9)) FROM blog").await;
        assert_eq!(version[0].trim(), "0", "nothing of what was given up is stored");
        pool.close().await;
    }

    async fn a_row_locked_by_a_cancelled_unit_is_free_at_once(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('hot')").await;
        let long = long_statement(lab);
        for rolls_back in [true, false] {
            let mut db = Library::new(&lab.pool);
            db.session().execute("UPDATE blog SET version = 1").await.unwrap();
            assert!(timeout(PATIENCE, db.session().execute(long)).await.is_err());
            let began = Instant::now();
            if rolls_back {
                db.rollback().await.unwrap();
                let rolled_back = began.elapsed();
                assert!(wait_for_row(lab).await < Duration::from_millis(100), "Ok means that the locks are gone");
                assert!(rolled_back < Duration::from_millis(250), "{rolled_back:?}");
            } else {
                drop(db);
                wait_for_row(lab).await;
            }
            println!("free after {:?}", began.elapsed());
            assert!(began.elapsed() < Duration::from_millis(250), "{:?}", began.elapsed());
        }
        lab.settled().await;
    }

    async fn a_unit_cut_off_by_its_deadline_holds_no_lock(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('hot')").await;
        let long = long_statement(lab);
        let cut: Result<(), Error> = Library::options(&lab.pool)
            .deadline(Duration::from_millis(400))
            .run(async |db| {
                db.session().execute("UPDATE blog SET version = 1").await?;
                db.session().execute(long).await?;
                Ok(())
            })
            .await;
        assert!(matches!(cut.unwrap_err().cause(), Some(Cause::DeadlineExceeded)));
        assert!(wait_for_row(lab).await < Duration::from_millis(250));
    }

    async fn the_server_gives_up_by_itself_where_it_cannot_be_told(lab) {
        // The deadline is in BEGIN's message; nothing but that reaches the server.
        lab.script("INSERT INTO blog (name) VALUES ('hot')").await;
        let (pool, proxy) = lab.through_proxy(1).await;
        let long = long_statement(lab);
        let mut db = Library::options(&pool).deadline(Duration::from_millis(500)).build().unwrap();
        db.session().execute("UPDATE blog SET version = 1").await.unwrap();
        let statement = db.session().execute(long);
        let silence = async {
            sleep(Duration::from_millis(200)).await;
            proxy.silence_all();
        };
        let (cut, ()) = tokio::join!(statement, silence);
        assert!(cut.is_err());
        let told = Instant::now();
        let error = db.rollback().await.unwrap_err();
        assert!(error.is_rolled_back() && matches!(error.cause(), Some(Cause::NotTold)), "{error}");
        assert!(told.elapsed() < Duration::from_secs(4), "{:?}", told.elapsed());
        assert!(wait_for_row(lab).await < Duration::from_secs(3));
        assert_eq!(db.session().state(), SessionState::Idle);
    }
}

/// SQLite has no server to tell, and sqlx no way to interrupt a statement: it runs to its end, and then the unit is undone.
mod sqlite {
    use super::*;
    use sqlx::{Pool, Sqlite};
    use uow_test_support::claim;

    /// Writes nothing, and takes a good while.
    const LONG: &str = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 500000) SELECT count(*) FROM c";

    /// How long the next writer waits behind a unit that was cut off.
    async fn next_writer(pool: &Pool<Sqlite>, cut: impl Future<Output = ()>) -> Duration {
        timeout(Duration::from_millis(50), cut).await.expect_err("it takes longer");
        let began = Instant::now();
        pool.execute("UPDATE blog SET version = version + 100").await.unwrap();
        began.elapsed()
    }

    claim! { Sqlite, the_next_writer_waits_no_longer_than_with_plain_sqlx, lab, {
        lab.script("INSERT INTO blog (name) VALUES ('hot')").await;
        let pool = lab.pool_of(2).await;
        let (mut units, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let mut db = Library::new(&pool);
            units.push(next_writer(&pool, async {
                db.session().execute("UPDATE blog SET version = 1").await.unwrap();
                db.session().execute(LONG).await.unwrap();
            }).await);
            drop(db);
            let mut tx = Some(pool.begin_with("BEGIN IMMEDIATE").await.unwrap());
            let cut = async {
                let mut tx = tx.take().unwrap();
                tx.execute("UPDATE blog SET version = 1").await.unwrap();
                tx.execute(LONG).await.unwrap();
            };
            plain.push(next_writer(&pool, cut).await);
        }
        units.sort();
        plain.sort();
        println!("medians: {:?} behind a unit, {:?} behind plain sqlx", units[2], plain[2]);
        // SQLite's busy handler sleeps for 100 ms at a time.
        assert!(units[2] <= plain[2] * 2 + Duration::from_millis(300), "{units:?}, {plain:?}");
    } }
}
