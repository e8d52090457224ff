//! A server that hangs, as under SIGSTOP: no unit waits for it for longer than it may, and what it says of itself is true.
//!
//! The server is the test's own; the lab's is left alone.

mod common;

use std::time::{Duration, Instant};

use common::*;
use sqlx::pool::{Pool, PoolOptions};
use tokio::time::timeout;
use unit_of_work::{Marker, Retry, Verification};
use uow_test_support::{OwnServer, schema, servers};

const DEADLINE: Duration = Duration::from_secs(1);

async fn pool_on<DB: Engine>(server: &OwnServer) -> Pool<DB> {
    let pool = PoolOptions::new()
        .max_connections(4)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(3));
    let pool = pool.connect(&server.url).await.expect("the server accepts connections");
    DB::script(&pool, &schema::<DB>()).await;
    Marker::create_table(&pool).await.unwrap();
    pool
}

/// Ends within this time, or fails.
async fn soon<T>(limit: Duration, story: impl Future<Output = T>) -> T {
    timeout(limit, story).await.unwrap_or_else(|_| panic!("it still waits after {limit:?}"))
}

servers! {
    async fn no_unit_waits_for_a_server_that_hangs(_lab) {
        let server = OwnServer::up::<Db>().await;
        let pool = pool_on::<Db>(&server).await;
        let options = Library::options(&pool).deadline(DEADLINE);
        let mut unknown = Vec::new();

        // At a statement.
        let mut db = options.build().unwrap();
        db.blogs().add("statement").await.unwrap();
        server.freeze().await;
        let began = Instant::now();
        assert!(soon(DEADLINE + Duration::from_secs(1), db.blogs().add("never")).await.is_err());
        let error = soon(Duration::from_secs(4), db.commit()).await.unwrap_err();
        assert!(matches!(error.cause(), Some(Cause::DeadlineExceeded)), "{error}");
        println!("statement: {:?}", began.elapsed());
        server.thaw().await;

        // At COMMIT, with a deadline and without.
        for (name, options) in [
            ("deadline", options.clone()),
            ("commit_timeout", Library::options(&pool).commit_timeout(DEADLINE)),
        ] {
            let mut db = options.build().unwrap();
            db.blogs().add(name).await.unwrap();
            server.freeze().await;
            let began = Instant::now();
            let error = soon(DEADLINE + Duration::from_secs(2), db.commit()).await.unwrap_err();
            assert!(error.is_outcome_unknown(), "{error}");
            println!("commit with {name}: unknown after {:?}", began.elapsed());
            unknown.push(name);
            server.thaw().await;
        }

        // With verification the server is asked while it hangs, and once more when it is back.
        let verified = options.clone().verify(Verification::marker().within(Duration::from_secs(2)));
        let mut db = verified.build().unwrap();
        db.blogs().add("verified").await.unwrap();
        server.freeze().await;
        let error = soon(Duration::from_secs(9), db.commit()).await.unwrap_err();
        // On MySQL the marker goes before COMMIT, which was not sent then.
        let postgres = <Db as sqlx::Database>::NAME == "PostgreSQL";
        assert!(if postgres { error.is_outcome_unknown() } else { error.is_rolled_back() }, "{error}");
        server.thaw().await;
        let settled = soon(Duration::from_secs(5), db.commit()).await;
        let stored = Db::texts(&pool, "SELECT name FROM blog ORDER BY name").await;
        match &settled {
            Ok(()) => assert!(stored.iter().any(|name| name == "verified")),
            Err(error) => {
                assert!(error.is_rolled_back(), "{error}");
                assert!(!stored.iter().any(|name| name == "verified"));
            }
        }

        // In `run`, a server that is back in time costs nobody a unit.
        server.freeze().await;
        let thaw = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            server.thaw().await;
        };
        let patient = Library::options(&pool).retry(Retry::attempts(5)).verify(Verification::marker());
        let (ran, ()) = tokio::join!(patient.run(async |db| db.blogs().add("run").await), thaw);
        ran.unwrap();
        let stored = Db::texts(&pool, "SELECT name FROM blog ORDER BY name").await;
        assert!(!stored.iter().any(|name| name == "statement" || name == "never"), "{stored:?}");
        assert_eq!(stored.iter().filter(|name| *name == "run").count(), 1);
        println!("unknown: {unknown:?}; stored: {stored:?}; asked again: {settled:?}");

        // The pool lends all of its places.
        let all = futures_util::future::join_all((0..4).map(|_| pool.acquire()));
        assert!(soon(Duration::from_secs(5), all).await.iter().all(Result::is_ok));
    }
}
