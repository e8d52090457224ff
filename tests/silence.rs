//! A network that swallows everything, at each kind of await: what waits comes to an end, the pool is whole again, and nobody is
//! told that something is stored that is not.

mod common;

use std::time::{Duration, Instant};

use common::*;
use sqlx::Pool;
use sqlx::pool::PoolOptions;
use tokio::time::{sleep, timeout};
use unit_of_work::{Entities, Marker, Retry, Verification};
use uow_test_support::{Proxy, Trigger, servers};

/// How long a unit may take in these tests.
const DEADLINE: Duration = Duration::from_millis(500);

/// How long behind the deadline the pool may lack a place.
const RECOVERY: Duration = Duration::from_secs(5);

/// The first text of a transaction.
fn begin<DB: Engine>() -> &'static str {
    if DB::NAME == "PostgreSQL" { "BEGIN" } else { "START TRANSACTION" }
}

/// What a pool sends to see whether a connection is alive.
fn ping<DB: Engine>() -> &'static [u8] {
    if DB::NAME == "PostgreSQL" { b"S\0\0\0\x04" } else { b"\x01\0\0\0\x0e" }
}

fn before(text: &str) -> Trigger {
    Trigger::BeforeServerSees(text.into())
}

fn behind(text: &str) -> Trigger {
    Trigger::BeforeClientHears(text.into())
}

/// A pool of two connections through a relay.
async fn relayed<DB: Engine>(lab: &Lab<DB>) -> (Pool<DB>, Proxy) {
    let proxy = Proxy::to(DB::server(&lab.connect).expect("the engine has a server")).await;
    let pool = PoolOptions::new()
        .max_connections(2)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(1))
        .connect_lazy_with(DB::via(&lab.connect, proxy.address));
    (pool, proxy)
}

/// Waits until the pool lends all of its connections, and fails if that takes longer than it may.
async fn is_whole<DB: Engine>(pool: &Pool<DB>, since: Instant) {
    loop {
        if let (Ok(_one), Ok(_other)) = tokio::join!(pool.acquire(), pool.acquire()) {
            break;
        }
        assert!(since.elapsed() < RECOVERY, "a place of the pool is lost");
    }
    assert!(since.elapsed() < RECOVERY, "{:?}", since.elapsed());
}

/// Ends within this time, or fails.
async fn soon<T>(limit: Duration, story: impl Future<Output = T>) -> T {
    timeout(limit, story).await.unwrap_or_else(|_| panic!("it still waits after {limit:?}"))
}

servers! {
    async fn a_connection_that_falls_silent_on_its_way_back_gives_its_place_free(lab) {
        let (pool, proxy) = relayed(lab).await;
        for (name, ends) in [("committed", true), ("rolled back", false)] {
            let mut db = Library::new(&pool);
            db.blogs().add(name).await.unwrap();
            proxy.swallow(Trigger::BeforeServerSees(ping::<Db>().to_vec()));
            if ends { db.commit().await.unwrap() } else { db.rollback().await.unwrap() }
            is_whole(&pool, Instant::now()).await;
        }
        assert_eq!(lab.blogs().await, ["committed"]);
    }

    async fn a_begin_that_nobody_answers_ends_and_run_goes_on_with_another_connection(lab) {
        let (pool, proxy) = relayed(lab).await;
        let mut calls = 0;
        proxy.swallow(before(begin::<Db>()));
        let error = soon(RECOVERY, Library::begin(&pool)).await.unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("BEGIN was not answered"), "{error}");
        is_whole(&pool, Instant::now()).await;
        proxy.swallow(before(begin::<Db>()));
        let retry = Retry::attempts(2);
        let options = Library::options(&pool).retry(retry);
        soon(RECOVERY, options.run(async |db| db.blogs().add("second try").await)).await.unwrap();
        calls += lab.blogs().await.len();
        assert_eq!(calls, 1);
        is_whole(&pool, Instant::now()).await;
    }

    async fn a_statement_that_nobody_answers_ends_at_the_deadline(lab) {
        let (pool, proxy) = relayed(lab).await;
        for trigger in [before("INSERT INTO blog"), behind("INSERT INTO blog"), before("SAVEPOINT uow_1")] {
            proxy.swallow(trigger);
            let began = Instant::now();
            let options = Library::options(&pool).deadline(DEADLINE);
            let cut: Result<(), Error> = soon(RECOVERY, options.run(async |db| {
                db.session().execute("SELECT 1").await?;
                db.savepoint(async |db| {
                    db.session().execute("INSERT INTO blog (name) VALUES ('never')").await?;
                    Ok::<_, Error>(())
                }).await
            })).await;
            let error = cut.unwrap_err();
            assert!(error.is_rolled_back(), "{error}");
            is_whole(&pool, began + DEADLINE).await;
        }
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn the_end_of_a_scope_that_nobody_answers_ends_too(lab) {
        let (pool, proxy) = relayed(lab).await;
        for (deadline, ok, text) in [
            (true, true, "RELEASE SAVEPOINT uow_1"), (false, true, "RELEASE SAVEPOINT uow_1"),
            (false, true, "SAVEPOINT uow_1"),
            (true, false, "ROLLBACK TO SAVEPOINT uow_1"), (false, false, "ROLLBACK TO SAVEPOINT uow_1"),
        ] {
            let mut options = Library::options(&pool);
            options = if deadline { options.deadline(DEADLINE) } else { options.commit_timeout(DEADLINE) };
            proxy.swallow(before(text));
            let began = Instant::now();
            let ended: Result<(), Error> = soon(RECOVERY, options.run(async |db| {
                // So that the savepoint is a message of its own.
                db.session().execute("SELECT 1").await?;
                let scope: Result<(), Error> = db.savepoint(async |db| {
                    db.blogs().add("never").await?;
                    if ok { Ok(()) } else { Err(Error::Busy) }
                }).await;
                assert!(scope.is_err());
                Ok(())
            })).await;
            let error = ended.unwrap_err();
            assert!(error.is_rolled_back(), "{error}");
            is_whole(&pool, began + DEADLINE).await;
        }
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_rollback_that_nobody_answers_ends_too(lab) {
        let (pool, proxy) = relayed(lab).await;
        let mut db = Library::options(&pool).deadline(DEADLINE).build().unwrap();
        db.blogs().add("never").await.unwrap();
        proxy.swallow(before("ROLLBACK"));
        let began = Instant::now();
        // The server is told on another connection.
        soon(RECOVERY, db.rollback()).await.unwrap();
        is_whole(&pool, began + DEADLINE).await;
        pool.close().await;
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_commit_that_nobody_answers_is_unknown_in_time(lab) {
        let (pool, proxy) = relayed(lab).await;
        for (name, deadline, trigger) in [
            ("a", true, before("COMMIT")), ("b", false, before("COMMIT")),
            ("stored", true, behind("COMMIT")), ("stored too", false, behind("COMMIT")),
        ] {
            let options = Library::options(&pool);
            let options = if deadline { options.deadline(DEADLINE) } else { options.commit_timeout(DEADLINE) };
            let mut db = options.build().unwrap();
            let began = Instant::now();
            db.blogs().add(name).await.unwrap();
            proxy.swallow(trigger);
            let error = soon(RECOVERY, db.commit()).await.unwrap_err();
            assert!(error.is_outcome_unknown(), "{error}");
            assert!(error.to_string().contains("COMMIT was not answered within"), "{error}");
            is_whole(&pool, began + DEADLINE).await;
        }
        // The transactions whose COMMIT was swallowed are ended, and hold no lock.
        pool.close().await;
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs_when(2).await, ["stored", "stored too"]);
    }

    async fn with_verification_a_commit_that_nobody_answers_is_settled(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        let (pool, proxy) = relayed(lab).await;
        for (name, trigger, attempts) in [("a", before("COMMIT"), 2), ("b", behind("COMMIT"), 1)] {
            let calls = std::sync::atomic::AtomicU32::new(0);
            proxy.swallow(trigger);
            let began = Instant::now();
            let options = Library::options(&pool).deadline(DEADLINE).retry(Retry::attempts(3));
            let options = options.verify(Verification::marker());
            soon(Duration::from_secs(8), options.run(async |db| {
                calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                db.blogs().add(name).await
            })).await.unwrap();
            assert_eq!(calls.into_inner(), attempts);
            println!("{name}: settled after {:?}", began.elapsed());
            is_whole(&pool, Instant::now()).await;
        }
        assert_eq!(lab.blogs().await, ["a", "b"]);
    }

    async fn a_marker_that_nobody_answers_leaves_nothing(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        let (pool, proxy) = relayed(lab).await;
        let mut db = Library::options(&pool)
            .deadline(DEADLINE)
            .verify(Verification::marker())
            .build()
            .unwrap();
        let began = Instant::now();
        db.blogs().add("never").await.unwrap();
        proxy.swallow(Trigger::BeforeServerSees(b"uow_marker (id".to_vec()));
        let error = soon(Duration::from_secs(8), db.commit()).await.unwrap_err();
        assert!(error.is_rolled_back(), "{error}");
        assert!(error.is_transient(), "{error}");
        is_whole(&pool, began + Duration::from_secs(3)).await;
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_verification_that_nobody_answers_ends_too(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        let (pool, proxy) = relayed(lab).await;
        let within = Duration::from_secs(2);
        let mut db = Library::options(&pool)
            .deadline(DEADLINE)
            .verify(Verification::marker().within(within))
            .build()
            .unwrap();
        db.blogs().add("never").await.unwrap();
        proxy.swallow(before("COMMIT"));
        let began = Instant::now();
        let silence = async {
            sleep(DEADLINE / 2).await;
            proxy.silence_all();
        };
        let (committed, ()) = tokio::join!(soon(Duration::from_secs(10), db.commit()), silence);
        let error = committed.unwrap_err();
        assert!(error.is_outcome_unknown(), "{error}");
        println!("unknown after {:?}", began.elapsed());
        proxy.speak();
        is_whole(&pool, Instant::now()).await;
        // The server ends what it waits for in vain, by the deadline in BEGIN's message or because it is told when asked again.
        let again = soon(Duration::from_secs(10), db.commit()).await;
        assert!(again.unwrap_err().is_rolled_back());
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_commit_cut_off_from_outside_can_be_asked_about_again(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        let (pool, proxy) = relayed(lab).await;
        for (name, trigger, stored) in [("never", before("COMMIT"), false), ("stored", behind("COMMIT"), true)] {
            let mut db = Library::options(&pool).verify(Verification::marker()).build().unwrap();
            db.blogs().add(name).await.unwrap();
            proxy.swallow(trigger);
            assert!(timeout(Duration::from_millis(200), db.commit()).await.is_err());
            assert_eq!(db.session().state(), SessionState::Unknown);
            let again = soon(Duration::from_secs(8), db.commit()).await;
            match stored {
                true => again.unwrap(),
                false => assert!(again.unwrap_err().is_rolled_back()),
            }
            db.rollback().await.unwrap();
            assert_eq!(db.session().state(), SessionState::Idle);
        }
        assert_eq!(lab.blogs().await, ["stored"]);
        is_whole(&pool, Instant::now()).await;
    }

    async fn a_lone_statement_that_nobody_answers_ends_too(lab) {
        let (pool, proxy) = relayed(lab).await;
        lab.script("INSERT INTO blog (name) VALUES ('there')").await;
        let mut blog = Blog { id: 1, name: String::new(), version: 0 };
        let mut db = Library::options(&pool).deadline(DEADLINE).build().unwrap();
        proxy.swallow(before("SELECT"));
        let began = Instant::now();
        assert!(soon(RECOVERY, db.refresh(&mut blog)).await.is_err());
        is_whole(&pool, began + DEADLINE).await;

        let mut db = Shelf::<Db>::options(&pool).commit_timeout(DEADLINE).build().unwrap();
        let blogs: &mut Entities<Blog, Db> = db.blogs();
        blogs.add(Blog { id: 0, name: "alone".into(), version: 0 }).unwrap();
        proxy.swallow(before("INSERT INTO"));
        let began = Instant::now();
        if <Db as sqlx::Database>::NAME == "PostgreSQL" {
            let error = soon(RECOVERY, db.commit()).await.unwrap_err();
            assert!(error.is_outcome_unknown(), "{error}");
            is_whole(&pool, began + DEADLINE).await;
            assert_eq!(lab.blogs().await, ["there"]);
        }
    }

    async fn a_schema_check_that_nobody_answers_ends_too(lab) {
        let (pool, proxy) = relayed(lab).await;
        drop(pool.acquire().await.unwrap());
        sleep(Duration::from_millis(50)).await;
        proxy.swallow(before(if <Db as sqlx::Database>::NAME == "PostgreSQL" { "pg_" } else { "information_schema" }));
        let error = soon(Duration::from_secs(25), Shelf::<Db>::check_schema(&pool)).await.unwrap_err();
        assert!(error.to_string().contains("was not answered within"), "{error}");
    }
}
