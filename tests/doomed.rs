//! A failure that nobody may swallow: a transaction that could not be begun, and a unit that was marked on purpose.

mod common;

use std::time::Duration;

use common::*;
use sqlx::Pool;
use sqlx::pool::PoolOptions;
use uow_test_support::servers;

/// A pool that soon says that it has no connection.
async fn impatient<DB: Engine>(lab: &Lab<DB>) -> Pool<DB> {
    PoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_millis(200))
        .connect_lazy_with(lab.connect.clone())
}

engines! {
    async fn a_begin_that_failed_in_run_dooms_the_unit(lab) {
        let pool = impatient(lab).await;
        let mut busy = Some(pool.acquire().await.unwrap());
        let outcome: Result<(), Error> = Library::options(&pool)
            .run_once(async |db| {
                assert!(db.blogs().add("audit").await.is_err());
                drop(busy.take());
                let refused = Error::from(db.blogs().add("payment").await.unwrap_err());
                assert!(refused.is_poisoned(), "{refused}");
                Ok(())
            })
            .await;
        let error = outcome.unwrap_err();
        assert!(error.is_rolled_back() && matches!(error.sqlx(), Some(sqlx::Error::PoolTimedOut)), "{error}");
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_begin_that_failed_in_a_scope_undoes_the_scope_alone(lab) {
        let pool = impatient(lab).await;
        let mut busy = Some(pool.acquire().await.unwrap());
        let mut db = Library::new(&pool);
        let scope: Result<(), Error> = db
            .savepoint(async |db| {
                assert!(db.blogs().add("audit").await.is_err());
                drop(busy.take());
                assert!(db.blogs().add("payment").await.is_err());
                Ok(())
            })
            .await;
        let error = scope.unwrap_err();
        assert!(matches!(error, Error::ScopeUndone { .. }), "{error}");
        db.blogs().add("after").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["after"]);
    }

    async fn a_lone_read_that_failed_in_run_dooms_the_unit(lab) {
        let pool = impatient(lab).await;
        let mut busy = Some(pool.acquire().await.unwrap());
        let outcome: Result<(), Error> = Library::options(&pool)
            .run_once(async |db| {
                let mut blog = Blog { id: 1, name: "any".into(), version: 0 };
                assert!(db.refresh(&mut blog).await.is_err());
                drop(busy.take());
                db.blogs().add("payment").await.ok();
                Ok(())
            })
            .await;
        assert!(outcome.unwrap_err().is_rolled_back());
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_unit_that_its_user_ends_may_try_its_first_statement_again(lab) {
        let pool = impatient(lab).await;
        let busy = pool.acquire().await.unwrap();
        let mut db = Library::new(&pool);
        assert!(db.blogs().add("once").await.is_err());
        assert_eq!(db.session().state(), SessionState::Idle);
        drop(busy);
        db.blogs().add("once").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["once"]);
    }

    async fn an_eager_run_does_not_call_its_closure_without_a_transaction(lab) {
        let pool = impatient(lab).await;
        let busy = pool.acquire().await.unwrap();
        let mut called = 0;
        let eager: Result<(), Error> = Library::options(&pool)
            .eager(true)
            .run_once(async |_| {
                called += 1;
                Ok(())
            })
            .await;
        assert!(matches!(eager.unwrap_err().sqlx(), Some(sqlx::Error::PoolTimedOut)));
        assert_eq!(called, 0);
        let lazy: Result<(), Error> = Library::options(&pool).run(async |_| Ok(())).await;
        lazy.unwrap();
        drop(busy);
        Library::options(&pool)
            .eager(true)
            .run(async |db| {
                assert!(db.session().is_in_transaction());
                db.blogs().add("eager").await
            })
            .await
            .unwrap();
        assert_eq!(lab.blogs().await, ["eager"]);
    }

    async fn nothing_is_sent_behind_the_deadline(lab) {
        let mut db = Library::options(&lab.pool).deadline(Duration::from_millis(200)).build().unwrap();
        db.blogs().add("in time").await.unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        for _ in 0..3 {
            let late = db.session().execute("UPDATE blog SET version = version + 1").await;
            assert!(late.is_err());
        }
        let scope: Result<(), Error> = db.savepoint(async |_| Ok(())).await;
        assert!(scope.is_err());
        let error = db.commit().await.unwrap_err();
        assert!(matches!(error.cause(), Some(Cause::DeadlineExceeded)), "{error}");
        assert_eq!(lab.blogs().await, [""; 0]);
        db.rollback().await.unwrap();
        db.blogs().add("a new unit has a time of its own").await.unwrap();
        db.commit().await.unwrap();
    }

    async fn a_unit_marked_to_be_rolled_back_is_not_committed_and_says_why(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("first").await.unwrap();
        db.session().mark_rollback_only("the order is closed").unwrap();
        db.session().mark_rollback_only("a later reason").unwrap();
        assert!(Error::from(db.blogs().add("second").await.unwrap_err()).is_poisoned());
        let error = db.commit().await.unwrap_err();
        assert!(error.is_rolled_back() && !error.is_transient(), "{error}");
        assert!(
            matches!(error.cause(), Some(Cause::RollbackOnly { reason }) if reason == "the order is closed"),
            "{error}"
        );
        db.rollback().await.unwrap();
        db.blogs().add("third").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["third"]);

        // Also one that has sent nothing yet, and one in `run`.
        let mut db = Library::new(&lab.pool);
        db.session().mark_rollback_only("never begun").unwrap();
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        let run: Result<(), Error> = Library::options(&lab.pool)
            .run(async |db| {
                db.blogs().add("fourth").await?;
                db.session().mark_rollback_only("closed")
            })
            .await;
        assert!(run.unwrap_err().is_rolled_back());
        assert_eq!(lab.blogs().await, ["third"]);
        lab.settled().await;
    }

    async fn a_scope_marked_to_be_rolled_back_is_undone_and_the_unit_goes_on(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        for sends in [true, false] {
            let scope: Result<(), Error> = db
                .savepoint(async |db| {
                    if sends {
                        db.blogs().add("inner").await?;
                    }
                    db.session().mark_rollback_only("not this part")
                })
                .await;
            let error = scope.unwrap_err();
            assert!(matches!(error, Error::ScopeUndone { .. }), "{error}");
            assert!(error.to_string().contains("not this part"), "{error}");
        }
        db.blogs().add("after").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["after", "outer"]);
    }
}

mod on_the_wire {
    use super::*;

    servers! {
        async fn behind_the_deadline_the_server_hears_of_the_rollback_alone(lab) {
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Library::options(&pool).deadline(Duration::from_millis(200)).build().unwrap();
            db.blogs().add("in time").await.unwrap();
            tokio::time::sleep(Duration::from_millis(400)).await;
            proxy.sent();
            for _ in 0..3 {
                assert!(db.session().execute("UPDATE blog SET version = version + 1").await.is_err());
            }
            assert!(db.commit().await.is_err());
            let sent = Db::statements(&proxy.sent());
            assert!(matches!(&sent[..], [text] if text.starts_with("ROLLBACK")), "{sent:?}");
        }
    }
}
