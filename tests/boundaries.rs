//! Where a unit begins and ends, and what the caller hears of it.

mod common;

use common::*;
use unit_of_work::Backend;

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

engines! {
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
}
