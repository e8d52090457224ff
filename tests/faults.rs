//! Connections and sessions that end at the worst moment.

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use unit_of_work::{Marker, Retry, Verification};
use uow_test_support::{Trigger, servers};

/// How many units each fault is tried on.
const UNITS: usize = 200;

fn patient() -> Retry {
    // (Sessions are killed every few milliseconds, and the machine may be slow.)
    Retry::attempts(200).backoff(Duration::from_millis(2), Duration::from_millis(20))
}

servers! {
    async fn a_commit_cut_off_before_the_server_saw_it_is_unknown_and_not_stored(lab) {
        let (pool, proxy) = lab.through_proxy(1).await;
        let mut unknown = 0;
        for unit in 0..UNITS {
            let mut db = Library::new(&pool);
            db.blogs().add(&format!("{unit:03}")).await.unwrap();
            proxy.cut(Trigger::BeforeServerSees(b"COMMIT".to_vec()));
            let error = db.commit().await.unwrap_err();
            assert!(error.is_outcome_unknown() && !error.is_transient(), "{error}");
            assert!(error.sqlx().is_some() && std::error::Error::source(&error).is_some());
            unknown += 1;
        }
        assert_eq!((unknown, lab.blogs().await.len()), (UNITS, 0));
    }

    async fn a_commit_whose_answer_was_cut_off_is_unknown_and_stored(lab) {
        let (pool, proxy) = lab.through_proxy(1).await;
        for unit in 0..UNITS {
            let mut db = Library::new(&pool);
            db.blogs().add(&format!("{unit:03}")).await.unwrap();
            proxy.cut(Trigger::BeforeClientHears(b"COMMIT".to_vec()));
            assert!(db.commit().await.unwrap_err().is_outcome_unknown());
        }
        assert_eq!(lab.blogs_when(UNITS).await.len(), UNITS);
    }

    async fn with_verification_each_unit_runs_exactly_once_whatever_is_cut(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        let (pool, proxy) = lab.through_proxy(2).await;
        let calls = AtomicU32::new(0);
        for unit in 0..UNITS {
            let name = format!("{unit:03}");
            let text = b"COMMIT".to_vec();
            let stored = unit % 2 == 0;
            proxy.cut(if stored { Trigger::BeforeClientHears(text) } else { Trigger::BeforeServerSees(text) });
            calls.store(0, SeqCst);
            Library::options(&pool)
                .verify(Verification::marker())
                .retry(patient())
                .run(async |db| {
                    calls.fetch_add(1, SeqCst);
                    db.blogs().add(&name).await
                })
                .await
                .unwrap();
            assert_eq!(calls.load(SeqCst), if stored { 1 } else { 2 }, "unit {unit}");
        }
        let stored = lab.blogs().await;
        assert_eq!(stored.len(), UNITS);
        assert_eq!(lab.settled().await, 1);
    }

    async fn a_check_of_the_users_own_takes_the_markers_place(lab) {
        let (pool, proxy) = lab.through_proxy(2).await;
        let check = Verification::by(|pool: sqlx::Pool<Db>| async move {
            // The server may still be at work on the COMMIT: not to be there yet is not to be there never.
            for _ in 0..100 {
                let text = "SELECT 1 FROM blog WHERE name = 'mine'";
                if sqlx::query(text).fetch_optional(&pool).await?.is_some() {
                    return Ok(true);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(false)
        });
        let mut db = Library::options(&pool).verify(check).build().unwrap();
        db.blogs().add("mine").await.unwrap();
        proxy.cut(Trigger::BeforeClientHears(b"COMMIT".to_vec()));
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["mine"]);
    }

    async fn a_verification_nobody_answers_leaves_it_unknown(lab) {
        let (pool, proxy) = lab.through_proxy(1).await;
        let check = Verification::by(|_: sqlx::Pool<Db>| async { Err(sqlx::Error::PoolClosed) });
        let options = Library::options(&pool).retry(patient()).verify(check.within(Duration::from_millis(200)));
        proxy.cut(Trigger::BeforeServerSees(b"COMMIT".to_vec()));
        let calls = AtomicU32::new(0);
        let error = options
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.blogs().add("perhaps").await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert!(error.is_outcome_unknown(), "{error}");
        assert_eq!(calls.load(SeqCst), 1, "never tried again after an unknown outcome");
    }

    async fn sessions_killed_at_any_moment(lab) {
        let pool = lab.pool.clone();
        let work = tokio::spawn(async move {
            let (mut stored, mut unknown) = (Vec::new(), 0);
            for unit in 0..UNITS {
                let name = format!("{unit:03}");
                let outcome = Library::options(&pool)
                    .run(async |db| {
                        db.blogs().add(&name).await?;
                        tokio::time::sleep(Duration::from_micros(300)).await;
                        Ok::<_, Error>(())
                    })
                    .await;
                match outcome {
                    Ok(()) => stored.push(name),
                    Err(error) if error.is_outcome_unknown() => unknown += 1,
                    Err(_) => {}
                }
            }
            (stored, unknown)
        });
        while !work.is_finished() {
            Db::kill_sessions(lab).await;
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        let (stored, unknown) = work.await.unwrap();
        let rows = lab.blogs().await;
        assert!(stored.iter().all(|name| rows.contains(name)), "every Ok is stored");
        assert!(rows.len() <= stored.len() + unknown, "what was rolled back is not");
        assert!(!stored.is_empty() && stored.len() < UNITS, "some were hit: {} of {UNITS}", stored.len());
    }

    async fn sessions_killed_at_any_moment_with_verification_leave_each_unit_once(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        let pool = lab.pool.clone();
        let work = tokio::spawn(async move {
            for unit in 0..UNITS {
                let name = format!("{unit:03}");
                Library::options(&pool)
                    .retry(patient())
                    .verify(Verification::marker())
                    .run(async |db| {
                        db.posts().add(unit as i64, &name).await?;
                        tokio::time::sleep(Duration::from_micros(300)).await;
                        Ok::<_, Error>(())
                    })
                    .await
                    .unwrap();
            }
        });
        while !work.is_finished() {
            Db::kill_sessions(lab).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        work.await.unwrap();
        let titles = Db::texts(&lab.outside, "SELECT title FROM post ORDER BY title").await;
        let expected: Vec<String> = (0..UNITS).map(|unit| format!("{unit:03}")).collect();
        assert_eq!(titles, expected, "each exactly once");
    }

    async fn a_session_that_was_killed_before_commit_is_tried_again(lab) {
        let calls = AtomicU32::new(0);
        let lab: &Lab<Db> = lab;
        Library::options(&lab.pool)
            .retry(patient())
            .run(async |db| {
                db.blogs().add("once").await?;
                if calls.fetch_add(1, SeqCst) < 2 {
                    Db::kill_sessions(lab).await;
                }
                db.posts().add(1, "after").await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(calls.load(SeqCst), 3);
        assert_eq!(lab.blogs().await, ["once"]);
    }

    async fn a_connection_that_broke_is_discarded_and_the_unit_goes_on_with_a_good_one(lab) {
        let (pool, proxy) = lab.through_proxy(1).await;
        let mut db = Library::new(&pool);
        db.blogs().add("lost").await.unwrap();
        proxy.cut(Trigger::BeforeServerSees(b"SELECT count".to_vec()));
        let broken = Error::from(db.blogs().count().await.unwrap_err());
        assert!(broken.is_transient(), "{broken}");
        assert!(!db.session().is_in_transaction());
        db.rollback().await.unwrap();
        assert_eq!(pool.size(), 0, "it is closed, not pooled");
        assert_eq!(db.blogs().count().await.unwrap(), 0);
        db.blogs().add("good").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["good"]);
    }

    async fn where_commit_and_rollback_fail_the_commit_is_told_and_the_connection_discarded(lab) {
        let (pool, proxy) = lab.through_proxy(1).await;
        // Its table is not there, so the message of COMMIT fails in front of COMMIT itself.
        let mut db = Library::options(&pool).verify(Verification::marker()).build().unwrap();
        db.blogs().add("lost").await.unwrap();
        proxy.cut(Trigger::BeforeServerSees(b"ROLLBACK".to_vec()));
        let error = db.commit().await.unwrap_err();
        assert!(error.is_rolled_back() && error.to_string().contains("uow_marker"), "{error}");
        assert_eq!(pool.size(), 0);
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_commit_that_never_arrives_is_tried_as_often_as_allowed_and_no_more(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        let (pool, proxy) = lab.through_proxy(2).await;
        proxy.sent();
        let calls = AtomicU32::new(0);
        let error = Library::options(&pool)
            .retry(Retry::attempts(7).backoff(Duration::from_millis(1), Duration::from_millis(5)))
            .verify(Verification::marker())
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.blogs().add("never").await?;
                proxy.cut(Trigger::BeforeServerSees(b"COMMIT".to_vec()));
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert!(error.is_rolled_back() && error.is_transient(), "the last one's: {error}");
        assert_eq!(calls.load(SeqCst), 7);
        // Each of the connections was lost, so each attempt had to prepare its INSERT on another one.
        let prepared = Db::statements(&proxy.sent()).into_iter().filter(|text| text.starts_with("INSERT INTO blog"));
        assert_eq!(prepared.count(), 7);
        assert_eq!(lab.blogs().await, [""; 0]);
        lab.no_open_transactions().await;
    }

    async fn a_begin_whose_answer_was_lost_is_tried_again(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('a'), ('b')").await;
        let (pool, proxy) = lab.through_proxy(1).await;
        let begin = if <Db as sqlx::Database>::NAME == "PostgreSQL" { "BEGIN" } else { "START TRANSACTION" };
        proxy.cut(Trigger::BeforeClientHears(begin.into()));
        let calls = AtomicU32::new(0);
        let count = Library::options(&pool)
            .retry(patient())
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.blogs().count().await
            })
            .await;
        assert_eq!((count.unwrap(), calls.load(SeqCst)), (2, 2));
    }

    async fn the_marker_is_asked_for_where_it_was_written(lab) {
        // The units' connections look into a schema (a database) that a plain connection does not look into.
        let postgres = <Db as sqlx::Database>::NAME == "PostgreSQL";
        let other = format!("{}_o", lab.name);
        let make = if postgres { format!("CREATE SCHEMA {other}") } else { format!("CREATE DATABASE {other}") };
        lab.script(&make).await;
        Marker::create_table(&lab.outside).await.unwrap();
        let enter = if postgres { format!("SET search_path = {other}") } else { format!("USE {other}") };
        let (proxied, proxy) = lab.through_proxy(1).await;
        let pool = uow_test_support::pool_options::<Db>()
            .max_connections(1)
            .after_connect(move |connection, _| {
                let enter = sqlx::AssertSqlSafe(enter.clone());
                Box::pin(async move { connection.execute(sqlx::raw_sql(enter)).await.map(drop) })
            })
            .connect_with((*proxied.connect_options()).clone())
            .await
            .unwrap();
        Marker::create_table(&pool).await.unwrap();
        let key = Db::GENERATED_KEY;
        let table = format!("CREATE TABLE {other}.blog (id {key}, name VARCHAR(200) NOT NULL, version BIGINT)");
        lab.script(&table).await;
        proxy.cut(Trigger::BeforeClientHears(b"COMMIT".to_vec()));
        Library::options(&pool)
            .retry(patient())
            .verify(Verification::marker())
            .run(async |db| db.blogs().add("once").await)
            .await
            .unwrap();
        let names = Db::texts(&lab.outside, &format!("SELECT name FROM {other}.blog")).await;
        pool.close().await;
        lab.script(&if postgres { format!("DROP SCHEMA {other} CASCADE") } else { format!("DROP DATABASE {other}") }).await;
        assert_eq!(names, ["once"]);
    }

    async fn a_transaction_the_server_ended_for_its_idleness_is_rolled_back_and_run_again(lab) {
        if <Db as sqlx::Database>::NAME != "PostgreSQL" {
            return; // MariaDB says nothing, and closes the connection.
        }
        let calls = AtomicU32::new(0);
        Library::options(&lab.pool)
            .retry(patient())
            .run(async |db| {
                db.blogs().add("once").await?;
                if calls.fetch_add(1, SeqCst) < 2 {
                    db.session().execute("SET LOCAL idle_in_transaction_session_timeout = 30").await?;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(calls.load(SeqCst), 3);
        assert_eq!(lab.blogs().await, ["once"]);
    }

    async fn what_a_server_says_of_itself_is_classed(lab) {
        if <Db as sqlx::Database>::NAME != "MySQL" {
            return;
        }
        // Too many connections, in all and of this user; a duplicate key.
        for (number, transient) in [(1040, true), (1203, true), (1062, false)] {
            let mut db = Library::new(&lab.pool);
            let signal = sqlx::AssertSqlSafe(format!("SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {number}"));
            let error = Error::from(sqlx::raw_sql(signal).execute(db.session()).await.unwrap_err());
            assert_eq!(error.is_transient(), transient, "{error}");
        }
        // What is said at COMMIT: by Galera of a transaction that is too large for it, by group replication of one in conflict
        // with another; and any other error that is not known.
        for (procedure, number, message, rolled_back, transient) in [
            ("tooLarge", 1105, "Maximum writeset size exceeded", true, false),
            ("conflict", 3101, "Plugin instructed the server to rollback the current transaction.", true, true),
            ("whatever", 1105, "Something else", false, false),
            ("deadlock", 1213, "Deadlock found when trying to get lock; try restarting transaction", true, true),
            ("noQuorum", 1180, "Got error 5 during COMMIT", false, false),
            ("noCluster", 1047, "WSREP has not yet prepared node for application use", false, false),
        ] {
            lab.script(&format!(
                "CREATE PROCEDURE {procedure}() BEGIN \
                 SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = '{message}'; END"
            ))
            .await;
            let (pool, proxy) = lab.through_proxy(1).await;
            proxy.rewrite("COMMIT AND NO CHAIN NO RELEASE", &format!("{:30}", format!("CALL {procedure}()")));
            let mut db = Library::new(&pool);
            db.blogs().add("large").await.unwrap();
            let error = db.commit().await.unwrap_err();
            assert_eq!((error.is_rolled_back(), error.is_outcome_unknown()), (rolled_back, !rolled_back), "{error}");
            assert_eq!(error.is_transient(), transient, "{error}");
        }
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn what_a_procedure_ended_is_told_and_not_run_again(lab) {
        if <Db as sqlx::Database>::NAME == "PostgreSQL" {
            // A procedure cannot end the transaction it is called in.
            lab.script("CREATE PROCEDURE ends() LANGUAGE sql AS $$ INSERT INTO blog (name) VALUES ('by procedure') $$").await;
            let mut db = Library::new(&lab.pool);
            sqlx::query("CALL ends()").execute(db.session()).await.unwrap();
            db.rollback().await.unwrap();
            assert_eq!(lab.blogs().await, [""; 0]);
            return;
        }
        lab.script("CREATE PROCEDURE ends() BEGIN COMMIT; END").await;
        lab.script("INSERT INTO blog (name) VALUES ('held')").await;
        let mut holder = Library::new(&lab.pool);
        sqlx::query("UPDATE blog SET version = 1").execute(holder.session()).await.unwrap();
        let calls = AtomicU32::new(0);
        let failed: Result<(), Error> = Library::options(&lab.pool)
            .retry(patient())
            .lock_timeout(Duration::from_millis(50))
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.posts().add(1, "once").await?;
                sqlx::query("CALL ends()").execute(db.session()).await?;
                sqlx::query("UPDATE blog SET version = 2").execute(db.session()).await?;
                Ok(())
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(calls.load(SeqCst), 1);
        assert_eq!(Db::texts(&lab.outside, "SELECT title FROM post").await, ["once"]);

        // In a scope it is noticed at the scope's end, and told at commit.
        let mut db = Library::new(&lab.pool);
        let scope: Result<(), Error> = db
            .savepoint(async |db| {
                db.posts().add(2, "twice").await?;
                sqlx::query("CALL ends()").execute(db.session()).await?;
                Ok(())
            })
            .await;
        assert!(scope.is_err());
        assert!(db.commit().await.unwrap_err().is_ended_early());

        // A marker is not written where its transaction is gone.
        lab.script("CREATE PROCEDURE undoes() BEGIN ROLLBACK; END").await;
        Marker::create_table(&lab.outside).await.unwrap();
        let mut db = Library::options(&lab.pool).verify(Verification::marker()).build().unwrap();
        db.posts().add(3, "gone").await.unwrap();
        sqlx::query("CALL undoes()").execute(db.session()).await.unwrap();
        assert!(db.commit().await.unwrap_err().is_ended_early());
        assert_eq!(Db::texts(&lab.outside, "SELECT id FROM uow_marker").await, [""; 0]);
    }
}
