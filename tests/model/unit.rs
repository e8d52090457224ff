//! The unit under test, and its statements in each engine's words.

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::{AssertSqlSafe, Executor as _, MySql, Postgres, Row as _, Sqlite};
use unit_of_work::{Backend, Entity, Error, Lazy, Repository, Session, UnitOfWork};
use uow_test_support::{Engine, sql};

use super::outside::Look;
use super::program::{Form, Statement};

/// The table all programs share; each has rows of its own.
pub(crate) const TABLE: &str = "CREATE TABLE cell (program BIGINT NOT NULL, slot BIGINT NOT NULL, \
                                value BIGINT NOT NULL, PRIMARY KEY (program, slot))";

#[derive(Debug, UnitOfWork)]
pub(crate) struct Unit<DB: Backend> {
    pub(crate) session: Session<DB>,
    cells: Lazy<Cells<DB>>,
    notes: Lazy<Notes<DB>>,
}

#[derive(Debug, Repository)]
pub(crate) struct Cells<DB: Backend> {
    pub(crate) session: Session<DB>,
}

#[derive(Debug, Repository)]
pub(crate) struct Notes<DB: Backend> {
    pub(crate) session: Session<DB>,
}

#[derive(Debug, Entity)]
pub(crate) struct Cell {
    #[uow(key)]
    pub(crate) program: i64,
    #[uow(key)]
    pub(crate) slot: i64,
    pub(crate) value: i64,
}

/// What a statement answered, as far as the model knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Nothing,
    Affected(u64),
    Rows(Vec<(i64, i64)>),
}

impl Form {
    /// What an insert on this road answers.
    pub(crate) fn answer(self, slot: i64, value: i64) -> Answer {
        match self {
            Self::Execute | Self::Text | Self::Unnamed | Self::Prepared => Answer::Affected(1),
            Self::One | Self::Optional | Self::All => Answer::Rows(vec![(slot, value)]),
        }
    }
}

/// Transaction control, with which a session is never taken in.
const REFUSED: [&str; 4] = ["COMMIT", "ROLLBACK", "SELECT 1; BEGIN", "SAVEPOINT mine"];

/// An engine the model is held against.
pub(crate) trait Target: Engine + Look {
    /// A statement that takes its time.
    const SLOW: &'static str;

    /// Whether all workers are on one database: SQLite has one writer at a time, so there each has a file of its own.
    const SHARED: bool;

    /// An insert that ends the whole transaction when it fails, where the engine has one.
    const OR_ROLLBACK: &'static str;

    /// Tells the number of the session it runs in; ends a session; counts those of a number.
    const SESSION: [&'static str; 3];

    /// Whether a statement that fails spoils the whole transaction, also where the session does not look.
    const FAILURE_SPOILS: bool;

    /// How one of several workers connects.
    fn of_worker(
        connect: &<Self::Connection as sqlx::Connection>::Options,
        worker: usize,
    ) -> <Self::Connection as sqlx::Connection>::Options;

    /// Runs a statement in the unit; `returning`: the server's INSERT can return rows.
    fn send<'s>(
        session: &'s mut Session<Self>,
        program: i64,
        statement: Statement,
        returning: bool,
    ) -> BoxFuture<'s, sqlx::Result<Answer>>;

    /// The rows of a program, streamed.
    fn stream<'s>(session: &'s mut Session<Self>, program: i64) -> BoxStream<'s, sqlx::Result<(i64, i64)>>;

    /// Inserts on the raw connection; the inner answer is that of the insert.
    fn raw_insert<'s>(
        session: &'s mut Session<Self>,
        cell: Cell,
    ) -> BoxFuture<'s, Result<sqlx::Result<Answer>, Error>>;

    /// Loads a cell again.
    fn refresh<'s>(unit: &'s mut Unit<Self>, cell: &'s mut Cell) -> BoxFuture<'s, Result<(), Error>>;
}

macro_rules! target_methods {
    () => {
        fn send<'s>(
            session: &'s mut Session<Self>,
            program: i64,
            statement: Statement,
            returning: bool,
        ) -> BoxFuture<'s, sqlx::Result<Answer>> {
            Box::pin(async move {
                match statement {
                    Statement::Insert { slot, value, form, .. } => {
                        let insert = "INSERT INTO cell (program, slot, value)";
                        let text = format!("{insert} VALUES ({program}, {slot}, {value})");
                        let values = sql::<Self>(&format!("{insert} VALUES (?, ?, ?)"));
                        let with_rows =
                            sql::<Self>(&format!("{insert} VALUES (?, ?, ?) RETURNING slot, value"));
                        let command = sqlx::query(values.clone()).bind(program).bind(slot).bind(value);
                        let query = sqlx::query_as(with_rows).bind(program).bind(slot).bind(value);
                        match form {
                            Form::Execute => affected(command.execute(session).await?.rows_affected()),
                            Form::Text => affected(
                                sqlx::raw_sql(AssertSqlSafe(text)).execute(session).await?.rows_affected(),
                            ),
                            Form::Unnamed => {
                                affected(command.persistent(false).execute(session).await?.rows_affected())
                            }
                            Form::One | Form::Optional | Form::All if !returning => {
                                // Another statement of the same text has to give the row.
                                let text = format!("{text}; SELECT {slot}, {value}");
                                let query = sqlx::raw_sql(AssertSqlSafe(text));
                                let rows = match form {
                                    Form::One => vec![query.fetch_one(session).await?],
                                    Form::Optional => {
                                        query.fetch_optional(session).await?.into_iter().collect()
                                    }
                                    _ => query.fetch_all(session).await?,
                                };
                                Ok(Answer::Rows(rows.iter().map(|row| (row.get(0), row.get(1))).collect()))
                            }
                            Form::One => Ok(Answer::Rows(vec![query.fetch_one(session).await?])),
                            Form::Optional => {
                                Ok(Answer::Rows(query.fetch_optional(session).await?.into_iter().collect()))
                            }
                            Form::All => Ok(Answer::Rows(query.fetch_all(session).await?)),
                            Form::Prepared => {
                                use sqlx::Statement as _;
                                let prepared = (&mut *session).prepare(values).await?;
                                let command = prepared.query().bind(program).bind(slot).bind(value);
                                affected(command.execute(session).await?.rows_affected())
                            }
                        }
                    }
                    Statement::Pair { first, second, value, .. } => {
                        let insert = "INSERT INTO cell (program, slot, value)";
                        let text = format!(
                            "{insert} VALUES ({program}, {first}, {value}); \
                             {insert} VALUES ({program}, {second}, {value})"
                        );
                        affected(sqlx::raw_sql(AssertSqlSafe(text)).execute(session).await?.rows_affected())
                    }
                    Statement::OrRollback { slot, value } => {
                        let insert = Self::OR_ROLLBACK;
                        let text = sql::<Self>(&format!(
                            "{insert} INTO cell (program, slot, value) VALUES (?, ?, ?)"
                        ));
                        let insert = sqlx::query(text).bind(program).bind(slot).bind(value);
                        affected(insert.execute(session).await?.rows_affected())
                    }
                    Statement::Update { slot, value } => {
                        let text = sql::<Self>("UPDATE cell SET value = ? WHERE program = ? AND slot = ?");
                        let update = sqlx::query(text).bind(value).bind(program).bind(slot);
                        affected(update.execute(session).await?.rows_affected())
                    }
                    Statement::Delete { slot } => {
                        let text = sql::<Self>("DELETE FROM cell WHERE program = ? AND slot = ?");
                        let delete = sqlx::query(text).bind(program).bind(slot);
                        affected(delete.execute(session).await?.rows_affected())
                    }
                    Statement::ReadAll => {
                        let text =
                            sql::<Self>("SELECT slot, value FROM cell WHERE program = ? AND slot BETWEEN 0 AND 999 ORDER BY slot");
                        Ok(Answer::Rows(sqlx::query_as(text).bind(program).fetch_all(session).await?))
                    }
                    Statement::Missing => {
                        let text =
                            sql::<Self>("SELECT slot, value FROM cell WHERE program = ? AND slot = 500");
                        Ok(Answer::Rows(vec![sqlx::query_as(text).bind(program).fetch_one(session).await?]))
                    }
                    Statement::Broken => {
                        let text = sql::<Self>("INSERT INTO nowhere VALUES (?)");
                        affected(sqlx::query(text).bind(program).execute(session).await?.rows_affected())
                    }
                    Statement::Slow => {
                        sqlx::query(Self::SLOW).fetch_all(session).await?;
                        Ok(Answer::Nothing)
                    }
                    Statement::Prepare { sound } => {
                        let text = if sound { "SELECT value FROM cell" } else { "SELECT value FROM nowhere" };
                        session.prepare(sql::<Self>(text)).await?;
                        Ok(Answer::Nothing)
                    }
                    Statement::Refused(at) => {
                        session.execute(sqlx::raw_sql(REFUSED[at])).await?;
                        Ok(Answer::Nothing)
                    }
                    Statement::Kill => {
                        Ok(Answer::Rows(vec![sqlx::query_as(Self::SESSION[0]).fetch_one(session).await?]))
                    }
                    Statement::Lend => {
                        drop(session.connection().await?);
                        Ok(Answer::Nothing)
                    }
                    Statement::Stream { .. }
                    | Statement::Split { .. }
                    | Statement::Refresh { .. }
                    | Statement::Raw { .. } => unreachable!("these have their own ways"),
                }
            })
        }

        fn stream<'s>(
            session: &'s mut Session<Self>,
            program: i64,
        ) -> BoxStream<'s, sqlx::Result<(i64, i64)>> {
            let text = sql::<Self>("SELECT slot, value FROM cell WHERE program = ? AND slot BETWEEN 0 AND 999 ORDER BY slot");
            let rows = sqlx::query(text).bind(program).fetch(session);
            rows.map_ok(|row| (row.get(0), row.get(1))).boxed()
        }

        fn raw_insert<'s>(
            session: &'s mut Session<Self>,
            cell: Cell,
        ) -> BoxFuture<'s, Result<sqlx::Result<Answer>, Error>> {
            Box::pin(async move {
                let mut connection = session.connection().await?;
                let text = sql::<Self>("INSERT INTO cell (program, slot, value) VALUES (?, ?, ?)");
                let insert = sqlx::query(text).bind(cell.program).bind(cell.slot).bind(cell.value);
                let done = insert.execute(&mut *connection).await;
                Ok(done.map(|done| Answer::Affected(done.rows_affected())))
            })
        }

        fn refresh<'s>(unit: &'s mut Unit<Self>, cell: &'s mut Cell) -> BoxFuture<'s, Result<(), Error>> {
            Box::pin(unit.refresh(cell))
        }
    };
}

fn affected(rows: u64) -> sqlx::Result<Answer> {
    Ok(Answer::Affected(rows))
}

impl Target for Sqlite {
    const SLOW: &'static str =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 20000) SELECT count(*) FROM n";
    const SHARED: bool = false;
    const OR_ROLLBACK: &'static str = "INSERT OR ROLLBACK";
    const SESSION: [&'static str; 3] = [""; 3];
    const FAILURE_SPOILS: bool = false;

    fn of_worker(
        connect: &sqlx::sqlite::SqliteConnectOptions,
        worker: usize,
    ) -> sqlx::sqlite::SqliteConnectOptions {
        let file = connect.get_filename().with_extension(format!("of_worker_{worker}"));
        connect.clone().filename(file)
    }

    target_methods!();
}

impl Target for Postgres {
    const SLOW: &'static str = "SELECT pg_sleep(0.015)";
    const SHARED: bool = true;
    const OR_ROLLBACK: &'static str = "INSERT";
    const SESSION: [&'static str; 3] = [
        "SELECT CAST(pg_backend_pid() AS bigint), CAST(0 AS bigint)",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ",
        "SELECT count(*), CAST(0 AS bigint) FROM pg_stat_activity WHERE pid = ",
    ];
    const FAILURE_SPOILS: bool = true;

    fn of_worker(connect: &sqlx::postgres::PgConnectOptions, _: usize) -> sqlx::postgres::PgConnectOptions {
        // No server is killed here, so what is committed need not be on the disk before the answer.
        connect.clone().options([("synchronous_commit", "off")])
    }

    target_methods!();
}

impl Target for MySql {
    const SLOW: &'static str = "SELECT sleep(0.015)";
    const SHARED: bool = true;
    const OR_ROLLBACK: &'static str = "INSERT";
    const SESSION: [&'static str; 3] = [
        "SELECT CAST(connection_id() AS SIGNED), 0",
        "KILL ",
        "SELECT count(*), 0 FROM information_schema.processlist WHERE id = ",
    ];
    const FAILURE_SPOILS: bool = false;

    fn of_worker(connect: &sqlx::mysql::MySqlConnectOptions, _: usize) -> sqlx::mysql::MySqlConnectOptions {
        connect.clone()
    }

    target_methods!();
}
