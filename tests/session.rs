//! A session acquires and begins at its first statement, is an executor for every kind of statement, and can be used
//! again after commit and rollback.

mod common;

use common::*;
use futures_util::TryStreamExt as _;
use sqlx::{QueryBuilder, Row as _};
use unit_of_work::Options;

engines! {
    async fn a_unit_nobody_used_takes_no_connection_and_sends_nothing(lab) {
        let empty = lab.pool_of(1).await;
        let held = empty.acquire().await.unwrap(); // the only connection there is: whoever asked for one would wait
        let mut db = Library::new(&empty);
        assert_eq!(db.session().state(), SessionState::Idle);
        db.blogs();
        db.flush().await.unwrap();
        db.commit().await.unwrap();
        db.rollback().await.unwrap();
        db.savepoint(async |_| Ok::<_, Error>(())).await.unwrap();
        drop(db);
        Library::options(&empty).run(async |_| Ok::<_, Error>(())).await.unwrap();
        let failed: Result<(), _> = Library::options(&empty).run(async |_| Err(sqlx::Error::RowNotFound)).await;
        assert!(matches!(failed, Err(sqlx::Error::RowNotFound)));
        drop(held);
    }

    async fn the_first_statement_begins_and_commit_gives_the_connection_back(lab) {
        let mut db = Library::new(&lab.pool);
        assert!(!db.session().is_in_transaction());
        db.blogs().add("first").await.unwrap();
        assert!(db.session().is_in_transaction());
        assert_eq!(lab.pool.num_idle(), lab.pool.size() as usize - 1);
        assert_eq!(lab.blogs().await, [""; 0], "nothing is to be seen outside before commit");
        db.commit().await.unwrap();
        assert!(!db.session().is_in_transaction());
        assert_eq!(lab.blogs().await, ["first"]);
        lab.settled().await;
    }

    async fn begin_begins_at_once(lab) {
        let mut db = Library::begin(&lab.pool).await.unwrap();
        assert!(db.session().is_in_transaction());
        db.blogs().add("begun").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["begun"]);
    }

    async fn a_unit_can_be_used_again_after_commit_and_after_rollback(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("one").await.unwrap();
        db.commit().await.unwrap();
        db.blogs().add("two").await.unwrap();
        db.rollback().await.unwrap();
        assert!(!db.session().is_in_transaction());
        db.blogs().add("three").await.unwrap();
        db.commit().await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["one", "three"]);
        lab.settled().await;
    }

    async fn dropping_without_commit_rolls_back(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("lost").await.unwrap();
        drop(db);
        lab.no_open_transactions().await;
        assert_eq!(lab.settled().await, 1, "the connection is rolled back and kept");
        assert_eq!(lab.blogs().await, [""; 0]);
        // And the next one to borrow the connection is outside of any transaction.
        sqlx::query("INSERT INTO blog (name) VALUES ('plain')").execute(&lab.pool).await.unwrap();
        assert_eq!(lab.blogs().await, ["plain"]);
    }

    async fn every_kind_of_statement_runs_on_it(lab) {
        let mut db = Library::new(&lab.pool);
        let session = db.session();
        let insert = sqlx::query(sql::<Db>("INSERT INTO blog (name) VALUES (?)"));
        assert_eq!(insert.bind("a").execute(&mut *session).await.unwrap().rows_affected(), 1);

        let mut builder = QueryBuilder::<Db>::new("INSERT INTO blog (name) ");
        builder.push_values(["b", "c"], |mut row, name| { row.push_bind(name); });
        assert_eq!(builder.build().execute(&mut *session).await.unwrap().rows_affected(), 2);

        let script = sqlx::raw_sql("INSERT INTO blog (name) VALUES ('d'); INSERT INTO blog (name) VALUES ('e'), ('f')");
        assert_eq!(script.execute(&mut *session).await.unwrap().rows_affected(), 3);

        let names = "SELECT name FROM blog ORDER BY name";
        let all: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *session).await.unwrap();
        assert_eq!(all, ["a", "b", "c", "d", "e", "f"]);
        let streamed: Vec<String> = sqlx::query_scalar(names).fetch(&mut *session).try_collect().await.unwrap();
        assert_eq!(streamed, all);
        let one: (String,) = sqlx::query_as(names).fetch_one(&mut *session).await.unwrap();
        assert_eq!(one.0, "a");
        let none = sqlx::query("SELECT name FROM blog WHERE 1 = 0").fetch_optional(&mut *session).await.unwrap();
        assert!(none.is_none());
        let many = sqlx::query(names).fetch(&mut *session).try_fold(0, async |n, row| Ok(n + row.len())).await.unwrap();
        assert_eq!(many, 6);

        let prepared = (&mut *session).prepare(sql::<Db>("SELECT name FROM blog WHERE name = ?")).await.unwrap();
        use sqlx::Statement as _;
        let found = prepared.query().bind("b").fetch_all(&mut *session).await.unwrap();
        assert_eq!(found.len(), 1);

        // A row that is not there is an answer, not a failure.
        let missing = sqlx::query("SELECT name FROM blog WHERE 1 = 0").fetch_one(&mut *session).await;
        assert!(matches!(missing, Err(sqlx::Error::RowNotFound)));
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await.len(), 6);
    }

    async fn fetch_one_reads_the_answer_to_its_end(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('a'), ('b'), ('c')").await;
        let mut db = Library::new(&lab.pool);
        for _ in 0..3 {
            sqlx::query("SELECT name FROM blog").fetch_one(db.session()).await.unwrap();
            sqlx::raw_sql("SELECT name FROM blog").fetch_optional(db.session()).await.unwrap();
        }
        assert_eq!(db.blogs().count().await.unwrap(), 3);
        db.commit().await.unwrap();
        lab.settled().await;
    }

    async fn fetch_one_runs_every_statement_of_its_text(lab) {
        let mut db = Library::new(&lab.pool);
        let select = "INSERT INTO blog (name) VALUES ('a'); SELECT name FROM blog; \
                      INSERT INTO blog (name) VALUES ('b')";
        let returning = "INSERT INTO blog (name) VALUES ('a') RETURNING name; \
                         INSERT INTO blog (name) VALUES ('b') RETURNING name";
        for two in [Some(select), lab.has_returning().then_some(returning)].into_iter().flatten() {
            lab.script("DELETE FROM blog").await;
            let row = sqlx::raw_sql(two).fetch_one(db.session()).await.unwrap();
            assert_eq!(row.get::<String, _>(0), "a");
            db.commit().await.unwrap();
            assert_eq!(lab.blogs().await, ["a", "b"], "{two}");
        }
    }

    async fn a_failed_begin_leaves_the_unit_idle_and_the_next_statement_tries_again(lab) {
        let pool = lab.pool_of(1).await;
        pool.set_connect_options(lab.connect.clone());
        let held = pool.acquire().await.unwrap();
        let small = pool.clone();
        let mut db = Library::new(&small);
        let error = tokio::time::timeout(std::time::Duration::from_millis(50), db.blogs().count()).await;
        assert!(error.is_err(), "the only connection is taken");
        db.rollback().await.unwrap(); // abandoned, so it has to be told
        drop(held);
        assert_eq!(db.blogs().count().await.unwrap(), 0);

        let closed = lab.pool_of(1).await;
        closed.close().await;
        let mut db = Library::new(&closed);
        assert!(matches!(db.blogs().count().await, Err(sqlx::Error::PoolClosed)));
        assert_eq!(db.session().state(), SessionState::Idle, "nothing was begun, so nothing is poisoned");
    }

    async fn a_unit_dropped_outside_of_a_runtime_does_not_panic(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("lost").await.unwrap();
        std::thread::spawn(move || drop(db)).join().expect("no panic");
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs().await, [""; 0]);
        lab.settled().await;

        let busy = lab.pool.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let db = std::thread::spawn(move || {
            let db = runtime.block_on(async {
                let mut db = Library::new(&busy);
                db.blogs().add("lost with its runtime").await.unwrap();
                db
            });
            runtime.shutdown_background();
            db
        })
        .join()
        .unwrap();
        std::thread::spawn(move || drop(db)).join().expect("no panic, though the runtime is gone");
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_repository_that_outlives_its_unit_is_refused(lab) {
        let mut first = Library::new(&lab.pool);
        let mut second = Library::new(&lab.pool);
        first.blogs().add("lost").await.unwrap();
        std::mem::swap(first.blogs(), second.blogs());
        drop(first);
        let error = Error::from(second.blogs().add("stray").await.unwrap_err());
        assert!(matches!(error, Error::UnitGone), "{error}");
        drop(second);
        lab.settled().await;
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn options_make_units_too(lab) {
        let options: Options<Library<Db>> = Library::options(&lab.pool);
        let mut built = options.build().unwrap();
        assert!(!built.session().is_in_transaction());
        let begun = options.begin().await;
        let mut begun = begun.unwrap();
        assert!(begun.session().is_in_transaction());
        begun.blogs().add("begun").await.unwrap();
        begun.commit().await.unwrap();
        built.blogs().add("built").await.unwrap();
        built.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["begun", "built"]);
    }
}
