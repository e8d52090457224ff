//! `run` commits on `Ok`, rolls back on `Err`, hands the error back unchanged, and is accepted where futures must be `Send`.

mod common;

use common::*;
use unit_of_work::Isolation;

#[derive(Debug)]
enum AppError {
    Named(String),
    Unit(Error),
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Unit(error)
    }
}

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unit(error.into())
    }
}

engines! {
    async fn ok_commits_and_hands_the_value_back(lab) {
        let names = ["a".to_owned(), "b".to_owned()];
        let keys = Library::options(&lab.pool)
            .run(async |db| {
                let mut keys = Vec::new();
                for name in &names {
                    keys.push(db.blogs().add(name).await?);
                }
                Ok::<_, AppError>(keys)
            })
            .await
            .unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(lab.blogs().await, ["a", "b"]);
        lab.settled().await;
    }

    async fn err_rolls_back_and_is_handed_back_unchanged(lab) {
        let failed: Result<(), _> = Library::options(&lab.pool)
            .run(async |db| {
                db.blogs().add("lost").await?;
                Err(AppError::Named("mine".into()))
            })
            .await;
        assert!(matches!(failed, Err(AppError::Named(name)) if name == "mine"));
        assert_eq!(lab.blogs().await, [""; 0]);
        assert_eq!(lab.settled().await, 1, "rolled back, not closed");
    }

    async fn a_swallowed_failure_surfaces_at_commit(lab) {
        let failed = Library::options(&lab.pool)
            .run(async |db| {
                db.blogs().add("a").await?;
                db.blogs().add("a").await.ok();
                Ok::<_, AppError>(())
            })
            .await;
        assert!(matches!(failed, Err(AppError::Unit(error)) if error.is_rolled_back()));
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn an_sqlx_error_type_carries_the_units_errors_and_back(lab) {
        let failed = Library::options(&lab.pool)
            .run(async |db| {
                db.blogs().add("a").await?;
                db.blogs().add("a").await.ok();
                Ok::<_, sqlx::Error>(())
            })
            .await;
        let error = Error::from(failed.unwrap_err());
        assert!(error.is_rolled_back(), "{error}");
        assert!(error.sqlx().unwrap().as_database_error().unwrap().is_unique_violation());
    }

    async fn run_works_inside_spawn_with_borrowed_captures_and_scopes(lab) {
        let pool = lab.pool.clone();
        let task = tokio::spawn(async move {
            let name = String::from("spawned");
            let name = name.as_str();
            Library::options(&pool)
                .run(async |db| {
                    let key = db.blogs().add(name).await?;
                    db.savepoint(async |db| {
                        db.posts().add(key, name).await?;
                        db.savepoint(async |db| db.posts().add(key, "deeper").await).await
                    })
                    .await?;
                    Ok::<_, AppError>(key)
                })
                .await
        });
        assert!(task.await.unwrap().unwrap() > 0);
        assert_eq!(lab.blogs().await, ["spawned"]);
    }

    async fn run_once_may_use_up_and_mutate_what_it_captured(lab) {
        let (name, mut calls) = (String::from("moved"), 0);
        let pool = lab.pool.clone();
        let key = tokio::spawn(async move {
            let key = Library::options(&pool)
                .run_once(async |db| {
                    calls += 1;
                    let name = name;
                    db.blogs().add(&name).await
                })
                .await;
            assert_eq!(calls, 1);
            key
        });
        assert!(key.await.unwrap().unwrap() > 0);
        assert_eq!(lab.blogs().await, ["moved"]);
    }

    async fn a_function_that_takes_the_unit_takes_the_scope(lab) {
        async fn service(db: &mut Library<Db>, name: &str) -> sqlx::Result<i64> {
            db.blogs().add(name).await
        }
        Library::options(&lab.pool)
            .run(async |db| {
                service(db, "one").await?;
                db.savepoint(async |db| service(db, "two").await).await
            })
            .await
            .unwrap();
        assert_eq!(lab.blogs().await, ["one", "two"]);
    }

    async fn a_panic_in_the_closure_rolls_back_and_reaches_the_caller(lab) {
        let pool = lab.pool.clone();
        let task = tokio::spawn(async move {
            Library::options(&pool)
                .run(async |db| {
                    db.blogs().add("lost").await?;
                    if db.session().is_in_transaction() {
                        panic!("on purpose");
                    }
                    Ok::<_, sqlx::Error>(())
                })
                .await
        });
        assert!(task.await.unwrap_err().is_panic());
        lab.no_open_transactions().await;
        assert_eq!(lab.settled().await, 1);
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_task_that_is_aborted_leaves_nothing(lab) {
        let pool = lab.pool.clone();
        let task = tokio::spawn(async move {
            Library::options(&pool)
                .run(async |db| {
                    db.blogs().add("lost").await?;
                    std::future::pending::<sqlx::Result<()>>().await
                })
                .await
        });
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        lab.no_open_transactions().await;
        lab.settled().await;
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn serializable_is_what_the_server_says_too(lab) {
        let level = Library::options(&lab.pool)
            .isolation(Isolation::Serializable)
            .run(async |db| {
                db.blogs().add("a").await?;
                let text = match <Db as sqlx::Database>::NAME {
                    "PostgreSQL" => "SELECT current_setting('transaction_isolation')",
                    "MySQL" => "SELECT trx_isolation_level FROM information_schema.innodb_trx \
                                WHERE trx_mysql_thread_id = connection_id()",
                    _ => "SELECT 'serializable'",
                };
                if <Db as sqlx::Database>::NAME == "MySQL" {
                    // The table is a snapshot, taken at most ten times a second.
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                }
                sqlx::query_scalar::<_, String>(text).fetch_one(db.session()).await
            })
            .await
            .unwrap();
        assert_eq!(level.to_lowercase(), "serializable");
        assert_eq!(lab.blogs().await, ["a"]);
    }

    async fn an_option_the_engine_lacks_is_an_error_before_anything_is_sent(lab) {
        let options = Library::<Db>::options(&lab.pool);
        let lacking = match <Db as sqlx::Database>::NAME {
            "SQLite" => vec![options.clone().deferrable(true), options.isolation(Isolation::ReadCommitted)],
            "PostgreSQL" => vec![options.sqlite_mode(unit_of_work::SqliteMode::Deferred)],
            _ => vec![options.clone().deferrable(true), options.sqlite_mode(unit_of_work::SqliteMode::Deferred)],
        };
        let held: Vec<_> = futures_util::future::join_all((0..4).map(|_| lab.pool.acquire())).await;
        for options in lacking {
            assert!(matches!(options.build(), Err(Error::Unsupported { .. })));
            assert!(matches!(options.begin().await, Err(Error::Unsupported { .. })));
            let run = options.run(async |_| Ok::<_, Error>(())).await;
            assert!(matches!(run, Err(Error::Unsupported { .. })), "{run:?}");
        }
        drop(held);
    }

    async fn a_closure_that_replaces_its_unit_is_told_so(lab) {
        let pool = &lab.pool;
        let outcome = Library::options(pool)
            .run(async |db| {
                db.blogs().add("lost").await?;
                **db = Library::new(pool);
                Ok::<_, AppError>(())
            })
            .await;
        assert!(matches!(outcome, Err(AppError::Unit(Error::UnitGone))), "{outcome:?}");
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs().await, [""; 0]);
    }
}
