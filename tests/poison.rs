//! A statement that failed or was abandoned leaves a unit that can only be rolled back, on every engine alike.

mod common;

use std::time::Duration;

use common::*;
use futures_util::{FutureExt as _, StreamExt as _};

/// The error of a statement that the session refused.
fn refusal<T>(answer: sqlx::Result<T>) -> Error {
    Error::from(answer.err().expect("it was refused"))
}

/// A value that cannot be sent.
struct Unwritable;

impl<DB: sqlx::Database> sqlx::Type<DB> for Unwritable
where
    i64: sqlx::Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <i64 as sqlx::Type<DB>>::type_info()
    }
}

impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for Unwritable {
    fn encode_by_ref(
        &self,
        _: &mut DB::ArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        Err("it cannot be written".into())
    }
}

engines! {
    async fn a_value_that_cannot_be_sent_costs_its_scope_and_no_connection(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        let insert = || sqlx::query(sql::<Db>("INSERT INTO blog (name) VALUES (?)")).bind(Unwritable);
        let scope = db.savepoint(async |db| insert().execute(db.session()).await).await;
        assert!(matches!(scope, Err(sqlx::Error::Encode(_))), "{scope:?}");
        db.blogs().add("after").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!((lab.blogs().await, lab.settled().await), (vec!["after".to_owned(), "outer".to_owned()], 1));
        insert().execute(db.session()).await.unwrap_err();
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        assert_eq!(lab.settled().await, 1, "the connection was good all along");
    }

    async fn a_failed_statement_poisons_and_commit_names_the_first_cause(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("taken").await.unwrap();
        let first = db.blogs().add("taken").await.unwrap_err();
        assert!(first.as_database_error().unwrap().is_unique_violation(), "the caller gets the error as it was");
        let told = first.to_string();
        drop(first); // swallowed

        let refused = refusal(db.posts().add(1, "after").await);
        assert!(refused.is_poisoned(), "{refused}");
        assert!(refused.to_string().contains(&told), "{refused}");

        for _ in 0..5 {
            let error = db.commit().await.unwrap_err();
            assert!(error.is_rolled_back() && !error.is_transient(), "{error}");
            assert!(error.to_string().contains(&told), "{error}");
            assert!(error.sqlx().unwrap().as_database_error().unwrap().is_unique_violation());
            assert!(std::error::Error::source(&error).is_some());
        }
        assert_eq!(lab.blogs().await, [""; 0]);
        lab.settled().await;

        db.rollback().await.unwrap();
        db.blogs().add("good").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["good"]);
    }

    async fn rollback_after_a_failure_makes_the_unit_usable_again(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("a").await.unwrap();
        db.blogs().add("a").await.unwrap_err();
        assert_eq!(db.session().state(), SessionState::Poisoned);
        db.rollback().await.unwrap();
        assert_eq!(db.session().state(), SessionState::Idle);
        assert_eq!(lab.settled().await, 1, "the connection was good all along");
        db.blogs().add("b").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["b"]);
    }

    async fn a_failure_in_the_middle_of_a_stream_poisons(lab) {
        lab.script("INSERT INTO blog (name, version) VALUES ('a', 1), ('b', 2)").await;
        let mut db = Library::new(&lab.pool);
        let rows = sqlx::raw_sql("SELECT name FROM blog; SELECT nothing FROM nowhere").fetch_many(db.session());
        let answers: Vec<_> = rows.collect().await;
        assert!(answers.last().unwrap().is_err());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
    }

    async fn a_failure_behind_the_first_row_is_seen(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("a").await.unwrap();
        let two = "SELECT name FROM blog; INSERT INTO blog (name) VALUES ('a')";
        sqlx::raw_sql(two).fetch_optional(db.session()).await.unwrap_err();
        assert!(db.commit().await.unwrap_err().is_rolled_back());
    }

    async fn an_abandoned_statement_poisons_and_its_connection_is_closed(lab) {
        let (pool, mut db) = loop {
            let pool = lab.pool_of(1).await;
            let mut db = Library::new(&pool);
            db.blogs().add("half").await.unwrap();
            if db.blogs().add("done").now_or_never().is_none() {
                break (pool, db); // polled once, and dropped
            }
            db.rollback().await.unwrap(); // the answer was there at once
        };
        let refused = refusal(db.blogs().count().await);
        assert!(matches!(refused.cause(), Some(Cause::Abandoned { .. })), "{refused}");
        let error = db.commit().await.unwrap_err();
        assert!(error.is_rolled_back(), "{error}");
        assert!(error.to_string().contains("abandoned"), "{error}");
        assert_eq!(pool.size(), 0, "the connection is closed, not pooled");
        db.rollback().await.unwrap();
        db.blogs().add("again").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["again"]);
        drop(db);
        pool.close().await;
        lab.no_open_transactions().await;
    }

    async fn an_abandoned_stream_poisons(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('a'), ('b'), ('c')").await;
        let mut db = Library::new(&lab.pool);
        let mut rows = sqlx::query("SELECT name FROM blog").fetch(db.session());
        rows.next().await.unwrap().unwrap();
        drop(rows);
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        db.rollback().await.unwrap();
        assert_eq!(db.blogs().count().await.unwrap(), 3);
    }

    async fn an_abandoned_begin_closes_its_connection(lab) {
        for polls in 1..20 {
            let mut beginning = Box::pin(Library::<Db>::begin(&lab.pool));
            let mut done = false;
            for _ in 0..polls {
                done = beginning.as_mut().now_or_never().is_some();
                if done {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(beginning);
            // The next borrower is outside of any transaction: what it writes is to be seen at once.
            lab.script("DELETE FROM blog").await;
            sqlx::query("INSERT INTO blog (name) VALUES ('plain')").execute(&lab.pool).await.unwrap();
            assert_eq!(lab.blogs().await, ["plain"], "after {polls} polls");
            if done {
                break;
            }
        }
        lab.no_open_transactions().await;
        lab.settled().await;
    }

    async fn an_abandoned_commit_is_unknown_until_rollback_says_so(lab) {
        let mut db = Library::new(&lab.pool);
        loop {
            db.blogs().add("perhaps").await.unwrap();
            if db.commit().now_or_never().is_none() {
                break; // COMMIT is sent, and its answer not waited for
            }
            lab.script("DELETE FROM blog").await; // the answer was there at once
        }
        assert_eq!(db.session().state(), SessionState::Unknown);
        assert!(refusal(db.blogs().count().await).is_outcome_unknown());
        let error = db.commit().await.unwrap_err();
        assert!(error.is_outcome_unknown() && !error.is_rolled_back() && !error.is_transient(), "{error}");
        assert!(db.rollback().await.unwrap_err().is_outcome_unknown(), "it cannot be undone, and that is said");
        lab.no_open_transactions().await;
        lab.settled().await;
        assert!(lab.blogs().await.len() <= 1);
        db.blogs().count().await.unwrap();
        db.rollback().await.unwrap();
    }

    async fn an_abandoned_rollback_rolls_back_all_the_same(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("lost").await.unwrap();
        let _ = db.rollback().now_or_never();
        lab.no_open_transactions().await;
        assert_eq!(db.session().state(), SessionState::Idle);
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_statement_cut_off_by_a_timeout_poisons(lab) {
        let slow = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "SELECT pg_sleep(2)",
            "MySQL" => "SELECT sleep(2)",
            _ => "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 300000000) SELECT count(*) FROM n",
        };
        let mut db = Library::new(&lab.pool);
        db.blogs().add("half").await.unwrap();
        let answer = tokio::time::timeout(Duration::from_millis(50), sqlx::query(slow).execute(db.session())).await;
        assert!(answer.is_err());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        db.rollback().await.unwrap();
        if <Db as sqlx::Database>::NAME != "SQLite" {
            // (SQLite's thread holds the write lock until its statement is over.)
            db.blogs().add("next").await.unwrap();
            db.commit().await.unwrap();
            assert_eq!(lab.blogs().await, ["next"]);
        }
    }

    async fn statements_that_would_end_the_transaction_are_refused_and_change_nothing(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("kept").await.unwrap();
        for (text, instead) in [
            ("COMMIT", "commit()"),
            ("  /* why */ rollback", "rollback()"),
            ("BEGIN", "options"),
            ("START TRANSACTION", "options"),
            ("SAVEPOINT mine", "savepoint("),
            ("RELEASE SAVEPOINT mine", "savepoint("),
            ("SELECT 1; COMMIT", "commit()"),
        ] {
            let error = refusal(sqlx::raw_sql(text).execute(db.session()).await);
            assert!(matches!(error, Error::Refused { .. }), "{error}");
            assert!(error.to_string().contains(instead), "{error}");
            let error = refusal(sqlx::query(text).fetch_all(db.session()).await);
            assert!(matches!(error, Error::Refused { .. }), "{error}");
        }
        db.blogs().add("too").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["kept", "too"]);
    }

    async fn a_transaction_the_server_ended_is_noticed_at_commit(lab) {
        // What no session can see coming: the COMMIT is inside of a prepared statement (MySQL), or of another road.
        let mut db = Library::new(&lab.pool);
        db.blogs().add("part").await.unwrap();
        if <Db as sqlx::Database>::NAME == "MySQL" {
            let prepared = "SET @text = 'COMMIT'; PREPARE s FROM @text; EXECUTE s";
            let hidden = || sqlx::raw_sql(if lab.mariadb { "EXECUTE IMMEDIATE 'COMMIT'" } else { prepared });
            hidden().execute(db.session()).await.unwrap();
            db.blogs().add("rest").await.unwrap();
            let error = db.commit().await.unwrap_err();
            assert!(error.is_ended_early() && !error.is_rolled_back(), "{error}");
            assert_eq!(lab.blogs().await, ["part", "rest"]);
            assert!(db.commit().await.unwrap_err().is_ended_early(), "told again, until it is acknowledged");
            assert!(db.rollback().await.unwrap_err().is_ended_early(), "which `rollback` does, and tells why");
            db.blogs().add("later").await.unwrap();
            sqlx::raw_sql(prepared).execute(db.session()).await.unwrap();
            assert!(db.rollback().await.unwrap_err().is_ended_early(), "it was stored, so rollback cannot say Ok");
        } else if <Db as sqlx::Database>::NAME == "SQLite" {
            let error = sqlx::query("INSERT OR ROLLBACK INTO blog (name) VALUES ('part')").execute(db.session()).await;
            error.unwrap_err();
            assert!(refusal(db.blogs().add("autocommitted").await).is_poisoned());
            assert!(db.commit().await.unwrap_err().is_rolled_back());
            assert_eq!(lab.blogs().await, [""; 0]);
            assert_eq!(lab.settled().await, 1, "its connection is clean");
        } else {
            // PostgreSQL does not let a block end the transaction it was called in.
            sqlx::raw_sql("DO $$ BEGIN COMMIT; END $$").execute(db.session()).await.unwrap_err();
            assert!(db.commit().await.unwrap_err().is_rolled_back());
            assert_eq!(lab.blogs().await, [""; 0]);
        }
        lab.settled().await;
    }

    async fn an_error_that_is_not_the_servers_own_closes_the_connection(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("lost").await.unwrap();
        // What leaves the driver and its server out of step: a COPY nobody feeds, values nobody asked for.
        let answer = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => sqlx::raw_sql("COPY blog (name) FROM STDIN").execute(db.session()).await,
            _ => sqlx::query("INSERT INTO blog (name) VALUES ('a')").bind("b").bind("c").execute(db.session()).await,
        };
        if <Db as sqlx::Database>::NAME != "SQLite" {
            answer.unwrap_err();
            let ended = tokio::time::timeout(Duration::from_secs(5), db.rollback()).await;
            ended.expect("an answer, not a wait").unwrap();
            lab.no_open_transactions().await;
            lab.settled().await;
        }
    }

    async fn the_sessions_own_errors_are_no_database_errors(lab) {
        let mut db = Library::new(&lab.pool);
        let refused = sqlx::raw_sql("COMMIT").execute(db.session()).await.unwrap_err();
        // What a user does with the errors of a pool: a downcast to the driver's type has to be right where it is tried.
        assert!(refused.as_database_error().is_none());
        assert!(refused.to_string().contains("call `commit()` on the unit"), "{refused}");
    }
}
