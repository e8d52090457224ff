//! A connection that is of no use any more does not go back to the pool, and a unit that met one is run again on another.

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use sqlx::{MySql, Pool, Postgres};
use unit_of_work::{Entities, Retry};
use uow_test_support::servers;

#[derive(Debug, Clone, PartialEq, Entity)]
struct Thing {
    #[uow(key)]
    id: i64,
    name: String,
}

#[derive(Debug, UnitOfWork)]
struct Things {
    session: Session<Postgres>,
    things: Lazy<Entities<Thing, Postgres>>,
}

#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
enum Mood {
    Glad,
    #[allow(dead_code, reason = "an enum has two at the least")]
    Sad,
}

#[derive(Debug, Clone, PartialEq, Entity)]
struct Person {
    #[uow(key)]
    id: i64,
    mood: Mood,
}

#[derive(Debug, UnitOfWork)]
struct Persons {
    session: Session<Postgres>,
    persons: Lazy<Entities<Person, Postgres>>,
}

fn twice() -> Retry {
    Retry::attempts(2).backoff(Duration::from_millis(1), Duration::from_millis(2))
}

/// Prepares a statement on the pool's one connection as a unit does, and then makes the connection unfit.
async fn prepare(pool: &Pool<Postgres>, statement: &'static str, unfit: &'static str) {
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query(statement).fetch_all(&mut *connection).await.unwrap();
    connection.execute(sqlx::raw_sql(unfit)).await.unwrap();
}

/// PostgreSQL's cases: a name, the statement, what makes the pool's connection unfit for it, what is done from outside.
const POSTGRES: [(&str, &str, &str, &str); 4] = [
    ("stale plan", "SELECT name FROM blog", "SELECT 1", "ALTER TABLE blog ALTER name TYPE text"),
    ("26000", "SELECT version FROM blog", "DEALLOCATE ALL", "SELECT 1"),
    (
        "42P05",
        "SELECT id, name FROM blog",
        "DO $$ BEGIN FOR i IN 1..20 LOOP BEGIN EXECUTE format('PREPARE sqlx_s_%s AS SELECT 1', i); \
         EXCEPTION WHEN duplicate_prepared_statement THEN NULL; END; END LOOP; END $$",
        "SELECT 1",
    ),
    (
        "25006",
        "UPDATE blog SET version = version + 1",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SELECT 1",
    ),
];

/// MySQL's: an error that a server answers with this number and text.
const MYSQL: [(u16, &str, &str); 4] = [
    (1047, "08S01", "WSREP has not yet prepared node for application use"),
    (1243, "HY000", "Unknown prepared statement handler"),
    (1615, "HY000", "Prepared statement needs to be re-prepared"),
    (1290, "HY000", "The server is running with the --read-only option"),
];

servers! {
    async fn a_unit_that_met_an_unfit_connection_is_run_again_on_another(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('one')").await;
        for case in 0..4 {
            for scope in [false, true] {
                let pool = lab.pool_of(1).await;
                let name = unfit(lab, &pool, case).await;
                let calls = AtomicU32::new(0);
                let pool_of_units = pool.clone();
                Library::options(&pool_of_units)
                    .retry(twice())
                    .run(async |db| {
                        let first = calls.fetch_add(1, SeqCst) == 0;
                        if scope {
                            db.savepoint(async |db| Db::send(db.session(), case, first).await).await?;
                        } else {
                            Db::send(db.session(), case, first).await?;
                        }
                        Ok::<_, Error>(())
                    })
                    .await
                    .unwrap_or_else(|error| panic!("{name}, scope {scope}: {error}"));
                assert_eq!(calls.load(SeqCst), 2, "{name}, scope {scope}");

                // Without retry one unit fails, and the connection is not there for the next.
                let pool = lab.pool_of(1).await;
                unfit(lab, &pool, case).await;
                let mut db = Library::new(&pool);
                Db::send(db.session(), case, true).await.unwrap_err();
                let error = db.commit().await.unwrap_err();
                assert!(error.is_rolled_back() && error.is_transient(), "{name}: {error}");
                db.rollback().await.unwrap();
                Db::send(db.session(), case, false).await.unwrap();
                db.commit().await.unwrap();
                pool.close().await;
            }
        }
    }

    async fn a_write_in_a_read_only_unit_is_its_own_fault(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('one')").await;
        let calls = AtomicU32::new(0);
        let outcome: Result<(), Error> = Library::options(&lab.pool)
            .read_only(true)
            .retry(twice())
            .run(async |db| {
                calls.fetch_add(1, SeqCst);
                db.session().execute("UPDATE blog SET version = version + 1").await?;
                Ok(())
            })
            .await;
        assert!(!outcome.unwrap_err().is_transient());
        assert_eq!(calls.into_inner(), 1);
    }

    async fn a_flush_that_met_an_unfit_connection_is_run_again_on_another(lab) {
        if <Db as sqlx::Database>::NAME != "PostgreSQL" {
            return; // MySQL prepares a statement anew by itself.
        }
        let connect = uow_test_support::postgres_connect(&lab.name);
        let pool = sqlx::postgres::PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(connect);
        lab.script("CREATE TABLE thing (id BIGINT PRIMARY KEY, name VARCHAR(5) NOT NULL); INSERT INTO thing VALUES (1, 'x')").await;
        Things::new(&pool).things().require(1).await.unwrap();
        lab.script("ALTER TABLE thing ALTER name TYPE text").await;
        let read = Things::options(&pool).retry(twice());
        let name = read.run(async |db| Ok::<_, Error>(db.things().require(1).await?.name.clone())).await;
        assert_eq!(name.unwrap(), "x");

        // An enum that a migration drops and makes anew. The flush is one lone INSERT.
        let anew = "DROP TABLE IF EXISTS person; DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('glad', 'sad'); \
                    CREATE TABLE person (id BIGINT PRIMARY KEY, mood mood NOT NULL)";
        for key in 1..=3 {
            lab.script(anew).await;
            let calls = AtomicU32::new(0);
            Persons::options(&pool)
                .retry(twice())
                .run(async |db| {
                    calls.fetch_add(1, SeqCst);
                    db.persons().add(Person { id: key, mood: Mood::Glad })?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
            assert_eq!(calls.into_inner(), if key == 1 { 1 } else { 2 });
        }
    }
}

/// What these tests send, and how the connection is made unfit for it.
trait Unfit: Engine {
    /// Sends the statement of a unit's first attempt, or of a later one.
    fn send(
        session: &mut Session<Self>,
        case: usize,
        first: bool,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    async fn make_unfit(lab: &Lab<Self>, pool: &Pool<Self>, case: usize) -> String;
}

async fn unfit<DB: Unfit>(lab: &Lab<DB>, pool: &Pool<DB>, case: usize) -> String {
    DB::make_unfit(lab, pool, case).await
}

impl Unfit for Postgres {
    async fn send(session: &mut Session<Self>, case: usize, _: bool) -> sqlx::Result<()> {
        sqlx::query(POSTGRES[case].1).execute(session).await?;
        Ok(())
    }

    async fn make_unfit(lab: &Lab<Self>, pool: &Pool<Self>, case: usize) -> String {
        let (name, statement, unfit, outside) = POSTGRES[case];
        if case == 0 {
            lab.script("ALTER TABLE blog ALTER name TYPE varchar(200)").await;
        }
        let statement = if name == "42P05" { "SELECT 1" } else { statement };
        prepare(pool, statement, unfit).await;
        lab.script(outside).await;
        name.to_owned()
    }
}

impl Unfit for MySql {
    async fn send(session: &mut Session<Self>, case: usize, first: bool) -> sqlx::Result<()> {
        let (number, state, text) = MYSQL[case];
        let signal = format!("SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = '{text}'");
        let update = "UPDATE blog SET version = version + 1".to_owned();
        let text = sqlx::AssertSqlSafe(if first { signal } else { update });
        sqlx::raw_sql(text).execute(session).await?;
        Ok(())
    }

    async fn make_unfit(_: &Lab<Self>, _: &Pool<Self>, case: usize) -> String {
        MYSQL[case].0.to_string()
    }
}
