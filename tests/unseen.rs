//! What a unit could not look into (a procedure, a text that reads in two ways, the raw connection) may have committed a part
//! of it: that is never told as rolled back, and never run again.

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use unit_of_work::{Marker, Retry, Verification};
use uow_test_support::{Trigger, servers};

fn is<DB: sqlx::Database>(name: &str) -> bool {
    DB::NAME == name
}

fn slow<DB: sqlx::Database>() -> &'static str {
    match DB::NAME {
        "PostgreSQL" => "SELECT pg_sleep(1)",
        "MySQL" => "SELECT sleep(1)",
        _ => {
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000) SELECT count(*) FROM n"
        }
    }
}

fn patient() -> Retry {
    Retry::attempts(5).backoff(Duration::from_millis(1), Duration::from_millis(5))
}

/// An error that does not claim to know, and says why.
fn tells_why(error: &Error) {
    assert!(error.is_outcome_unknown() && !error.is_rolled_back() && !error.is_transient(), "{error}");
    assert!(error.to_string().contains("raw connection"), "{error}");
}

engines! {
    async fn a_commit_on_the_raw_connection_is_not_forgotten_with_the_connection(lab) {
        for end in ["commit", "rollback"] {
            lab.script("DELETE FROM blog").await;
            let mut db = Library::new(&lab.pool);
            db.blogs().add("part").await.unwrap();
            {
                let mut connection = db.session().connection().await.unwrap();
                sqlx::raw_sql("COMMIT").execute(&mut *connection).await.unwrap();
            }
            let cut = tokio::time::timeout(Duration::from_millis(30), sqlx::query(slow::<Db>()).execute(db.session())).await;
            cut.unwrap_err();
            tells_why(&Error::from(db.blogs().count().await.unwrap_err()));
            let ended = if end == "commit" { db.commit().await } else { db.rollback().await };
            tells_why(&ended.unwrap_err());
            assert_eq!(lab.blogs().await, ["part"]);
            let _ = db.rollback().await;
            db.rollback().await.unwrap();
            db.blogs().count().await.unwrap();
        }
    }

    async fn nor_is_it_where_the_deadline_cut_the_connection(lab) {
        let mut db = Library::options(&lab.pool).deadline(Duration::from_millis(300)).build().unwrap();
        db.blogs().add("part").await.unwrap();
        {
            let mut connection = db.session().connection().await.unwrap();
            sqlx::raw_sql("COMMIT").execute(&mut *connection).await.unwrap();
        }
        let error = Error::from(sqlx::query(slow::<Db>()).execute(db.session()).await.unwrap_err());
        tells_why(&error);
        assert!(error.to_string().contains("deadline"), "{error}");
        tells_why(&db.commit().await.unwrap_err());
        tells_why(&db.rollback().await.unwrap_err());

        let calls = AtomicU32::new(0);
        let ran: Result<(), Error> = Library::options(&lab.pool)
            .deadline(Duration::from_millis(300))
            .retry(patient())
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.blogs().add("of a closure").await?;
                sqlx::raw_sql("COMMIT").execute(&mut *db.session().connection().await?).await?;
                std::future::pending().await
            })
            .await;
        assert!(!ran.unwrap_err().is_rolled_back());
        assert_eq!(calls.load(SeqCst), 1);
        assert_eq!(lab.blogs().await, ["of a closure", "part"]);
    }

    async fn an_abandoned_rollback_of_it_is_told_by_the_next(lab) {
        use futures_util::FutureExt as _;
        loop {
            lab.script("DELETE FROM blog").await;
            let mut db = Library::new(&lab.pool);
            db.blogs().add("part").await.unwrap();
            sqlx::raw_sql("COMMIT").execute(&mut *db.session().connection().await.unwrap()).await.unwrap();
            if db.rollback().now_or_never().is_none() {
                tells_why(&db.rollback().await.unwrap_err());
                return;
            } // else the answer was there at once
        }
    }

    async fn transaction_control_is_not_smuggled_in(lab) {
        let texts: &[&str] = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => &[
                "SELECT E'a'\n'\\'' ; COMMIT; SELECT '1'",
                "CREATE FUNCTION f(begin timestamptz) RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMIT",
                "SELECT 1 AS x€$a$; COMMIT; SELECT 2 AS y€$a$",
                // Where the session makes a backslash more than a character.
                "SELECT '\\''; COMMIT; SELECT '1'",
            ],
            "MySQL" => &[
                "SET STATEMENT max_statement_time = 5 FOR COMMIT",
                "SET STATEMENT max_statement_time = 5 FOR CREATE TABLE smuggled (a int)",
                "CREATE TEMPORARY SEQUENCE smuggled",
                "SET DEFAULT ROLE NONE",
                "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 'a\\'; COMMIT; -- '",
                "/*!999999 ' */ COMMIT /*! ' */",
                "SELECT 5--\u{A0}; COMMIT",
            ],
            _ => &["SELECT $a(');commit;select $b(')"],
        };
        for text in texts {
            for end in ["commit", "rollback"] {
                lab.script("DELETE FROM blog").await;
                let mut db = Library::new(&lab.pool);
                db.blogs().add("part").await.unwrap();
                let backslash = is::<Db>("PostgreSQL") && text.starts_with("SELECT '");
                if backslash {
                    db.session().execute("SET standard_conforming_strings = off").await.unwrap();
                }
                let sent = sqlx::raw_sql(sqlx::AssertSqlSafe(*text)).execute(db.session()).await;
                let ended = if end == "commit" { db.commit().await } else { db.rollback().await };
                let stored = lab.blogs().await;
                let told = ended.as_ref().is_err_and(|error| error.is_ended_early() || error.is_outcome_unknown());
                let whole = stored.is_empty() || (end == "commit" && ended.is_ok());
                assert!(told || (whole && !backslash), "{text}: {sent:?}; {end}: {ended:?}; stored: {stored:?}");
                // Known before it is run, but where the session's settings, or its version, decide how it is read.
                let hidden = text.contains("sql_mode") || text.starts_with("/*!") || backslash;
                assert!(hidden || sent.is_err_and(|error| matches!(Error::from(error), Error::Refused { .. })), "{text}");
            }
        }
    }
}

mod on_servers {
    use super::*;

    servers! {
        async fn a_hidden_commit_and_a_lost_connection_are_not_run_again(lab) {
            Marker::create_table(&lab.outside).await.unwrap();
            if is::<Db>("MySQL") {
                lab.script("CREATE PROCEDURE ends() BEGIN COMMIT; END").await;
            }
            let lab: &Lab<Db> = lab;
            for verified in [false, true] {
                for kind in ["killed", "cut", "swallowed", "abandoned"] {
                    lab.script("DELETE FROM blog").await;
                    let (pool, proxy) = lab.through_proxy(2).await;
                    let calls = AtomicU32::new(0);
                    let mut options = Library::options(&pool).retry(patient());
                    if verified {
                        options = options.verify(Verification::marker());
                    }
                    let ran: Result<(), Error> = options
                        .run(async |db| {
                            calls.fetch_add(1, SeqCst);
                            db.blogs().add("part").await?;
                            if is::<Db>("MySQL") {
                                sqlx::query("CALL ends()").execute(db.session()).await?;
                            } else {
                                sqlx::raw_sql("COMMIT").execute(&mut *db.session().connection().await?).await?;
                            }
                            match kind {
                                "killed" => Db::kill_sessions(lab).await,
                                "cut" => proxy.cut(Trigger::BeforeClientHears(b"SELECT count".to_vec())),
                                "swallowed" => {
                                    proxy.cut(Trigger::BeforeServerSees(b"SELECT count".to_vec()));
                                    db.blogs().count().await.unwrap_err();
                                    return Ok(());
                                }
                                _ => {
                                    let slow = sqlx::query(slow::<Db>()).execute(db.session());
                                    tokio::time::timeout(Duration::from_millis(20), slow).await.unwrap_err();
                                }
                            }
                            db.blogs().count().await?;
                            Ok(())
                        })
                        .await;
                    let error = ran.unwrap_err();
                    assert!(!error.is_rolled_back(), "{kind}: {error}");
                    assert_eq!((calls.load(SeqCst), lab.blogs().await), (1, vec!["part".to_owned()]), "{kind}: {error}");
                    pool.close().await;
                }
            }
        }

        async fn a_commit_that_never_arrived_behind_it_is_not_known_to_have_stored_nothing(lab) {
            Marker::create_table(&lab.outside).await.unwrap();
            let (pool, proxy) = lab.through_proxy(2).await;
            let calls = AtomicU32::new(0);
            let ran: Result<(), Error> = Library::options(&pool)
                .retry(patient())
                .verify(Verification::marker())
                .run(async |db| {
                    calls.fetch_add(1, SeqCst);
                    db.blogs().add("part").await?;
                    sqlx::raw_sql("COMMIT").execute(&mut *db.session().connection().await?).await?;
                    proxy.cut(Trigger::BeforeServerSees(b"COMMIT".to_vec()));
                    Ok(())
                })
                .await;
            if is::<Db>("PostgreSQL") {
                tells_why(&ran.unwrap_err());
            } else {
                // The sentinel is looked for in a message before COMMIT's, and is not there.
                assert!(ran.unwrap_err().is_ended_early());
            }
            assert_eq!((calls.load(SeqCst), lab.blogs().await), (1, vec!["part".to_owned()]));
        }

        async fn a_procedure_that_is_lost_itself_may_have_committed(lab) {
            if is::<Db>("PostgreSQL") {
                return; // where none can
            }
            lab.script("CREATE PROCEDURE ends() BEGIN COMMIT; END").await;
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Library::new(&pool);
            db.blogs().add("part").await.unwrap();
            proxy.cut(Trigger::BeforeClientHears(b"CALL ends".to_vec()));
            sqlx::raw_sql("CALL ends()").execute(db.session()).await.unwrap_err();
            tells_why(&db.rollback().await.unwrap_err());
            assert_eq!(lab.blogs().await, ["part"]);
        }

        async fn a_procedure_is_known_wherever_it_stands(lab) {
            if is::<Db>("PostgreSQL") {
                return; // where none can end the transaction it is called in
            }
            lab.script("CREATE PROCEDURE ends() BEGIN COMMIT; END").await;
            let on_both = [
                "CALL ends()",
                "/* job */ CALL ends()",
                "-- job\nCALL ends()",
                "SELECT 1; CALL ends()",
                "SET @a = 1; # job\n CALL ends()",
                "PREPARE s FROM 'CALL ends()'; EXECUTE s",
                "SET @text = 'CALL ends()'; PREPARE s FROM @text; EXECUTE s",
                "/*! CALL ends() */",
            ];
            let on_mariadb = [
                "EXECUTE IMMEDIATE 'CALL ends()'",
                "SET STATEMENT max_statement_time = 5 FOR CALL ends()",
                "BEGIN NOT ATOMIC CALL ends(); END",
                "IF 1 THEN CALL ends(); END IF",
            ];
            for text in on_both.into_iter().chain(on_mariadb.into_iter().filter(|_| lab.mariadb)) {
                for end in ["commit", "rollback"] {
                    lab.script("DELETE FROM blog").await;
                    let mut db = Library::new(&lab.pool);
                    db.blogs().add("part").await.unwrap();
                    sqlx::raw_sql(text).execute(db.session()).await.unwrap();
                    // What the server says of a deadlock it says here without one: it rolled the transaction back. Which one?
                    let deadlock = "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213";
                    sqlx::raw_sql(deadlock).execute(db.session()).await.unwrap_err();
                    let ended = if end == "commit" { db.commit().await } else { db.rollback().await };
                    assert!(ended.as_ref().is_err_and(Error::is_ended_early), "{text}: {ended:?}");
                    assert_eq!(lab.blogs().await, ["part"], "{text}");
                }
            }
        }

        async fn what_a_procedure_sets_does_not_reach_the_next_user(lab) {
            if is::<Db>("PostgreSQL") {
                return;
            }
            lab.script("CREATE PROCEDURE sets() BEGIN SET autocommit = 0, completion_type = CHAIN; END").await;
            let settings = async |pool: &sqlx::Pool<Db>| {
                let mut connection = pool.acquire().await.unwrap();
                let set = sqlx::raw_sql("SELECT CONCAT(@@autocommit = 1, ' ', @@completion_type)");
                let set: String = sqlx::Row::get(&set.fetch_one(&mut *connection).await.unwrap(), 0);
                (set, Db::is_in_transaction(&mut *connection).await)
            };
            let texts = [
                "CALL sets()",
                "PREPARE s FROM 'SET autocommit = 0, completion_type = CHAIN'; EXECUTE s",
                "SET SESSION completion_type = 1",
                "SET `autocommit` = 0",
                "SET @@session.`autocommit` = 0",
            ];
            let immediate = lab.mariadb.then_some("EXECUTE IMMEDIATE 'SET autocommit = 0, completion_type = CHAIN'");
            for text in texts.into_iter().chain(immediate) {
                for end in ["commit", "rollback", "fail", "drop"] {
                    let pool = lab.pool_of(1).await;
                    let mut db = Library::new(&pool);
                    db.blogs().count().await.unwrap();
                    sqlx::raw_sql(text).execute(db.session()).await.ok();
                    match end {
                        "commit" => drop(db.commit().await),
                        "rollback" => drop(db.rollback().await),
                        "fail" => {
                            db.session().execute("no statement").await.unwrap_err();
                            db.commit().await.unwrap_err();
                        }
                        _ => drop(db),
                    }
                    assert_eq!(settings(&pool).await, ("1 NO_CHAIN".to_owned(), false), "{text}, {end}");
                    pool.close().await;
                }
            }
            // Nor does a pool's own setting get lost.
            let pool = uow_test_support::pool_options::<Db>()
                .max_connections(1)
                .after_connect(|connection, _| Box::pin(async move {
                    connection.execute("SET completion_type = CHAIN, autocommit = 0").await.map(drop)
                }))
                .connect_with(lab.connect.clone())
                .await
                .unwrap();
            Marker::create_table(&pool).await.unwrap();
            Marker::clean_up(&pool, Duration::from_secs(60)).await.unwrap();
            for end in ["commit", "rollback"] {
                let mut db = Library::new(&pool);
                sqlx::raw_sql("CALL sets()").execute(db.session()).await.unwrap();
                if end == "commit" { db.commit().await.unwrap() } else { db.rollback().await.unwrap() }
                assert_eq!(settings(&pool).await, ("0 CHAIN".to_owned(), false), "{end}");
            }
        }
    }
}
