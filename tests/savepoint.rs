//! A savepoint scope confines a failure; scopes nest to any depth; an empty one sends nothing.

mod common;

use common::*;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use uow_test_support::Lab;

/// A scope in a scope in a scope …, each with a blog of its own, the innermost of which fails.
fn nest(db: &mut Library<sqlx::Sqlite>, depth: u32, deepest: u32) -> BoxFuture<'_, Result<(), Error>> {
    Box::pin(async move {
        db.blogs().add(&format!("{depth:02}")).await?;
        if depth == deepest {
            return Err(Error::Busy);
        }
        db.savepoint(async |db| nest(db, depth + 1, deepest).await).await
    })
}

engines! {
    async fn a_scope_that_succeeds_is_kept(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        let key = db.savepoint(async |db| db.blogs().add("inner").await).await.unwrap();
        assert!(key > 0);
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["inner", "outer"]);
    }

    async fn a_scope_that_fails_is_undone_and_the_unit_goes_on(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        let error = db
            .savepoint(async |db| {
                db.blogs().add("inner").await?;
                db.blogs().add("outer").await // taken
            })
            .await
            .unwrap_err();
        assert!(error.as_database_error().unwrap().is_unique_violation(), "the closure's own error, unchanged");
        db.blogs().add("after").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["after", "outer"]);
        assert_eq!(lab.settled().await, 1);
    }

    async fn a_scope_that_swallows_a_failure_is_undone_and_says_so(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        let error = db
            .savepoint(async |db| {
                db.blogs().add("inner").await?;
                db.blogs().add("outer").await.ok();
                assert!(db.blogs().add("refused").await.is_err());
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert!(matches!(error, Error::ScopeUndone { .. }) && error.is_rolled_back(), "{error}");
        assert!(error.sqlx().is_some() && error.to_string().contains("the unit of work goes on"), "{error}");
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["outer"]);
    }

    async fn a_scope_can_be_undone_by_the_callers_own_error(lab) {
        let mut db = Library::new(&lab.pool);
        let undone: Result<(), Box<dyn std::error::Error + Send + Sync>> = db
            .savepoint(async |db| {
                db.blogs().add("inner").await?;
                Err("changed my mind".into())
            })
            .await;
        assert_eq!(undone.unwrap_err().to_string(), "changed my mind");
        db.blogs().add("outer").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["outer"]);
    }

    async fn scopes_nest_and_each_end_is_its_own(lab) {
        let mut db = Library::new(&lab.pool);
        db.savepoint(async |db| {
            db.blogs().add("1").await?;
            let inner: Result<(), Error> = db
                .savepoint(async |db| {
                    db.blogs().add("2").await?;
                    db.savepoint(async |db| db.blogs().add("3").await).await?;
                    Err(Error::Busy)
                })
                .await;
            assert!(inner.is_err());
            db.savepoint(async |db| db.blogs().add("4").await).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["1", "4"]);
    }

    async fn an_outer_scope_takes_a_released_inner_one_with_it(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("kept").await.unwrap();
        let outer: Result<(), Error> = db
            .savepoint(async |db| {
                db.savepoint(async |db| db.blogs().add("inner").await).await?;
                Err(Error::Busy)
            })
            .await;
        assert!(outer.unwrap_err().is_busy());
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["kept"]);
    }

    async fn what_is_written_belongs_to_the_innermost_scope_that_is_open(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("unit").await.unwrap();
        let first: Result<(), Error> = db
            .savepoint(async |db| {
                db.blogs().add("first").await?;
                let second: Result<(), Error> = db
                    .savepoint(async |db| {
                        db.blogs().add("second").await?;
                        assert_eq!((db.session().state(), db.blogs().count().await?), (SessionState::Open, 3));
                        Err(Error::Busy)
                    })
                    .await;
                assert!(second.unwrap_err().is_busy());
                assert_eq!((db.session().state(), db.blogs().count().await?), (SessionState::Open, 2));
                db.blogs().add("first again").await?;
                Err(Error::Busy)
            })
            .await;
        assert!(first.unwrap_err().is_busy());
        assert_eq!((db.session().state(), db.blogs().count().await.unwrap()), (SessionState::Open, 1));
        db.rollback().await.unwrap();
        assert_eq!(db.session().state(), SessionState::Idle);
        assert_eq!(lab.blogs().await, [""; 0]);
        lab.no_open_transactions().await;
    }

    async fn rollback_of_the_unit_takes_released_scopes_with_it(lab) {
        let mut db = Library::new(&lab.pool);
        db.savepoint(async |db| db.blogs().add("inner").await).await.unwrap();
        db.rollback().await.unwrap();
        db.blogs().add("after").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["after"]);
    }

    async fn rollback_of_the_unit_ends_a_scope_that_was_left_open(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        let scope = db.savepoint(async |db| {
            db.blogs().add("inner").await?;
            db.blogs().add("inner too").await?;
            std::future::pending::<Result<(), Error>>().await
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(200), scope).await.is_err());
        db.rollback().await.unwrap();
        assert!(!db.session().is_in_transaction());
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn an_entity_reads_what_its_scope_left(lab) {
        let mut db = Library::new(&lab.pool);
        let id = db.blogs().add("old").await.unwrap();
        let mut blog = Blog { id, name: "old".into(), version: 0 };
        for (rename, kept, name) in [("UPDATE blog SET name = 'undone'", false, "old"), ("UPDATE blog SET name = 'new'", true, "new")] {
            let scope: Result<(), Error> = db
                .savepoint(async |db| {
                    sqlx::query(rename).execute(db.session()).await?;
                    db.refresh(&mut blog).await?;
                    if kept { Ok(()) } else { Err(Error::Busy) }
                })
                .await;
            assert_eq!(scope.is_ok(), kept);
            db.refresh(&mut blog).await.unwrap();
            assert_eq!(blog.name, name);
        }
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["new"]);
    }

    async fn commit_and_rollback_inside_a_scope_are_refused_and_do_nothing(lab) {
        async fn service<DB: Backend>(db: &mut Library<DB>) {
            assert!(matches!(db.commit().await, Err(Error::InsideScope { method: "commit" })));
            assert!(matches!(db.rollback().await, Err(Error::InsideScope { method: "rollback" })));
        }
        let mut db = Library::new(&lab.pool);
        db.savepoint(async |db| {
            db.blogs().add("inner").await?;
            service(db).await;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert_eq!(lab.blogs().await, [""; 0]);
        Library::options(&lab.pool)
            .run(async |db| {
                service(db).await;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["inner"]);
    }

    async fn an_abandoned_scope_poisons_the_unit(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        let scope = db.savepoint(async |db| {
            db.blogs().add("inner").await?;
            std::future::pending::<()>().await;
            Ok::<_, Error>(())
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(200), scope).await.is_err());
        let error = db.commit().await.unwrap_err();
        assert!(error.is_rolled_back(), "{error}");
        assert_eq!(lab.blogs().await, [""; 0]);
        db.rollback().await.unwrap();
        db.blogs().add("again").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["again"]);
    }

    async fn an_abandoned_inner_scope_is_mended_by_undoing_the_outer_one(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("kept").await.unwrap();
        let outer = db
            .savepoint(async |db| {
                db.blogs().add("outer").await?;
                let inner = db.savepoint(async |db| {
                    db.blogs().add("inner").await?;
                    std::future::pending::<Result<(), Error>>().await
                });
                assert!(tokio::time::timeout(std::time::Duration::from_millis(200), inner).await.is_err());
                Ok::<_, Error>(())
            })
            .await;
        assert!(outer.unwrap_err().is_rolled_back());
        db.blogs().add("after").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["after", "kept"]);
    }

    async fn a_panic_in_a_scope_leaves_a_unit_that_can_only_be_rolled_back(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        let scope = db.savepoint(async |db| {
            db.blogs().add("inner").await?;
            if db.session().is_in_transaction() {
                panic!("on purpose");
            }
            Ok::<_, Error>(())
        });
        assert!(std::panic::AssertUnwindSafe(scope).catch_unwind().await.is_err());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        db.rollback().await.unwrap();
        db.blogs().add("again").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["again"]);
    }

    async fn no_savepoint_is_left_on_the_server(lab) {
        let mut db = Library::new(&lab.pool);
        for attempt in 0..3 {
            let failed: Result<(), Error> = db
                .savepoint(async |db| {
                    db.blogs().add(&format!("{attempt}")).await?;
                    Err(Error::Busy)
                })
                .await;
            assert!(failed.is_err());
        }
        let mut connection = db.session().connection().await.unwrap();
        let back = sqlx::raw_sql("ROLLBACK TO SAVEPOINT uow_1").execute(&mut *connection).await;
        let error = back.expect_err("it was undone, and released");
        assert!(error.to_string().contains("uow_1"), "{error}");
        drop(connection);
        db.rollback().await.unwrap();
    }
}

#[test]
fn fifty_scopes_deep() {
    Lab::<sqlx::Sqlite>::run("fifty_scopes_deep", async |lab: &mut Lab<sqlx::Sqlite>| {
        let mut db = Library::new(&lab.pool);
        nest(&mut db, 0, 50).await.unwrap_err();
        db.commit().await.unwrap();
        // The innermost failure went all the way up, undoing every scope but the work outside of them.
        assert_eq!(lab.blogs().await, ["00"]);
    });
}
