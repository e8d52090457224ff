//! `run` goes on wherever a transient failure interrupts it: every place where a connection can be lost, with the number of
//! times the closure is called.

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use unit_of_work::{Marker, Retry, Verification};
use uow_test_support::{Trigger, servers};

fn thrice() -> Retry {
    Retry::attempts(3).backoff(Duration::from_millis(1), Duration::from_millis(2))
}

/// Where the connection is cut, and how often the closure is called then. Behind COMMIT the marker answers for it.
const PLACES: [(&str, u32); 7] = [
    ("BEGIN", 2),
    ("INSERT INTO post", 2),
    ("SAVEPOINT uow_1", 2),
    ("RELEASE SAVEPOINT uow_1", 2),
    ("ROLLBACK TO SAVEPOINT uow_1", 2),
    ("INSERT INTO blog", 2),
    ("COMMIT", 2),
];

servers! {
    async fn run_goes_on_wherever_its_connection_is_lost(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        let postgres = <Db as sqlx::Database>::NAME == "PostgreSQL";
        let mut unit = 0;
        for verified in [false, true] {
            for (place, attempts) in PLACES {
                for heard in [false, true] {
                    let text = match place {
                        "BEGIN" if !postgres => "START TRANSACTION",
                        "INSERT INTO blog" if postgres => "INSERT INTO \"blog\"",
                        "INSERT INTO blog" => "INSERT INTO `blog`",
                        place => place,
                    };
                    if text == "COMMIT" && !verified {
                        continue; // Unknown: tests/faults.rs.
                    }
                    unit += 1;
                    // A text that is prepared already is not sent again, and would not be seen.
                    let (pool, proxy) = lab.through_proxy(2).await;
                    let title = format!("{unit:03}");
                    let trigger = text.as_bytes().to_vec();
                    proxy.cut(if heard { Trigger::BeforeClientHears(trigger) } else { Trigger::BeforeServerSees(trigger) });
                    let calls = AtomicU32::new(0);
                    let mut options = Shelf::<Db>::options(&pool).retry(thrice());
                    if verified {
                        options = options.verify(Verification::marker());
                    }
                    let ran: Result<(), Error> = options
                        .run(async |db| {
                            calls.fetch_add(1, SeqCst);
                            let write = format!("INSERT INTO post (blog_id, title) VALUES (1, '{title}')");
                            db.session().execute(sqlx::AssertSqlSafe(write)).await?;
                            db.savepoint(async |db| {
                                db.session().execute("UPDATE post SET blog_id = 2 WHERE blog_id = 1").await?;
                                Ok::<_, Error>(())
                            })
                            .await?;
                            let undone: Result<(), Error> = db
                                .savepoint(async |db| {
                                    db.session().execute("DELETE FROM post").await?;
                                    Err(Error::Busy)
                                })
                                .await;
                            // Whoever swallows it is run again all the same.
                            drop(undone);
                            db.blogs().add(Blog::named(&title))?;
                            Ok(())
                        })
                        .await;
                    let said = format!("{place}, heard by the server: {heard}, verified: {verified}");
                    ran.unwrap_or_else(|error| panic!("{said}: {error}"));
                    let expected = if place == "COMMIT" && heard { 1 } else { attempts };
                    assert_eq!(calls.load(SeqCst), expected, "{said}");
                }
            }
        }
        let expected: Vec<String> = (1..=unit).map(|unit| format!("{unit:03}")).collect();
        assert_eq!(lab.blogs().await, expected, "each exactly once");
        let titles = Db::texts(&lab.outside, "SELECT title FROM post ORDER BY title").await;
        assert_eq!(titles, expected, "each exactly once");
        println!("{unit} places");
    }

    async fn run_goes_on_where_a_session_is_killed_while_a_scope_ends(lab) {
        let lab: &Lab<Db> = lab;
        for keeps in [true, false] {
            let calls = AtomicU32::new(0);
            Library::options(&lab.pool)
                .retry(thrice())
                .run(async |db| {
                    let first = calls.fetch_add(1, SeqCst) == 0;
                    db.posts().add(1, "post").await?;
                    db.savepoint(async |db| {
                        db.posts().add(2, "post").await?;
                        if first {
                            Db::kill_sessions(lab).await;
                            tokio::time::sleep(Duration::from_millis(50)).await;
                        }
                        if keeps || first { Ok(()) } else { Err(Error::Busy) }
                    })
                    .await
                    .or_else(|error| if error.is_busy() { Ok(()) } else { Err(error) })
                })
                .await
                .unwrap();
            assert_eq!(calls.load(SeqCst), 2, "keeps {keeps}");
        }
        let posts = Db::texts(&lab.outside, "SELECT title FROM post").await;
        assert_eq!(posts.len(), 3);
    }
}

/// SQLite has no connection to lose but its worker (tests/worker.rs). What passes there is a lock.
mod sqlite {
    use super::*;
    use sqlx::sqlite::{SqliteJournalMode, SqlitePoolOptions};
    use sqlx::{Connection as _, Sqlite, SqliteConnection};
    use uow_test_support::claim;

    claim! { Sqlite, run_goes_on_wherever_the_database_was_locked, lab, {
        // With a rollback journal COMMIT itself waits for readers.
        for place in ["BEGIN", "lone INSERT", "COMMIT"] {
            let folder = tempfile::tempdir().unwrap();
            let connect = lab.connect.clone().filename(folder.path().join("db"));
            let connect = connect.busy_timeout(Duration::ZERO).journal_mode(SqliteJournalMode::Delete);
            let pool = SqlitePoolOptions::new().max_connections(1).connect_with(connect.clone()).await.unwrap();
            pool.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(uow_test_support::schema::<Sqlite>()))).await.unwrap();
            let mut other = SqliteConnection::connect_with(&connect).await.unwrap();
            let hold = if place == "COMMIT" { "BEGIN; SELECT count(*) FROM post" } else { "BEGIN IMMEDIATE" };
            other.execute(sqlx::raw_sql(hold)).await.unwrap();
            let other = tokio::sync::Mutex::new(other);
            let calls = AtomicU32::new(0);
            let ran: Result<(), Error> = Shelf::<Sqlite>::options(&pool)
                .retry(thrice())
                .run(async |db| {
                    let call = calls.fetch_add(1, SeqCst);
                    if call == 1 {
                        other.lock().await.execute(sqlx::raw_sql("ROLLBACK")).await?;
                    }
                    if place != "lone INSERT" {
                        db.session().execute("INSERT INTO post (blog_id, title) VALUES (1, 'post')").await?;
                    }
                    db.blogs().add(Blog::named(place))?;
                    Ok(())
                })
                .await;
            ran.unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(calls.load(SeqCst), 2, "{place}");
            let stored: Vec<String> = sqlx::query_scalar("SELECT name FROM blog").fetch_all(&pool).await.unwrap();
            assert_eq!(stored, [place]);
            pool.close().await;
        }
    } }
}
