//! The session: the conversation with the database inside one unit of work.

mod alone;
mod commit;
mod deadline;
mod executor;
mod lease;
mod rollback;
mod rows;
mod scopes;
mod state;
mod transaction;
mod written;

use std::fmt;
use std::sync::Arc;

use sqlx_core::pool::Pool;

use crate::backend::Backend;
use crate::error::Error;
use crate::raw::RawConnection;
use crate::sql::Effect;
pub(crate) use lease::Lease;
pub use state::SessionState;
pub(crate) use state::{Settings, Shared};

/// The conversation with the database inside one unit of work: a connection, and the transaction on it.
///
/// A field of this type makes a struct a unit of work ([`UnitOfWork`](crate::UnitOfWork)) or a repository
/// ([`Repository`](crate::Repository)). `&mut Session<DB>` is an sqlx `Executor`, so `sqlx::query`, `query_as`,
/// `QueryBuilder`, `raw_sql`, the checked macros and streaming `fetch` work on it as they do on a pool.
///
/// Nothing is sent, and no connection is taken from the pool, before the first statement; that one acquires, sends BEGIN
/// and then itself. Commit and rollback give the connection back, and the next statement begins anew. A session is not
/// `Clone`: its unit lends it, one statement at a time.
///
/// It runs in the runtime that sqlx runs in, whichever its features choose. Only tokio is told to finish the work of a unit that
/// is dropped: elsewhere the connection of that unit is closed, which rolls back as well.
///
/// On MySQL and MariaDB a rollback undoes what was written to InnoDB's tables, and nothing of what was written to tables without
/// transactions (`MyISAM`, Aria, MEMORY, …): see [`Backend`].
///
/// # Errors
///
/// A statement's own failure is handed on unchanged. From then on the session is *poisoned*: every further statement is
/// refused without reaching the server, and `commit` answers [`Error::RolledBack`] with that first cause; `rollback` makes
/// the unit usable again. Only inside [`savepoint`](crate::UnitOfWork::savepoint) is a failure confined to the scope.
///
/// A statement that was *abandoned* poisons the whole unit, whatever scope it was in, for its connection is closed: its future
/// was dropped before it was done, or its rows were not read to the end. (The latter is also what becomes of `fetch_all` when a
/// row does not decode: sqlx reads no further then. `fetch_one` and `fetch_optional` have read to the end before they decode.)
///
/// Statements that would end the transaction (`COMMIT`, `ROLLBACK`, `SAVEPOINT`, …, and on MySQL those that commit
/// implicitly) are refused with [`Error::Refused`], which names the method to use instead. So is a text that holds a NUL byte, run or
/// prepared: sqlx's SQLite driver would never get past the byte, and keep the transaction's locks. What may run others out of sight (on
/// MySQL CALL, EXECUTE, a compound statement; on every engine a text of several statements that can be read in two ways) passes,
/// and the server is asked at the end whether the transaction is still the one that was begun: [`Error::EndedEarly`] if not, and
/// [`Error::OutcomeUnknown`] if it can no longer be asked.
///
/// # Example
///
/// ```
/// use sqlx::Sqlite;
/// use unit_of_work::{Repository, Session};
///
/// #[derive(Repository)]
/// pub struct Blogs {
///     session: Session<Sqlite>,
/// }
///
/// impl Blogs {
///     pub async fn count(&mut self) -> sqlx::Result<i64> {
///         sqlx::query_scalar("SELECT count(*) FROM blog").fetch_one(&mut self.session).await
///     }
/// }
/// ```
pub struct Session<DB: Backend> {
    shared: Arc<Shared<DB>>,
    /// The unit's own handle. When it is dropped the unit is over, whoever still holds a repository's handle.
    owner: bool,
}

impl<DB: Backend> Session<DB> {
    /// A session on `pool` for a unit of work. Sends nothing and takes no connection.
    pub fn new(pool: &Pool<DB>) -> Self {
        Self::open(pool, Settings::plain("a session"))
    }

    /// The session of a unit with these settings.
    pub(crate) fn open(pool: &Pool<DB>, settings: Settings<DB>) -> Self {
        Self { shared: Arc::new(Shared::new(pool.clone(), settings)), owner: true }
    }

    /// A repository's handle to the same session. Only generated code may hold two of them.
    #[doc(hidden)]
    pub fn share(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), owner: false }
    }

    /// What the session is doing now. Costs nothing; asks nobody.
    pub fn state(&self) -> SessionState {
        self.shared.describe()
    }

    /// Whether a transaction is open on the server for this session, be it fit to commit or not.
    pub fn is_in_transaction(&self) -> bool {
        self.shared.is_in_transaction()
    }

    /// Dooms the unit, or inside of [`savepoint`](crate::UnitOfWork::savepoint) the scope: it can only be undone from here on.
    ///
    /// For code that finds that the unit must not be stored, and cannot, or should not, see to it that an error reaches
    /// whoever decides. Further statements are refused with [`Error::Poisoned`], `commit` (or the end of
    /// [`run`](crate::Options::run)) answers [`Error::RolledBack`] with this reason as its
    /// [`Cause::RollbackOnly`](crate::Cause::RollbackOnly), the end of a scope [`Error::ScopeUndone`]. An earlier failure stays the
    /// cause. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] while a statement is streaming, and what is said of a unit whose end is decided already.
    ///
    /// ```
    /// # use unit_of_work::{Error, Session, UnitOfWork};
    /// # #[derive(UnitOfWork)]
    /// # struct Database { session: Session<sqlx::Sqlite> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # sqlx::raw_sql("CREATE TABLE tag (name TEXT UNIQUE)").execute(&pool).await?;
    /// let mut db = Database::new(&pool);
    /// sqlx::query("INSERT INTO tag VALUES ('rust')").execute(db.session()).await?;
    /// db.session().mark_rollback_only("the order is closed")?;
    /// let error = db.commit().await.unwrap_err();
    /// assert!(error.is_rolled_back() && error.to_string().contains("the order is closed"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn mark_rollback_only(&mut self, reason: impl Into<String>) -> Result<(), Error> {
        self.shared.doom(reason.into())
    }

    /// The pool the session takes its connection from.
    ///
    /// For work that is meant to be outside of the unit, in a transaction and on a connection of its own. A pool whose
    /// connections are all in units that wait for one more answers `PoolTimedOut` after its `acquire_timeout`.
    pub fn pool(&self) -> &Pool<DB> {
        &self.shared.pool
    }

    /// Lends the raw connection, inside of the unit's transaction, for what no executor does.
    ///
    /// What is done through it is not seen. From then on the unit's commit asks the server, in the same message, whether the
    /// transaction is still the one that was begun, and sound. If the connection is lost before that nobody knows whether a
    /// part was committed, and the unit says so: [`Error::OutcomeUnknown`].
    ///
    /// # Errors
    ///
    /// [`Error::CannotConnect`] if the database could not be reached; [`Error::Sqlx`] if all connections of the pool were in use or
    /// BEGIN failed; [`Error::Poisoned`] and [`Error::Busy`] as for a
    /// statement.
    pub async fn connection(&mut self) -> Result<RawConnection<'_, DB>, Error> {
        let lease = Lease::ready_for_statement(&self.shared, Effect::Opaque);
        let lease = self.shared.in_time(Box::pin(lease)).await?;
        Ok(RawConnection::new(lease))
    }

    pub(crate) fn shared(&self) -> &Shared<DB> {
        &self.shared
    }
}

impl<DB: Backend> Drop for Session<DB> {
    fn drop(&mut self) {
        if self.owner {
            self.shared.end();
        }
    }
}

impl<DB: Backend> fmt::Debug for Session<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("unit", &self.shared.settings.name)
            .field("state", &self.state())
            .finish()
    }
}

/// The type of a session field: [`Session<DB>`](Session), or an alias of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Session`",
    label = "the session of a unit of work or repository is a `Session<DB>`",
    note = "write `Session<Sqlite>`, `Session<Postgres>` or `Session<MySql>`, or an alias of one"
)]
pub trait SessionField: Sized {
    /// The database the session talks to.
    type Database: Backend;

    /// The session itself.
    #[doc(hidden)]
    fn from_session(session: Session<Self::Database>) -> Self;

    /// The session itself.
    #[doc(hidden)]
    fn get(&self) -> &Session<Self::Database>;

    /// The session itself.
    #[doc(hidden)]
    fn get_mut(&mut self) -> &mut Session<Self::Database>;
}

/// The database that a type of session talks to.
#[doc(hidden)]
pub type DatabaseOf<S> = <S as SessionField>::Database;

impl<DB: Backend> SessionField for Session<DB> {
    type Database = DB;

    fn from_session(session: Self) -> Self {
        session
    }

    fn get(&self) -> &Self {
        self
    }

    fn get_mut(&mut self) -> &mut Self {
        self
    }
}
