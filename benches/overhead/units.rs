//! The unit that is measured, one insert and one select, in each of the ways it can be written.

use std::ops::Range;

use sqlx::{MySql, Pool, Postgres, Sqlite};
use unit_of_work::{Error, Lazy, Repository, Session, UnitOfWork};

/// A way to write the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `Database::new`, the getters, `commit`.
    Unit,
    /// `Database::options(&pool).run(…)`.
    Run,
    /// By hand: the unit's own texts on a pooled connection, sent with `sqlx::query`.
    Query,
    /// By hand: the same texts, sent with `sqlx::raw_sql`.
    RawSql,
    /// By hand: `pool.begin()`.
    PoolBegin,
    /// By hand: `pool.begin_with(…)`, with the unit's own text.
    PoolBeginWith,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Unit, Self::Run, Self::Query, Self::RawSql, Self::PoolBegin, Self::PoolBeginWith];

    /// Its name, on a command line and in a report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Run => "run",
            Self::Query => "query",
            Self::RawSql => "raw_sql",
            Self::PoolBegin => "begin",
            Self::PoolBeginWith => "begin_with",
        }
    }

    /// The way of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }
}

/// An engine, with the unit written for it.
pub(crate) trait Units: crate::common::database::Reach {
    /// The table.
    const TABLE: &'static str;
    /// The ways the unit can be written for it.
    const WAYS: &'static [Way];

    /// Runs the unit in one of the ways, once for each of the keys.
    fn units(way: Way, pool: &Pool<Self>, keys: Range<i64>) -> impl Future<Output = Result<(), Error>>;
}

/// Writes the unit for an engine, in each of the ways. The statements' texts are literals, as in an application.
macro_rules! units {
    (
        $engine:ident: $DB:ident,
        ways: $ways:expr, table: $table:literal, begin: $begin:literal, commit: $commit:literal,
        insert: $insert:literal, select: $select:literal,
    ) => {
        pub(crate) mod $engine {
            use super::*;

            type Db = $DB;

            #[derive(UnitOfWork)]
            struct Database {
                session: Session<Db>,
                blogs: Lazy<Blogs>,
            }

            #[derive(Repository)]
            struct Blogs {
                session: Session<Db>,
            }

            impl Blogs {
                async fn add(&mut self, id: i64, name: &str) -> sqlx::Result<()> {
                    sqlx::query($insert).bind(id).bind(name).execute(&mut self.session).await?;
                    Ok(())
                }

                async fn name(&mut self, id: i64) -> sqlx::Result<String> {
                    sqlx::query_scalar($select).bind(id).fetch_one(&mut self.session).await
                }
            }

            impl Units for Db {
                const TABLE: &'static str = $table;
                const WAYS: &'static [Way] = $ways;

                async fn units(way: Way, pool: &Pool<Db>, keys: Range<i64>) -> Result<(), Error> {
                    for key in keys {
                        let name = match way {
                            Way::Unit => unit(pool, key).await?,
                            Way::Run => run(pool, key).await?,
                            Way::Query => query(pool, key).await?,
                            Way::RawSql => raw_sql(pool, key).await?,
                            Way::PoolBegin => pool_begin(pool, key).await?,
                            Way::PoolBeginWith => pool_begin_with(pool, key).await?,
                        };
                        assert_eq!(name, NAME);
                    }
                    Ok(())
                }
            }

            async fn unit(pool: &Pool<Db>, key: i64) -> Result<String, Error> {
                let mut db = Database::new(pool);
                db.blogs().add(key, NAME).await?;
                let name = db.blogs().name(key).await?;
                db.commit().await?;
                Ok(name)
            }

            async fn run(pool: &Pool<Db>, key: i64) -> Result<String, Error> {
                Database::options(pool)
                    .run(async |db| {
                        db.blogs().add(key, NAME).await?;
                        let name = db.blogs().name(key).await?;
                        Ok(name)
                    })
                    .await
            }

            async fn query(pool: &Pool<Db>, key: i64) -> sqlx::Result<String> {
                let mut connection = pool.acquire().await?;
                sqlx::query($begin).execute(&mut *connection).await?;
                sqlx::query($insert).bind(key).bind(NAME).execute(&mut *connection).await?;
                let name = sqlx::query_scalar($select).bind(key).fetch_one(&mut *connection).await?;
                sqlx::query($commit).execute(&mut *connection).await?;
                Ok(name)
            }

            async fn raw_sql(pool: &Pool<Db>, key: i64) -> sqlx::Result<String> {
                let mut connection = pool.acquire().await?;
                sqlx::raw_sql($begin).execute(&mut *connection).await?;
                sqlx::query($insert).bind(key).bind(NAME).execute(&mut *connection).await?;
                let name = sqlx::query_scalar($select).bind(key).fetch_one(&mut *connection).await?;
                sqlx::raw_sql($commit).execute(&mut *connection).await?;
                Ok(name)
            }

            async fn pool_begin(pool: &Pool<Db>, key: i64) -> sqlx::Result<String> {
                let mut transaction = pool.begin().await?;
                sqlx::query($insert).bind(key).bind(NAME).execute(&mut *transaction).await?;
                let name = sqlx::query_scalar($select).bind(key).fetch_one(&mut *transaction).await?;
                transaction.commit().await?;
                Ok(name)
            }

            async fn pool_begin_with(pool: &Pool<Db>, key: i64) -> sqlx::Result<String> {
                let mut transaction = pool.begin_with($begin).await?;
                sqlx::query($insert).bind(key).bind(NAME).execute(&mut *transaction).await?;
                let name = sqlx::query_scalar($select).bind(key).fetch_one(&mut *transaction).await?;
                transaction.commit().await?;
                Ok(name)
            }
        }
    };
}

const NAME: &str = "Rust in the small hours";

units! {
    sqlite: Sqlite,
    ways: &Way::ALL, table: "CREATE TABLE blog (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    begin: "BEGIN IMMEDIATE", commit: "COMMIT",
    insert: "INSERT INTO blog (id, name) VALUES (?, ?)", select: "SELECT name FROM blog WHERE id = ?",
}

// What a server is sent as one text of two statements cannot be prepared.
const SERVER: &[Way] = &[Way::Unit, Way::Run, Way::RawSql, Way::PoolBegin];

units! {
    postgres: Postgres,
    ways: SERVER, table: "CREATE TABLE blog (id BIGINT PRIMARY KEY, name TEXT NOT NULL)",
    begin: "BEGIN; SELECT pg_backend_pid()", commit: "SELECT 1; COMMIT",
    insert: "INSERT INTO blog (id, name) VALUES ($1, $2)", select: "SELECT name FROM blog WHERE id = $1",
}

units! {
    mysql: MySql,
    ways: SERVER, table: "CREATE TABLE blog (id BIGINT PRIMARY KEY, name VARCHAR(200) NOT NULL)",
    begin: "START TRANSACTION; SELECT CONNECTION_ID()", commit: "COMMIT AND NO CHAIN NO RELEASE",
    insert: "INSERT INTO blog (id, name) VALUES (?, ?)", select: "SELECT name FROM blog WHERE id = ?",
}
