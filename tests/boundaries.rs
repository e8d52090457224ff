//! Where a unit begins and ends, and what the caller hears of it.

mod common;

use common::*;
use unit_of_work::{Backend, Verification};

/// A repository that holds its inserts back until it is flushed.
#[derive(Debug)]
struct Drafts<DB: Backend> {
    session: Session<DB>,
    held: Vec<Option<&'static str>>,
}

impl<DB: Engine> Repository for Drafts<DB> {
    type Database = DB;

    fn new(session: Session<DB>) -> Self {
        Self { session, held: Vec::new() }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        for name in std::mem::take(&mut self.held) {
            let value = name.map_or("NULL".to_owned(), |name| format!("'{name}'"));
            let insert = sqlx::AssertSqlSafe(format!("INSERT INTO blog (name) VALUES ({value})"));
            sqlx::raw_sql(insert).execute(&mut self.session).await?;
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.held.clear();
    }
}

#[derive(Debug, UnitOfWork)]
struct Desk<DB: Engine> {
    session: Session<DB>,
    drafts: Lazy<Drafts<DB>>,
}

/// A repository that has something to say at the end.
#[derive(Debug)]
struct Objector<DB: Backend> {
    session: Session<DB>,
}

impl<DB: Engine> Repository for Objector<DB> {
    type Database = DB;

    fn new(session: Session<DB>) -> Self {
        Self { session }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.session.execute(sqlx::raw_sql("INSERT INTO blog (name) VALUES ('lost as well')")).await?;
        Err(Error::InsideScope { method: "never" })
    }
}

#[derive(Debug, UnitOfWork)]
struct Court<DB: Engine> {
    session: Session<DB>,
    objectors: Lazy<Objector<DB>>,
}

engines! {
    async fn a_flush_that_declines_in_run_is_handed_back_when_the_transaction_is_over(lab) {
        for _ in 0..20 {
            let ran = Court::options(&lab.pool)
                .run(async |db| {
                    sqlx::raw_sql("INSERT INTO blog (name) VALUES ('lost')").execute(db.session()).await?;
                    db.objectors();
                    Ok::<_, Error>(())
                })
                .await;
            assert!(matches!(ran, Err(Error::InsideScope { .. })));
            assert_eq!(Db::open_transactions(lab).await, 0, "whoever has the error may begin anew");
        }
        lab.settled().await;
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn state_follows_the_transaction(lab) {
        let mut db = Library::new(&lab.pool);
        let mut seen = vec![db.session().is_in_transaction()];
        for name in ["a", "b", "c"] {
            db.blogs().add(name).await.unwrap();
            seen.push(db.session().is_in_transaction());
            if name == "b" { db.rollback().await.unwrap() } else { db.commit().await.unwrap() }
            seen.push(db.session().is_in_transaction());
        }
        assert_eq!(seen, [false, true, false, true, false, true, false]);
        assert_eq!(lab.blogs().await, ["a", "c"]);
    }

    async fn a_commit_stands_whatever_follows(lab) {
        async fn story(db: &mut Library<Db>) -> Result<(), Box<dyn std::error::Error>> {
            db.blogs().add("committed").await?;
            db.commit().await?;
            db.blogs().add("lost").await?;
            Err("something else went wrong".into())
        }
        let mut db = Library::new(&lab.pool);
        assert_eq!(story(&mut db).await.unwrap_err().to_string(), "something else went wrong");
        drop(db);
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs().await, ["committed"]);
    }

    async fn a_flush_that_fails_at_commit_surfaces_and_the_unit_can_go_on(lab) {
        let mut db = Desk::<Db>::new(&lab.pool);
        db.drafts().held.extend([Some("good"), None]);
        for _ in 0..5 {
            let error = db.commit().await.unwrap_err();
            assert!(matches!(error, Error::RolledBack { .. }), "{error}");
            let refused = error.sqlx().unwrap().as_database_error().unwrap();
            assert!(refused.message().to_lowercase().contains("null"), "the first cause, each time: {error}");
            db.drafts().held.push(Some("another"));
        }
        assert_eq!(lab.blogs().await, [""; 0]);
        db.rollback().await.unwrap();
        assert!(db.drafts().held.is_empty(), "what was held back for the failed transaction is forgotten");
        db.drafts().held.push(Some("valid"));
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["valid"]);
    }

    async fn in_a_closure_a_failing_flush_wins_over_its_value(lab) {
        let options = Desk::<Db>::options(&lab.pool);
        let answer: Result<&str, Error> = options
            .run(async |db| {
                db.drafts().held.push(None);
                Ok("the body was run")
            })
            .await;
        assert!(answer.unwrap_err().sqlx().is_some());
        let answer: Result<&str, Error> = options
            .run(async |db| {
                db.drafts().held.push(Some("valid"));
                Ok("the body was run")
            })
            .await;
        assert_eq!(answer.unwrap(), "the body was run");
        assert_eq!(lab.blogs().await, ["valid"]);
    }

    async fn an_error_on_the_callers_own_list_can_be_handed_out_and_the_unit_committed(lab) {
        let outcome: Result<Result<(), &str>, Error> = Library::options(&lab.pool)
            .run(async |db| {
                db.blogs().add("noted").await?;
                Ok(Err("declined"))
            })
            .await;
        assert_eq!(outcome.unwrap(), Err("declined"));
        assert_eq!(lab.blogs().await, ["noted"]);
    }

    async fn a_unit_inside_a_unit_is_independent(lab) {
        if <Db as sqlx::Database>::NAME == "SQLite" {
            // One writer at a time: the inner one has to be the only one that writes.
            let outer = Library::options(&lab.pool).read_only(true).begin().await;
            let mut outer = outer.unwrap();
            outer.blogs().count().await.unwrap();
            let mut inner = Library::new(&lab.pool);
            inner.blogs().add("inner").await.unwrap();
            inner.commit().await.unwrap();
            assert_eq!(outer.blogs().count().await.unwrap(), 0);
            outer.rollback().await.unwrap();
        } else {
            let mut outer = Library::new(&lab.pool);
            outer.blogs().add("outer").await.unwrap();
            let mut inner = Library::new(outer.session().pool());
            inner.blogs().add("inner").await.unwrap();
            inner.commit().await.unwrap();
            outer.rollback().await.unwrap();
        }
        assert_eq!(lab.blogs().await, ["inner"]);
    }

    async fn the_inner_scope_fails_and_then_the_outer(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        let inner: sqlx::Result<i64> = db.savepoint(async |db| db.blogs().add("outer").await).await;
        inner.unwrap_err();
        let outer = db.blogs().add("outer").await.unwrap_err();
        assert!(outer.as_database_error().unwrap().is_unique_violation());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn an_aborted_task_leaves_the_value_in_memory_as_it_was(lab) {
        let shared = std::sync::Arc::new(std::sync::Mutex::new(Blog { id: 0, name: "before".into(), version: 0 }));
        let (pool, blog) = (lab.pool.clone(), std::sync::Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let mut db = Library::new(&pool);
            db.blogs().add("lost").await?;
            blog.lock().unwrap().name = "changed".into();
            std::future::pending::<sqlx::Result<()>>().await
        });
        while shared.lock().unwrap().name == "before" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        task.abort();
        task.await.unwrap_err();
        lab.no_open_transactions().await;
        assert_eq!(shared.lock().unwrap().name, "changed");
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_commit_that_fails_wins_over_whatever_the_closure_returned(lab) {
        let mut options = Library::options(&lab.pool);
        if <Db as sqlx::Database>::NAME == "MySQL" {
            // It has no constraint that waits for COMMIT: here a marker cannot be written, for want of its table.
            lab.script("CREATE TABLE child (blog_id BIGINT)").await;
            options = options.verify(Verification::marker());
        } else {
            lab.script("CREATE TABLE child (blog_id BIGINT REFERENCES blog (id) DEFERRABLE INITIALLY DEFERRED)").await;
        }
        for returned in [Ok("the body was run"), Err("declined, and to be committed all the same")] {
            let answer: Result<Result<&str, &str>, Error> = options
                .run(async |db| {
                    sqlx::query("INSERT INTO child VALUES (4711)").execute(db.session()).await?;
                    Ok(returned)
                })
                .await;
            let error = answer.unwrap_err();
            assert!(error.is_rolled_back() && error.to_string().contains("COMMIT failed"), "{error}");
            let refused = error.sqlx().unwrap().as_database_error().unwrap();
            assert!(refused.is_foreign_key_violation() || refused.message().contains("uow_marker"), "{refused}");
        }
        assert_eq!(Db::texts(&lab.outside, "SELECT CAST(blog_id AS CHAR(9)) FROM child").await, [""; 0]);
        lab.no_open_transactions().await;
        lab.settled().await;
    }

    async fn a_statement_after_a_flush_that_failed_is_told_why_it_failed(lab) {
        let mut db = Desk::<Db>::new(&lab.pool);
        db.drafts().held.push(None);
        let flush = db.flush().await.unwrap_err();
        let refused = sqlx::query("SELECT 1").execute(db.session()).await.unwrap_err();
        assert!(refused.to_string().contains(&flush.to_string()), "{refused}");
    }

    async fn a_flush_that_fails_in_a_scope_leaves_what_was_flushed_before(lab) {
        let mut db = Desk::<Db>::new(&lab.pool);
        db.drafts().held.push(Some("77"));
        db.flush().await.unwrap();
        db.drafts().held.extend([Some("78"), Some("77")]);
        let second: Result<(), Error> = db.savepoint(async |db| db.flush().await).await;
        assert!(second.unwrap_err().sqlx().unwrap().as_database_error().unwrap().is_unique_violation());
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["77"]);
    }

    async fn what_has_to_run_outside_of_a_transaction_fails_in_a_unit_and_takes_it_along(lab) {
        let outside = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "VACUUM blog",
            "MySQL" => "CREATE TABLE another (id BIGINT)", // it would commit; the session refuses it
            _ => "VACUUM",
        };
        let failed = Library::options(&lab.pool)
            .run(async |db| {
                db.blogs().add("lost").await?;
                sqlx::raw_sql(outside).execute(db.session()).await?;
                Ok::<_, Error>(())
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(lab.blogs().await, [""; 0]);
        sqlx::raw_sql(outside).execute(&lab.pool).await.unwrap();
    }

    async fn an_inner_unit_that_fails_leaves_the_outer_one_alone(lab) {
        let mut outer = Library::new(&lab.pool);
        outer.blogs().add("before").await.unwrap();
        // One writer at a time: on SQLite the inner one may not write, and that is how it fails.
        let reads_only = <Db as sqlx::Database>::NAME == "SQLite";
        let inner: Result<(), Error> = Library::options(outer.session().pool())
            .read_only(reads_only)
            .run(async |db| {
                db.blogs().add("inner").await?;
                Err(Error::Busy)
            })
            .await;
        assert_eq!(inner.unwrap_err().is_busy(), !reads_only);
        outer.blogs().add("after").await.unwrap();
        outer.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["after", "before"]);
    }
}

mod tables_without_transactions {
    use super::*;

    uow_test_support::mysql_claim! {
        sqlx::MySql, keep_what_was_written_to_them_and_only_innodb_rolls_back, lab, {
            let engines: &[&str] = if lab.mariadb { &["MyISAM", "Aria", "MEMORY"] } else { &["MyISAM", "MEMORY"] };
            for engine in engines.iter().chain(&["InnoDB"]) {
                lab.script(&format!("CREATE TABLE kept (id INT) ENGINE = {engine}")).await;
                let mut db = Library::new(&lab.pool);
                db.session().execute("INSERT INTO kept VALUES (1)").await.unwrap();
                db.rollback().await.unwrap();
                let kept = sqlx::MySql::texts(&lab.outside, "SELECT 'kept' FROM kept").await;
                assert_eq!(kept.len(), usize::from(*engine != "InnoDB"), "{engine}");
                lab.script("DROP TABLE kept").await;
            }
        }
    }
}
