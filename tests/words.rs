//! What an error says: only what happened, and what can be done about that.

mod common;

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use sqlx::pool::{Pool, PoolOptions};
use unit_of_work::Retry;
use uow_test_support::{pool_options, servers};

/// How long a pool tries to connect here.
const PATIENCE: Duration = Duration::from_millis(300);

/// An error of ours as a statement hands it on, and as its sources tell it.
fn carried(error: &sqlx::Error) -> Option<&Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Some(ours);
        }
        source = error.source();
    }
    None
}

fn short<DB: sqlx::Database>(connections: u32) -> PoolOptions<DB> {
    pool_options().max_connections(connections).acquire_timeout(PATIENCE)
}

/// A pool on a port of loopback where nobody listens.
fn nobody<DB: Engine>(lab: &Lab<DB>, connections: u32) -> Pool<DB> {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    short(connections).connect_lazy_with(DB::via(&lab.connect, address))
}

/// The error of a pool that has `open` of its 3 connections, and can open no other.
#[track_caller]
fn says_that_nobody_answers(error: &Error, open: u32) {
    let text = error.to_string();
    let Error::CannotConnect { connections, max_connections, acquire_timeout, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((*connections, *max_connections, *acquire_timeout), (open, 3, PATIENCE), "{text}");
    assert!(matches!(error.sqlx(), Some(sqlx::Error::PoolTimedOut)));
    let source = error.source().and_then(|source| source.downcast_ref());
    assert!(matches!(source, Some(sqlx::Error::PoolTimedOut)));
    assert!(!error.is_transient(), "sqlx has tried for all of that time");
    assert!(text.contains(&format!("300ms (it has {open} of at most 3)")), "{text}");
    assert!(
        text.contains("does not answer") && !text.contains("savepoint") && !text.contains("another unit"),
        "{text}"
    );
}

engines! {
    async fn a_pool_whose_connections_are_in_use_is_still_sqlxs_own_error_and_says_what_to_do(lab) {
        let pool = short::<Db>(1).connect_with(lab.connect.clone()).await.unwrap();
        let held = pool.acquire().await.unwrap();
        let mut db = Library::new(&pool);
        assert!(matches!(db.blogs().count().await, Err(sqlx::Error::PoolTimedOut)));
        let error = Library::begin(&pool).await.map(drop).unwrap_err();
        assert!(matches!(error, Error::Sqlx(sqlx::Error::PoolTimedOut)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("all of them were taken") && text.contains("savepoint("), "{text}");
        drop(held);
    }

    async fn a_lone_write_that_was_not_answered_is_not_called_a_commit(lab) {
        let blog = || Blog::named("taken");
        let mut holder = Library::new(&lab.outside);
        holder.blogs().add("taken").await.unwrap();
        let mut db = Shelf::new(&lab.pool);
        db.blogs().add(blog()).unwrap();
        let cut = tokio::time::timeout(Duration::from_millis(300), db.commit()).await;
        assert!(cut.is_err(), "it waits for the other transaction");
        let error = db.commit().await.unwrap_err();
        let text = error.to_string();
        if <Db as sqlx::Database>::NAME == "MySQL" {
            // To which no write is sent without a transaction.
            assert!(error.is_rolled_back(), "{text}");
        } else {
            assert!(error.is_outcome_unknown(), "{text}");
            assert!(text.contains("one statement, sent without BEGIN and COMMIT"), "{text}");
            assert!(text.contains("the lone statement was abandoned"), "{text}");
            assert!(!text.contains("COMMIT was sent"), "{text}");
        }
        holder.rollback().await.unwrap();
    }

    async fn an_error_of_ours_reads_well_as_one_of_sqlx_and_comes_out_of_it_as_it_was(lab) {
        let mut db = Library::new(&lab.pool);
        let refused = sqlx::raw_sql("COMMIT").execute(db.session()).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.starts_with("error communicating with database: the unit of work did not send `COMMIT`"), "{text}");
        assert!(matches!(carried(&refused), Some(Error::Refused { .. })), "{refused:?}");
        assert!(refused.as_database_error().is_none());
        let refused = Error::from(refused);
        assert!(matches!(&refused, Error::Refused { statement, .. } if statement == "COMMIT"));
        assert!(!refused.is_transient(), "a connection that was lost is transient, and travels in the same variant");

        db.blogs().add("twice").await.unwrap();
        db.blogs().add("twice").await.unwrap_err();
        let poisoned = db.blogs().count().await.unwrap_err();
        let text = poisoned.to_string();
        assert!(text.starts_with("error communicating with database: nothing was sent, because an earlier statement"), "{text}");
        assert!(text.contains("run what may fail inside `savepoint("), "{text}");
        let ours = carried(&poisoned).unwrap();
        assert!(ours.is_poisoned() && ours.sqlx().unwrap().as_database_error().unwrap().is_unique_violation());
        // There and back again, and still not a connection that was lost.
        let poisoned = Error::from(sqlx::Error::from(Error::from(poisoned)));
        assert!(poisoned.is_poisoned() && !poisoned.is_transient());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
    }
}

mod with_a_server {
    use super::*;

    servers! {
        async fn a_pool_that_cannot_connect_says_so_and_not_that_it_is_in_use(lab) {
            let pool = nobody(lab, 3);
            says_that_nobody_answers(&Library::begin(&pool).await.map(drop).unwrap_err(), 0);
            says_that_nobody_answers(&Shelf::check_schema(&pool).await.unwrap_err(), 0);

            // A first statement, through sqlx's error and through `run`.
            let mut db = Library::new(&pool);
            let error = db.blogs().count().await.unwrap_err();
            assert!(carried(&error).is_some(), "{error:?}");
            says_that_nobody_answers(&error.into(), 0);
            let calls = AtomicU32::new(0);
            let error = Library::options(&pool)
                .retry(Retry::attempts(3))
                .run(async |db| {
                    calls.fetch_add(1, SeqCst);
                    Ok::<_, Error>(db.blogs().count().await?)
                })
                .await
                .unwrap_err();
            says_that_nobody_answers(&error, 0);
            assert_eq!(calls.load(SeqCst), 1, "sqlx has tried for all of that time");

            // A read and a write that need no transaction.
            let mut db = Shelf::new(&pool);
            let mut blog = Blog { id: 1, ..Blog::named("a") };
            says_that_nobody_answers(&db.refresh(&mut blog).await.unwrap_err(), 0);
            db.blogs().add(Blog::named("a")).unwrap();
            says_that_nobody_answers(&db.commit().await.unwrap_err(), 0);
            assert_eq!(db.session().state(), SessionState::Idle);
        }

        async fn the_connections_that_a_pool_has_when_its_server_goes_are_told(lab) {
            let (proxied, proxy) = lab.through_proxy(1).await;
            let pool = short::<Db>(3).connect_with((*proxied.connect_options()).clone()).await.unwrap();
            let mut db = Library::new(&pool);
            db.blogs().count().await.unwrap();
            // From some moment on nobody listens there any more; the connection that was made stays.
            let address = proxy.address;
            drop(proxy);
            while tokio::net::TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            says_that_nobody_answers(&Library::begin(&pool).await.map(drop).unwrap_err(), 1);
            db.commit().await.unwrap();
        }

        async fn a_session_that_was_terminated_in_a_scope_is_not_told_to_use_a_scope(lab) {
            let mut db = Library::new(&lab.pool);
            db.blogs().add("a").await.unwrap();
            let scope: sqlx::Result<()> = db
                .savepoint(async |db| {
                    db.blogs().add("b").await?;
                    Db::kill_sessions(lab).await;
                    db.blogs().add("c").await?;
                    Ok(())
                })
                .await;
            scope.unwrap_err();
            let error = Error::from(db.blogs().count().await.unwrap_err());
            let text = error.to_string();
            assert!(error.is_poisoned(), "{text}");
            assert!(text.contains("no savepoint scope confines that") && !text.contains("savepoint(async"), "{text}");
            db.rollback().await.unwrap();
            assert_eq!(lab.blogs().await, [""; 0]);
        }
    }
}

#[test]
fn a_lost_connection_is_no_error_of_ours() {
    let reset = || sqlx::Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    assert!(carried(&reset()).is_none());
    let error = Error::from(reset());
    assert!(error.is_transient() && matches!(error, Error::Sqlx(sqlx::Error::Io(_))), "{error:?}");
    let other = sqlx::Error::Io(std::io::Error::other("a driver's own"));
    assert!(Error::from(other).is_transient());
}
