//! A statement on its way to a connection.

use std::borrow::Cow;
use std::fmt;

use sqlx_core::error::BoxDynError;
use sqlx_core::executor::Execute;
use sqlx_core::sql_str::{AssertSqlSafe, SqlSafeStr, SqlStr};

use super::{Backend, Dialect};

/// A statement on its way to a connection: what sqlx's `Execute` carries, taken apart so that its text can be looked at.
pub struct Query<DB: Backend> {
    sql: SqlStr,
    /// `Ok(None)` asks for the text protocol.
    arguments: Result<Option<DB::Arguments>, BoxDynError>,
    /// Boxed, for few queries have one, and all are moved about.
    statement: Option<Box<DB::Statement>>,
    persistent: bool,
}

impl<DB: Backend> Query<DB> {
    pub(crate) fn from_execute<'q>(mut query: impl Execute<'q, DB>) -> Self {
        let arguments = query.take_arguments();
        let statement = query.statement().cloned().map(Box::new);
        let persistent = query.persistent();
        Self { sql: query.sql(), arguments, statement, persistent }
    }

    /// A statement with values.
    pub(crate) fn with_arguments(text: String, arguments: DB::Arguments) -> Self {
        let sql = AssertSqlSafe(text).into_sql_str();
        Self { sql, arguments: Ok(Some(arguments)), statement: None, persistent: true }
    }

    /// One of the unit's own texts that is the same each time.
    pub(crate) fn fixed(text: impl Into<Cow<'static, str>>) -> Self {
        let sql = AssertSqlSafe(text.into()).into_sql_str();
        let arguments = DB::PREPARES_TEXT.then(DB::Arguments::default);
        Self { sql, arguments: Ok(arguments), statement: None, persistent: true }
    }

    /// One of the unit's own texts.
    pub(crate) fn unprepared(text: String) -> Self {
        Self {
            sql: AssertSqlSafe(text).into_sql_str(),
            arguments: Ok(None),
            statement: None,
            persistent: false,
        }
    }

    /// The same, neither to be kept as a prepared statement, nor found among those that are kept: sqlx looks for its text there.
    pub(crate) fn prepared_anew(self) -> Self {
        if matches!(self.arguments, Ok(None)) {
            return self;
        }
        let sql = AssertSqlSafe(format!("{}\n/* prepared anew */", self.sql.as_str())).into_sql_str();
        Self { sql, persistent: false, statement: None, ..self }
    }

    /// Whether the server takes it for one statement: a prepared one is, but on SQLite.
    pub(crate) fn is_one(&self) -> bool {
        DB::DIALECT != Dialect::Sqlite && !matches!(self.arguments, Ok(None))
    }

    /// The text of the statement.
    pub(crate) fn text(&self) -> &str {
        self.sql.as_str()
    }
}

impl<'q, DB: Backend> Execute<'q, DB> for Query<DB> {
    #[inline]
    fn sql(self) -> SqlStr {
        self.sql
    }

    #[inline]
    fn statement(&self) -> Option<&DB::Statement> {
        self.statement.as_deref()
    }

    #[inline]
    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        std::mem::replace(&mut self.arguments, Ok(None))
    }

    #[inline]
    fn persistent(&self) -> bool {
        self.persistent
    }
}

impl<DB: Backend> fmt::Debug for Query<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the values: they are the user's.
        f.debug_struct("Query").field("sql", &self.sql.as_str()).finish_non_exhaustive()
    }
}
