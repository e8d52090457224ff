//! The seam to an engine: what it is told, and what its errors mean.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod query;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::io;
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::stream::StreamExt;
use sqlx_core::database::{Database, HasStatementCache};
use sqlx_core::describe::Describe;
use sqlx_core::encode::Encode;
use sqlx_core::error::{BoxDynError, DatabaseError};
use sqlx_core::sql_str::SqlStr;
use sqlx_core::{Either, Error as SqlxError};

use crate::entities::Lock;
use crate::entity::{ColumnType, Table};
use crate::error::{Cause, Error};
use crate::interrupt::Interruptions;
use crate::schema::LiveTable;
use crate::sql::{self, Form, Shape};
use crate::transaction_options::{Plan, TransactionOptions};
pub use query::Query;

/// One step of a statement: a row, or the end of a result with what it affected.
pub type Step<DB> = Either<<DB as Database>::QueryResult, <DB as Database>::Row>;

/// The steps of a statement.
pub type Rows<'e, DB> = BoxStream<'e, Result<Step<DB>, SqlxError>>;

/// An engine a unit of work can talk to: `Sqlite`, `Postgres` or `MySql` (MariaDB included), each behind its feature.
///
/// On MySQL and MariaDB the storage engine of a table decides whether it has transactions. Use InnoDB: a row that is written to a
/// table of `MyISAM`, Aria or MEMORY is stored at once and stays, also after a rollback that is `Ok`.
///
/// The trait knows the engine's words and what its errors mean for a transaction; the protocol itself is
/// [`Session`](crate::Session)'s. It is also there for the types: a bound on it stands for "sqlx can execute on this
/// database's connection", which does not travel through supertraits when it is written out. It is sealed: what it asks of an
/// engine changes with the protocol.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an engine a unit of work can talk to",
    label = "not one of `Sqlite`, `Postgres`, `MySql`",
    note = "each engine needs its feature: unit-of-work = {{ features = [\"sqlite\"] }}, or \"postgres\", or \"mysql\""
)]
pub trait Backend:
    Database<Arguments: 'static, ArgumentBuffer: Default> + HasStatementCache + sealed::Engine
{
    /// How the engine's SQL is read and written.
    const DIALECT: Dialect;
    /// Begins a transaction with the default options. Where there is a server, the message also asks which of its processes
    /// serves this connection.
    const BEGIN: &'static str;
    /// Stands in front of COMMIT in its message, and fails if the transaction failed, or is no longer there. May be empty.
    const CHECK: &'static str;
    /// Commits.
    const COMMIT: &'static str;
    /// [`CHECK`](Self::CHECK) and [`COMMIT`](Self::COMMIT) in one message.
    const CHECKED_COMMIT: &'static str;
    /// Whether COMMIT, and each savepoint, has a message to itself: of a transaction that a cluster aborts between two
    /// statements of one message nobody is told, and the second one is run without it; and a COMMIT that fails with a statement
    /// behind it in its message is answered with success.
    const COMMITS_ALONE: bool = false;
    /// Rolls back.
    const ROLLBACK: &'static str;
    /// Rolls back, and fails if the transaction is not the one in which the sentinel was set.
    const SENTINEL_ROLLBACK: &'static str = "ROLLBACK TO SAVEPOINT uow; ROLLBACK";
    /// Makes the table of [`Marker`](crate::Marker).
    const MARKER_TABLE: &'static str;
    /// Sent before the first thing in a transaction that the session cannot look into: sets the sentinel, and remembers what
    /// that thing may change for those that come after it.
    const BEFORE_UNSEEN: &'static str = sql::SENTINEL;
    /// Sent behind the end of such a transaction: makes the connection what it was before.
    const RESTORE_UNSEEN: &'static str = "";
    /// Whether a server is at the other end, which may hang, or be cut off.
    const HAS_SERVER: bool;
    /// Whether a text without values runs faster as a prepared statement.
    const PREPARES_TEXT: bool;

    /// How a transaction with these options is begun and ended.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] names the option that the engine lacks.
    fn plan(options: &TransactionOptions) -> Result<Plan, Error>;

    /// What to send behind COMMIT, beside what the plan says, to make this connection what it is now.
    fn remember(_connection: &mut Self::Connection) -> BoxFuture<'_, Result<String, SqlxError>> {
        Box::pin(std::future::ready(Ok(String::new())))
    }

    /// The table of markers as this connection sees it, by its whole name: another connection may look elsewhere.
    fn marker_table(connection: &mut Self::Connection) -> BoxFuture<'_, Result<String, SqlxError>>;

    /// Writes a marker as a void one, unless it is there; waits for a transaction that is about to write it.
    fn marker_fence(table: &str, id: &str) -> String;

    /// Removes the markers that are older than this.
    fn marker_clean_up(seconds: u64) -> String;

    /// Runs a statement; the stream ends when its answer has been read to the end.
    fn fetch_many(connection: &mut Self::Connection, query: Query<Self>) -> Rows<'_, Self>;

    /// Runs a statement for its first row; the future ends when nothing of the answer is outstanding.
    fn fetch_optional(
        connection: &mut Self::Connection,
        query: Query<Self>,
    ) -> BoxFuture<'_, Result<Option<Self::Row>, SqlxError>>;

    /// Makes sure that an answer of no row, which [`fetch_optional`](Self::fetch_optional) gave, came to its end.
    fn confirm_no_row(_connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), SqlxError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Prepares a statement.
    fn prepare_with<'e>(
        connection: &'e mut Self::Connection,
        sql: SqlStr,
        parameters: &'e [Self::TypeInfo],
    ) -> BoxFuture<'e, Result<Self::Statement, SqlxError>>;

    /// Describes a statement.
    fn describe(
        connection: &mut Self::Connection,
        sql: SqlStr,
    ) -> BoxFuture<'_, Result<Describe<Self>, SqlxError>>;

    /// Decodes a column of a row by its position.
    ///
    /// # Errors
    ///
    /// Those of sqlx's `Row::try_get`.
    fn column<T: ColumnType<Self>>(row: &Self::Row, index: usize) -> Result<T, SqlxError>;

    /// Whether a statement outside of a transaction is surely committed by itself.
    #[doc(hidden)]
    const AUTOCOMMITS: bool = true;
    /// Read behind the columns of a lone SELECT: tells [`began_by_reading`](Self::began_by_reading).
    #[doc(hidden)]
    const READ_ALSO: &'static str = "";
    /// Whether a lone SELECT, which answered this row, may have begun a transaction.
    #[doc(hidden)]
    fn began_by_reading(_row: Option<&Self::Row>) -> bool {
        false
    }
    /// Whether a batch may be given as one array a column.
    #[doc(hidden)]
    const HAS_ARRAYS: bool = false;
    /// The most values one statement takes.
    #[doc(hidden)]
    const MAX_VALUES: usize;
    /// The most bytes of values that are sent in one statement, where that matters.
    #[doc(hidden)]
    const MAX_BYTES: Option<usize> = None;
    /// How many bytes a value is in a message; asked only where those are limited.
    #[doc(hidden)]
    fn encoded_len<'q, T: Encode<'q, Self>>(_value: &T) -> usize {
        0
    }
    /// Whether what is stored is what was given, to the last digit.
    #[doc(hidden)]
    const KEEPS_VALUES: bool = false;
    /// Whether an upsert writes over a row that it found by whatever unique index, be it another than was meant.
    #[doc(hidden)]
    const UPSERTS_BY_ANY_INDEX: bool = false;
    /// Whether a large INSERT is better off without `RETURNING`. (Where it is, [`key_step`](Self::key_step) is asked in front of
    /// it in the same text, so the engine takes texts of several statements with values.)
    #[doc(hidden)]
    const RETURNING_IS_SLOW: bool = false;
    /// Whether an update of several rows takes its values by `CASE`: column by column, each row's key and value.
    #[doc(hidden)]
    const UPDATES_BY_CASE: bool = false;

    /// Inserts rows, and returns these columns of them where the engine can.
    #[doc(hidden)]
    fn insert_text(shape: &Shape, columns: &[usize], form: Form, returning: &[usize]) -> String;

    /// Updates rows that are as they were read: the identity's values come first, then those of the columns.
    #[doc(hidden)]
    fn update_text(shape: &Shape, columns: &[usize], form: Form) -> String;

    /// Deletes rows that are as they were read.
    #[doc(hidden)]
    fn delete_text(shape: &Shape, form: Form) -> String;

    /// Inserts a row, or writes these columns over the one with the same target columns; returns all columns where it can.
    #[doc(hidden)]
    fn upsert_text(shape: &Shape, columns: &[usize], target: &[usize]) -> String;

    /// The end of an INSERT that leaves out what is there already.
    #[doc(hidden)]
    fn or_ignore(_shape: &Shape) -> String {
        " ON CONFLICT DO NOTHING".to_owned()
    }

    /// Whether such an INSERT of one row has stored it.
    #[doc(hidden)]
    fn was_inserted(result: &Self::QueryResult) -> bool {
        Self::rows_affected(result) > 0
    }

    /// The end of a statement that returns these columns, where the engine can.
    #[doc(hidden)]
    fn returning(shape: &Shape, columns: &[usize]) -> String {
        let mut text = shape.text(" RETURNING ");
        shape.returned(&mut text, columns);
        text.finish()
    }

    /// Asks, without values, for the step between the keys that one INSERT generates: one row, 0 or NULL if there is none.
    #[doc(hidden)]
    fn key_step(_shape: &Shape) -> Option<String> {
        None
    }

    /// The keys of an INSERT that generated so many of them, told from its result and the step between them.
    #[doc(hidden)]
    fn keys_in_step(_result: &Self::QueryResult, _rows: usize, _step: i64) -> Option<Vec<i64>> {
        None
    }

    /// The end of a SELECT that locks its rows, in a transaction that was begun so.
    #[doc(hidden)]
    fn lock_clause(lock: Lock, plan: &Plan) -> Result<&'static str, Error>;

    /// How many rows a statement affected.
    #[doc(hidden)]
    fn rows_affected(result: &Self::QueryResult) -> u64;

    /// Binds a number of our own.
    #[doc(hidden)]
    fn bind_number(arguments: &mut Self::Arguments, number: i64) -> Result<(), BoxDynError>;

    /// The number in the first column.
    #[doc(hidden)]
    fn first_number(row: &Self::Row) -> Result<i64, SqlxError>;

    /// The table, or view, that a statement on this connection would find; `None` if there is none.
    #[doc(hidden)]
    fn live_table<'e>(
        connection: &'e mut Self::Connection,
        table: &'e Table,
    ) -> BoxFuture<'e, Result<Option<LiveTable>, SqlxError>>;

    /// Whether a column of this type holds what can be decoded, told of the types of values.
    #[doc(hidden)]
    fn live_type_fits(info: &Self::TypeInfo, compatible: &dyn Fn(&Self::TypeInfo) -> bool) -> bool {
        compatible(info)
    }

    /// What an error says of the transaction, that came in answer to COMMIT itself.
    fn judge_commit(error: &SqlxError) -> CommitFailure;

    /// Whether an error says that no transaction is open on the connection.
    fn is_no_transaction(_error: &SqlxError) -> bool {
        false
    }

    /// Whether an error is the last thing the connection says, or leaves unsaid what it says next. One of encoding a value
    /// comes before anything is sent.
    fn ends_connection(error: &SqlxError) -> bool {
        !matches!(error, SqlxError::Database(_) | SqlxError::Encode(_))
    }

    /// Whether an error says that this connection, or this node, is no good for any unit: a stale plan, a prepared statement
    /// that is not there, a server that does not take writes. A unit that is not `read_only` runs well on another connection.
    fn spoils_connection(error: &SqlxError, read_only: bool) -> bool;

    /// How to end what a server's process still does for a connection that was given up; `None` where there is no server.
    #[doc(hidden)]
    fn interruptions() -> Option<&'static Interruptions<Self>> {
        None
    }

    /// The number of the process that serves this connection, from the row that [`BEGIN`](Self::BEGIN) answered.
    #[doc(hidden)]
    fn process(_row: &Self::Row) -> Option<u64> {
        None
    }

    /// What a process does now, asked on another connection. One that is younger than this is not the one that was meant: it
    /// has its number from a process that ended.
    #[doc(hidden)]
    fn activity(
        _connection: &mut Self::Connection,
        _process: u64,
        _age: Duration,
    ) -> BoxFuture<'_, Result<Activity, SqlxError>> {
        Box::pin(std::future::ready(Ok(Activity::Gone)))
    }

    /// Ends a process: its statement, its transaction and its connection.
    #[doc(hidden)]
    fn end_process(
        _connection: &mut Self::Connection,
        _process: u64,
    ) -> BoxFuture<'_, Result<(), SqlxError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Whether an error says that the sentinel savepoint, which lives as long as its transaction, is gone.
    fn sentinel_gone(error: &SqlxError) -> bool;

    /// Whether a statement that failed so has rolled back the whole transaction.
    fn rolled_back<'e>(connection: &'e mut Self::Connection, error: &'e SqlxError) -> BoxFuture<'e, bool>;
}

mod sealed {
    /// The engines of this crate, and no other.
    pub trait Engine {}

    #[cfg(feature = "mysql")]
    impl Engine for sqlx_mysql::MySql {}
    #[cfg(feature = "postgres")]
    impl Engine for sqlx_postgres::Postgres {}
    #[cfg(feature = "sqlite")]
    impl Engine for sqlx_sqlite::Sqlite {}
}

/// What became of a transaction whose COMMIT was answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFailure {
    /// It was not committed; it may still be open.
    NotCommitted,
    /// It was no longer there.
    TransactionGone,
    /// Nobody knows.
    Unknown,
}

/// What became of a connection whose ROLLBACK was answered with an error.
#[derive(Debug)]
pub(crate) enum RollbackFailure {
    /// There was no transaction, and none is open now.
    NothingOpen,
    /// The unit's transaction was no longer there; another one may be open.
    Replaced,
    /// The connection is not fit for use. What stands first in the message may have been answered.
    Broken { cause: Cause, answered: bool },
    /// The server did not answer, and could not be told by another connection that the transaction is given up.
    NotTold,
}

/// What a server's process does for its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// There is no such process.
    Gone,
    /// It waits for a statement, inside of a transaction or outside.
    Waits,
    /// It is at work.
    Works,
}

/// How an engine's SQL is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
    /// MySQL's and MariaDB's.
    MySql,
}

/// The answer to a text of the unit's own.
pub(crate) struct Answer {
    /// How many of its statements were answered as done.
    pub(crate) results: usize,
    pub(crate) outcome: Result<(), SqlxError>,
}

/// Sends a text of the unit's own and reads its answer to the end.
pub(crate) fn send<DB: Backend>(
    connection: &mut DB::Connection,
    query: Query<DB>,
) -> impl Future<Output = Answer> + Send {
    // Here, and not in the future: the query need not be moved into it. (Nothing is sent before that is polled.)
    let mut steps = DB::fetch_many(connection, query);
    async move {
        let (mut results, mut ended) = (0, false);
        let outcome = loop {
            match steps.next().await {
                Some(Ok(step)) => {
                    ended = step.is_left();
                    results += usize::from(ended);
                }
                None if ended => break Ok(()),
                None => break Err(no_end()),
                Some(Err(error)) => break Err(error),
            }
        };
        Answer { results, outcome }
    }
}

/// What is said of an answer that stops without the result that every answer ends with. A connection to SQLite whose worker has
/// panicked answers so, and goes on to take statements that nobody runs.
pub(crate) fn no_end() -> SqlxError {
    SqlxError::WorkerCrashed
}

/// What is said of a message that was not answered in time.
pub(crate) fn no_answer(message: &str, limit: Duration) -> SqlxError {
    SqlxError::Io(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("{message} was not answered within {limit:?}"),
    ))
}

/// The first row of an answer that is read to its end.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
async fn first_row<R, D>(
    mut steps: BoxStream<'_, Result<Either<D, R>, SqlxError>>,
) -> Result<Option<R>, SqlxError> {
    let (mut first, mut ended) = (None, true);
    while let Some(step) = steps.next().await {
        let step = step?;
        ended = step.is_left();
        first = first.or(step.right());
    }
    if ended { Ok(first) } else { Err(no_end()) }
}

/// [`Backend::fetch_optional`], with the end of the answer made sure of.
pub(crate) async fn fetch_optional<DB: Backend>(
    connection: &mut DB::Connection,
    query: Query<DB>,
) -> Result<Option<DB::Row>, SqlxError> {
    let row = DB::fetch_optional(connection, query).await?;
    if row.is_none() {
        DB::confirm_no_row(connection).await?;
    }
    Ok(row)
}

/// Runs a statement to the end of its answer.
pub(crate) async fn run<DB: Backend>(
    connection: &mut DB::Connection,
    query: Query<DB>,
    mut each: impl FnMut(Step<DB>) + Send,
) -> Result<(), SqlxError> {
    let mut steps = DB::fetch_many(connection, query);
    let mut ended = false;
    while let Some(step) = steps.next().await {
        let step = step?;
        ended = step.is_left();
        each(step);
    }
    if ended { Ok(()) } else { Err(no_end()) }
}

/// Whether the same unit may well succeed when run again, told from an engine's own error.
pub(crate) fn is_transient_database_error(error: &dyn DatabaseError) -> bool {
    let engines: &[fn(&dyn DatabaseError) -> bool] = &[
        #[cfg(feature = "sqlite")]
        sqlite::is_transient,
        #[cfg(feature = "postgres")]
        postgres::is_transient,
        #[cfg(feature = "mysql")]
        mysql::is_transient,
    ];
    engines.iter().any(|is_transient| is_transient(error))
}

/// Whether an engine's own error is the last thing that its connection says.
pub(crate) fn is_last_word(error: &dyn DatabaseError) -> bool {
    let engines: &[fn(&dyn DatabaseError) -> bool] = &[
        #[cfg(feature = "postgres")]
        postgres::ends_connection,
    ];
    engines.iter().any(|ends_connection| ends_connection(error))
}

/// Whether an error is the fault of a row that was written, or of the order in which rows were, told from an engine's own
/// error. Any other one is not better the second time.
pub(crate) fn is_about_row(error: &SqlxError) -> bool {
    let engines: &[fn(&dyn DatabaseError) -> bool] = &[
        #[cfg(feature = "sqlite")]
        sqlite::is_about_row,
        #[cfg(feature = "postgres")]
        postgres::is_about_row,
        #[cfg(feature = "mysql")]
        mysql::is_about_row,
    ];
    match error {
        SqlxError::Database(error) => engines.iter().any(|is_about_row| is_about_row(&**error)),
        SqlxError::Encode(_) => true,
        _ => false,
    }
}

/// The methods of [`Backend`] that every engine has in the same words, on types that have nothing in common.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! executor_methods {
    () => {
        // Compiled where it is used, and its driver's code with it, which is generic.
        #[inline]
        fn fetch_many(connection: &mut Self::Connection, query: Query<Self>) -> Rows<'_, Self> {
            Executor::fetch_many(connection, query)
        }

        fn prepare_with<'e>(
            connection: &'e mut Self::Connection,
            sql: SqlStr,
            parameters: &'e [Self::TypeInfo],
        ) -> BoxFuture<'e, Result<Self::Statement, SqlxError>> {
            Executor::prepare_with(connection, sql, parameters)
        }

        fn describe(
            connection: &mut Self::Connection,
            sql: SqlStr,
        ) -> BoxFuture<'_, Result<Describe<Self>, SqlxError>> {
            Executor::describe(connection, sql)
        }

        fn column<T: ColumnType<Self>>(row: &Self::Row, index: usize) -> Result<T, SqlxError> {
            row.try_get(index)
        }

        fn rows_affected(result: &Self::QueryResult) -> u64 {
            result.rows_affected()
        }

        fn bind_number(
            arguments: &mut Self::Arguments,
            number: i64,
        ) -> Result<(), sqlx_core::error::BoxDynError> {
            sqlx_core::arguments::Arguments::add(arguments, number)
        }

        fn first_number(row: &Self::Row) -> Result<i64, SqlxError> {
            row.try_get(0)
        }
    };
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use executor_methods;
