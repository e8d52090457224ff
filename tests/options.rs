//! Options are sent with BEGIN, and the connection is what it was before when it goes back.

mod common;

use std::time::{Duration, Instant};

use common::*;
use unit_of_work::{Isolation, SqliteMode};

engines! {
    async fn a_read_only_unit_reads_and_cannot_write(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('a')").await;
        let pool = lab.pool_of(1).await;
        let mut db = Library::options(&pool).read_only(true).build().unwrap();
        assert_eq!(db.blogs().count().await.unwrap(), 1);
        db.blogs().add("b").await.unwrap_err();
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        db.rollback().await.unwrap();
        assert_eq!(db.blogs().count().await.unwrap(), 1);
        db.commit().await.unwrap();
        drop(db);
        // The same connection, in another unit: it writes.
        let mut db = Library::new(&pool);
        db.blogs().add("b").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["a", "b"]);
    }

    async fn a_read_only_unit_that_was_dropped_leaves_a_connection_that_writes(lab) {
        let pool = lab.pool_of(1).await;
        let mut db = Library::options(&pool).read_only(true).build().unwrap();
        assert_eq!(db.blogs().count().await.unwrap(), 0);
        drop(db);
        sqlx::query("INSERT INTO blog (name) VALUES ('a')").execute(&pool).await.unwrap();
        assert_eq!(lab.blogs().await, ["a"]);
    }

    async fn a_lock_is_waited_for_as_long_as_the_lock_timeout(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('a')").await;
        let mut holder = Library::new(&lab.pool);
        sqlx::query("UPDATE blog SET version = 1").execute(holder.session()).await.unwrap();

        let pool = lab.pool_of(1).await;
        let mut waiter = Library::options(&pool).lock_timeout(Duration::from_secs(1)).build().unwrap();
        let began = Instant::now();
        let error = sqlx::query("UPDATE blog SET version = 2").execute(waiter.session()).await.unwrap_err();
        let waited = began.elapsed();
        assert!(Error::from(error).is_transient());
        assert!(waited > Duration::from_millis(700) && waited < Duration::from_secs(5), "{waited:?}");
        waiter.rollback().await.unwrap();
        holder.commit().await.unwrap();
        sqlx::query("UPDATE blog SET version = 3").execute(waiter.session()).await.unwrap();
        waiter.commit().await.unwrap();
        drop(waiter);

        // The connection is what it was before.
        let text = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "SELECT current_setting('lock_timeout')",
            "MySQL" => "SELECT CAST(@@innodb_lock_wait_timeout = @@GLOBAL.innodb_lock_wait_timeout AS CHAR)",
            _ => "SELECT CAST(timeout AS TEXT) FROM pragma_busy_timeout",
        };
        let setting: String = sqlx::query_scalar(text).fetch_one(&pool).await.unwrap();
        let before = match <Db as sqlx::Database>::NAME { "PostgreSQL" => "0", "MySQL" => "1", _ => "20000" };
        assert_eq!(setting, before);
    }

    async fn a_statement_is_ended_at_the_statement_timeout(lab) {
        let options = Library::<Db>::options(&lab.pool).statement_timeout(Duration::from_millis(300));
        if <Db as sqlx::Database>::NAME == "SQLite" {
            assert!(matches!(options.build(), Err(Error::Unsupported { .. })));
            return;
        }
        // (MySQL's sleep() would be interrupted without an error.)
        let slow = if <Db as sqlx::Database>::NAME == "PostgreSQL" {
            "SELECT pg_sleep(5)"
        } else {
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000) SELECT count(*) FROM n, n AS m, n AS o"
        };
        let pool = lab.pool_of(1).await;
        let mut db = Library::options(&pool).statement_timeout(Duration::from_millis(300)).build().unwrap();
        let began = Instant::now();
        let answer = sqlx::query(slow).fetch_all(db.session()).await;
        assert!(began.elapsed() < Duration::from_secs(3));
        answer.unwrap_err();
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        db.rollback().await.unwrap();
        drop(db);
        let text = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "SELECT current_setting('statement_timeout')",
            // Either is a comment to the server that does not have it.
            _ => "SELECT concat('0' /*M!100101 + @@max_statement_time */ /*!50708 + @@max_execution_time */)",
        };
        let setting: String = sqlx::raw_sql(text).fetch_one(&pool).await.map(|row| sqlx::Row::get(&row, 0)).unwrap();
        assert!(setting.parse::<f64>().unwrap() == 0.0, "{setting}");
    }

    async fn a_deadline_cuts_a_statement_off_and_refuses_the_commit(lab) {
        let slow = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "SELECT pg_sleep(3)",
            "MySQL" => "SELECT sleep(3)",
            _ => "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5000000) SELECT count(*) FROM n",
        };
        let mut db = Library::options(&lab.pool).deadline(Duration::from_millis(200)).build().unwrap();
        db.blogs().add("late").await.unwrap();
        let error = Error::from(sqlx::query(slow).fetch_all(db.session()).await.unwrap_err());
        assert!(error.is_rolled_back() && matches!(error.cause(), Some(Cause::DeadlineExceeded)), "{error}");
        let error = db.commit().await.unwrap_err();
        assert!(matches!(error.cause(), Some(Cause::DeadlineExceeded)), "{error}");
        // (The server, and SQLite's thread, may be busy with the statement for a while yet.)
        db.rollback().await.unwrap();
    }

    async fn a_deadline_is_that_of_all_a_unit_waits_for(lab) {
        let pool = lab.pool_of(1).await;
        let late = |error: Error, what: &str| {
            assert!(matches!(error.cause(), Some(Cause::DeadlineExceeded)), "{what}: {error}");
        };
        let held = pool.acquire().await.unwrap();
        let began = Instant::now();
        for what in ["refresh", "connection", "prepare", "describe"] {
            let mut db = Library::options(&pool).deadline(Duration::from_millis(50)).build().unwrap();
            let answer = match what {
                "refresh" => db.refresh(&mut Blog { id: 1, name: String::new(), version: 0 }).await,
                "connection" => db.session().connection().await.map(drop),
                "prepare" => db.session().prepare(sqlx::SqlStr::from_static("SELECT 1")).await.map(drop).map_err(Error::from),
                _ => db.session().describe(sqlx::SqlStr::from_static("SELECT 1")).await.map(drop).map_err(Error::from),
            };
            late(answer.unwrap_err(), what);
            db.rollback().await.unwrap();
        }
        drop(held);
        let mut db = Library::options(&pool).deadline(Duration::from_millis(300)).build().unwrap();
        let scope: Result<(), Error> = db
            .savepoint(async |db| {
                db.blogs().add("late").await?;
                tokio::time::sleep(Duration::from_millis(400)).await;
                Ok(())
            })
            .await;
        // (It may be done before the timer has looked.)
        if let Err(error) = scope {
            late(error, "the end of a scope");
        }
        late(db.commit().await.unwrap_err(), "commit");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_deadline_cuts_off_the_end_of_a_scope(lab) {
        let slow = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "SELECT pg_sleep(2)",
            "MySQL" => "DO sleep(2)",
            _ => return, // whose statements nobody can hold up on their way
        };
        let (pool, proxy) = lab.through_proxy(1).await;
        let began = Instant::now();
        for end in ["RELEASE SAVEPOINT uow_1", "ROLLBACK TO SAVEPOINT uow_1"] {
            proxy.rewrite(end, &format!("{slow:width$}", width = end.len()));
            let keep = end.starts_with("RELEASE");
            let mut db = Library::options(&pool).deadline(Duration::from_millis(300)).build().unwrap();
            let scope: Result<(), Error> = db
                .savepoint(async |db| {
                    if !keep {
                        // (Not a second row, which MariaDB has wait for the first one.)
                        db.blogs().count().await?;
                        return Err(sqlx::Error::RowNotFound.into());
                    }
                    db.blogs().add("late").await?;
                    Ok(())
                })
                .await;
            let scope = scope.unwrap_err().to_string();
            assert!(scope.contains(if keep { "deadline" } else { "no rows" }), "{scope}");
            let error = db.commit().await.unwrap_err();
            assert!(error.is_rolled_back() && matches!(error.cause(), Some(Cause::DeadlineExceeded)), "{error}");
            db.rollback().await.unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_unit_that_idles_its_time_away_is_not_committed(lab) {
        let mut db = Library::options(&lab.pool).deadline(Duration::from_millis(200)).build().unwrap();
        db.blogs().add("late").await.unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
        let error = db.commit().await.unwrap_err();
        assert!(matches!(error.cause(), Some(Cause::DeadlineExceeded)), "{error}");
        assert_eq!(lab.blogs().await, [""; 0]);
        db.rollback().await.unwrap();
        // The next transaction of the unit has all of its time again.
        db.blogs().add("in time").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["in time"]);
        lab.no_open_transactions().await;
    }

    async fn a_deadline_cuts_off_a_closure_wherever_it_waits(lab) {
        let began = Instant::now();
        let error = Library::options(&lab.pool)
            .deadline(Duration::from_millis(100))
            .run(async |db| {
                db.blogs().add("late").await?;
                tokio::time::sleep(Duration::from_secs(10)).await;
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(matches!(error.cause(), Some(Cause::DeadlineExceeded)), "{error}");
        assert_eq!(lab.blogs().await, [""; 0]);
        lab.no_open_transactions().await;
        lab.settled().await;
    }

    async fn the_level_is_the_units_alone(lab) {
        let pool = lab.pool_of(1).await;
        let level = if <Db as sqlx::Database>::NAME == "SQLite" { Isolation::Serializable } else { Isolation::RepeatableRead };
        let count = async |db: &mut unit_of_work::Scope<Library<Db>>| db.blogs().count().await;
        Library::options(&pool).isolation(level).read_only(true).run(async |db| count(db).await).await.unwrap();
        let text = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "SELECT current_setting('transaction_isolation') = current_setting('default_transaction_isolation')",
            "MySQL" if lab.mariadb => "SELECT @@SESSION.tx_isolation = @@GLOBAL.tx_isolation AND @@tx_read_only = 0",
            "MySQL" => "SELECT @@SESSION.transaction_isolation = @@GLOBAL.transaction_isolation \
                        AND @@transaction_read_only = 0",
            _ => "SELECT query_only = 0 FROM pragma_query_only",
        };
        let as_before: bool = sqlx::query_scalar(text).fetch_one(&pool).await.unwrap();
        assert!(as_before);
    }

    async fn what_others_commit_is_unseen_at_repeatable_read(lab) {
        let (mut options, sqlite) = (Library::options(&lab.pool), <Db as sqlx::Database>::NAME == "SQLite");
        options = if sqlite { options.read_only(true) } else { options.isolation(Isolation::RepeatableRead) };
        let mut db = options.begin().await.unwrap();
        assert_eq!(db.blogs().count().await.unwrap(), 0);
        lab.script("INSERT INTO blog (name) VALUES ('another')").await;
        assert_eq!(db.blogs().count().await.unwrap(), 0);
        db.commit().await.unwrap();
        assert_eq!(db.blogs().count().await.unwrap(), 1);
    }

    async fn what_others_commit_is_seen_at_read_committed_and_not_before_they_do(lab) {
        let (mut options, sqlite) = (Library::options(&lab.pool), <Db as sqlx::Database>::NAME == "SQLite");
        // (SQLite has but one level: there a unit that reads sees one moment.)
        options = if sqlite { options.read_only(true) } else { options.isolation(Isolation::ReadCommitted) };
        let mut db = options.begin().await.unwrap();
        let mut seen = vec![db.blogs().count().await.unwrap()];
        let mut other = Library::new(&lab.pool);
        other.blogs().add("another").await.unwrap();
        seen.push(db.blogs().count().await.unwrap());
        other.commit().await.unwrap();
        seen.push(db.blogs().count().await.unwrap());
        assert_eq!(seen, [0, 0, i64::from(!sqlite)]);
    }

    async fn a_unit_inside_a_read_only_one_may_write(lab) {
        let mut outer = Library::options(&lab.pool).read_only(true).build().unwrap();
        outer.blogs().count().await.unwrap();
        let mut inner = Library::new(outer.session().pool());
        inner.blogs().add("inner").await.unwrap();
        inner.commit().await.unwrap();
        outer.blogs().add("outer").await.unwrap_err();
        assert!(outer.commit().await.unwrap_err().is_rolled_back());
        assert_eq!(lab.blogs().await, ["inner"]);
    }

    async fn a_deadline_that_is_over_at_once_stores_nothing(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('old')").await;
        let answer = Library::options(&lab.pool)
            .deadline(Duration::ZERO)
            .run(async |db| {
                db.blogs().add("new").await?;
                Ok::<_, Error>(())
            })
            .await;
        let error = answer.unwrap_err();
        assert!(matches!(error.cause(), Some(Cause::DeadlineExceeded)), "{error}");
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs().await, ["old"]);
    }

    async fn a_limit_beyond_all_time_is_none(lab) {
        let mut options = Library::options(&lab.pool).deadline(Duration::MAX).lock_timeout(Duration::MAX);
        if <Db as sqlx::Database>::NAME != "SQLite" {
            options = options.statement_timeout(Duration::MAX);
        }
        let mut db = options.build().unwrap();
        db.blogs().add("a").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["a"]);
    }

    async fn a_row_of_a_stream_that_was_cut_off_is_not_given_to_the_next(lab) {
        use futures_util::StreamExt as _;
        lab.script("INSERT INTO blog (name) VALUES ('old1'), ('old2'), ('old3')").await;
        for millis in 1..15 {
            let mut db = Library::options(&lab.pool).read_only(true).deadline(Duration::from_millis(millis)).build().unwrap();
            let mut rows = sqlx::query("SELECT name FROM blog").fetch(db.session());
            while let Some(Ok(_)) = rows.next().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            drop(rows);
            if db.rollback().await.is_err() {
                continue;
            }
            let fresh: Vec<String> = match sqlx::query_scalar("SELECT 'new'").fetch(db.session()).collect::<Vec<_>>().await {
                rows if rows.iter().all(Result::is_ok) => rows.into_iter().flatten().collect(),
                _ => continue, // cut off again
            };
            assert_eq!(fresh, ["new"]);
        }
    }
}

#[test]
fn sqlite_writers_wait_for_each_other_and_deferred_ones_do_not() {
    type Db = sqlx::Sqlite;
    Lab::<Db>::run("sqlite_writers_wait", async |lab: &mut Lab<Db>| {
        lab.script("INSERT INTO blog (name) VALUES ('a')").await;
        let mut first = Library::new(&lab.pool);
        first.blogs().add("b").await.unwrap();
        // Deferred: it has read, so at its first write it fails at once, though the busy timeout is 20 s.
        let mut deferred = Library::options(&lab.pool).sqlite_mode(SqliteMode::Deferred).build().unwrap();
        assert_eq!(deferred.blogs().count().await.unwrap(), 1);
        let began = Instant::now();
        let error = Error::from(deferred.blogs().add("c").await.unwrap_err());
        assert!(error.is_transient() && began.elapsed() < Duration::from_secs(2), "{error}");
        drop(deferred);
        // Immediate, the default: it waits, and is served.
        let pool = lab.pool.clone();
        let waiting = tokio::spawn(async move {
            let mut second = Library::new(&pool);
            assert_eq!(second.blogs().count().await?, 2);
            second.blogs().add("c").await?;
            second.commit().await
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        first.commit().await.unwrap();
        waiting.await.unwrap().unwrap();
        assert_eq!(lab.blogs().await, ["a", "b", "c"]);
    });
}

#[test]
fn a_pool_that_is_read_only_stays_so() {
    type Db = sqlx::Sqlite;
    Lab::<Db>::run("a_pool_that_is_read_only", async |lab: &mut Lab<Db>| {
        let connect = lab.connect.clone().pragma("query_only", "ON");
        let pool = uow_test_support::pool_options::<sqlx::Sqlite>()
            .max_connections(1)
            .connect_with(connect)
            .await
            .unwrap();
        let mut db = Library::options(&pool).read_only(true).build().unwrap();
        db.blogs().count().await.unwrap();
        db.commit().await.unwrap();
        drop(db);
        sqlx::query("INSERT INTO blog (name) VALUES ('no')").execute(&pool).await.unwrap_err();
        pool.close().await;
    });
}

mod behind_a_pooler {
    use super::*;

    uow_test_support::servers! {
        async fn what_was_prepared_on_the_connection_is_not_used(lab) {
            let (pool, proxy) = lab.through_proxy(1).await;
            let text = sql::<Db>("SELECT count(*) FROM blog WHERE id > ?");
            let count = || sqlx::query_scalar::<_, i64>(text.clone()).bind(1_i64);
            // By others, on the same connection; from now on they send its name alone.
            count().fetch_one(&pool).await.unwrap();
            proxy.sent();
            count().fetch_one(&pool).await.unwrap();
            let texts = |sent: &[Vec<u8>]| Db::statements(sent).iter().filter(|text| text.starts_with("SELECT count")).count();
            assert_eq!(texts(&proxy.sent()), 0);
            let mut db = Library::<Db>::options(&pool).behind_pooler(true).build().unwrap();
            for _ in 0..2 {
                count().fetch_one(db.session()).await.unwrap();
                assert_eq!(texts(&proxy.sent()), 1);
            }
            // Nor can one be kept.
            for refused in [
                db.session().prepare(text.clone()).await.map(drop),
                db.session().describe(text.clone()).await.map(drop),
            ] {
                let error = Error::from(refused.unwrap_err());
                assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("sqlx::query"), "{error}");
            }
            db.commit().await.unwrap();
        }

        async fn every_statement_is_in_a_transaction_and_none_stays_prepared(lab) {
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Shelf::<Db>::options(&pool).behind_pooler(true).build().unwrap();
            proxy.sent();
            let added = db.blogs().add(Blog::named("a")).unwrap();
            db.commit().await.unwrap();
            let mut blog = Blog { id: added.key().unwrap(), ..Blog::named("") };
            db.refresh(&mut blog).await.unwrap();
            db.commit().await.unwrap();
            let first = sql::<Db>("SELECT name FROM blog WHERE id = ?");
            for _ in 0..3 {
                let name: String = sqlx::query_scalar(first.clone()).bind(blog.id).fetch_one(db.session()).await.unwrap();
                assert_eq!(name, "a");
            }
            db.commit().await.unwrap();
            let sent = Db::statements(&proxy.sent());
            let kinds: Vec<&str> = sent.iter().filter_map(|text| text.split([' ', ';']).next()).collect();
            let (begin, commit) = if <Db as sqlx::Database>::NAME == "PostgreSQL" { ("BEGIN", "SELECT") } else { ("START", "COMMIT") };
            // Each SELECT is prepared again, which is what the proxy sees.
            let expected = [begin, "INSERT", commit, begin, "SELECT", commit, begin, "SELECT", "SELECT", "SELECT", commit];
            assert_eq!(kinds, expected, "{sent:?}");
        }
    }
}
