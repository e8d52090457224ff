//! The unit of work: what the derive implements.

use sqlx_core::Error as SqlxError;
use sqlx_core::pool::Pool;

use crate::backend::Backend;
use crate::backend::Query;
use crate::closure::AsyncFuncOnce;
use crate::entity::Entity;
use crate::error::Error;
use crate::options::Options;
use crate::scope::{OpenScope, Scope};
use crate::session::{Session, Settings};
use crate::sql;

/// One business operation: everything it writes is stored together, or nothing is.
///
/// Derive it (`#[derive(UnitOfWork)]`) on a struct with a [`Session`] and the repositories of your application as
/// [`Lazy`](crate::Lazy) fields; the derive adds a getter for each of them. There are three ways in:
///
/// * [`new`](Self::new): nothing is sent before the first statement; [`commit`](Self::commit) at the end, and the unit can
///   be used again. Leaving without commit rolls back, by whatever road.
/// * [`begin`](Self::begin): the same with the transaction begun at once.
/// * [`options`](Self::options)`(&pool).run(async |db| …)`: commits on `Ok`, rolls back on `Err`.
///
/// Use one unit for one operation, not one for a whole application: a unit is one transaction, and its `&mut` getters
/// let one statement run at a time. For a lone query the pool is enough.
pub trait UnitOfWork: Sized + Send {
    /// The database.
    type Database: Backend;

    /// The name of the unit's type, for messages.
    const NAME: &'static str;

    /// Makes the unit around a session. Called by [`new`](Self::new) and its kin.
    fn with_session(session: Session<Self::Database>) -> Self;

    /// The session: the executor for a statement that is worth no repository, and the place to ask for the unit's state.
    fn session(&mut self) -> &mut Session<Self::Database>;

    /// Flushes the repositories that were used, in the order of the fields.
    ///
    /// # Errors
    ///
    /// The first error of a repository's flush.
    fn flush_repositories(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Tells the repositories that were used to forget what the transaction held.
    fn clear_repositories(&mut self);

    /// A unit on `pool`. Sends nothing and takes no connection: the first statement does.
    fn new(pool: &Pool<Self::Database>) -> Self {
        Self::with_session(Session::open(pool, Settings::plain(Self::NAME)))
    }

    /// A unit on `pool` whose transaction is begun now. To use it again after commit is fine; it begins as `new` does then.
    ///
    /// # Errors
    ///
    /// [`Error::Sqlx`] if no connection could be had, or BEGIN failed.
    fn begin(pool: &Pool<Self::Database>) -> impl Future<Output = Result<Self, Error>> + Send {
        async move {
            let mut unit = Self::new(pool);
            unit.session().shared().begin().await?;
            Ok(unit)
        }
    }

    /// Units on `pool` with an isolation level or another option, or run in a closure.
    fn options(pool: &Pool<Self::Database>) -> Options<Self> {
        Options::new(pool)
    }

    /// Flushes, and commits what the unit did. The connection goes back to the pool and the unit can be used again.
    ///
    /// A unit that sent nothing commits nothing, and that is `Ok`.
    ///
    /// # Errors
    ///
    /// `Ok` is returned only when everything is stored. Otherwise [`Error::RolledBack`] (nothing is stored: COMMIT failed,
    /// or a statement had failed before, however the caller took that), [`Error::EndedEarly`] (the server had ended the
    /// transaction) or [`Error::OutcomeUnknown`] (the connection went while COMMIT was in flight). In each case
    /// [`rollback`](Self::rollback) makes the unit usable again. [`Error::InsideScope`] inside a closure.
    ///
    /// Dropping the future before it is done leaves the outcome unknown, and the unit says so from then on.
    fn commit(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            self.session().shared().refuse_inside_scope("commit")?;
            let flushed = self.flush_repositories().await;
            let shared = self.session().shared();
            shared.after_flush(flushed)?;
            shared.commit().await
        }
    }

    /// Undoes everything since the last commit. The connection goes back to the pool and the unit can be used again.
    ///
    /// # Errors
    ///
    /// `Ok` means that nothing of the unit is stored. [`Error::EndedEarly`] if the server had ended the transaction before,
    /// and [`Error::OutcomeUnknown`] if a COMMIT that was never answered came before: neither can be undone, and the unit
    /// is usable again after both. [`Error::InsideScope`] inside a closure.
    fn rollback(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            self.session().shared().refuse_inside_scope("rollback")?;
            self.clear_repositories();
            self.session().shared().rollback().await
        }
    }

    /// Has the repositories write what they held back, without committing.
    ///
    /// # Errors
    ///
    /// The first error of a repository's flush.
    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async move { self.flush_repositories().await }
    }

    /// Loads every column of `entity` again, by its key: what the database made of it, and what others changed.
    ///
    /// Inside a transaction it reads in that transaction. On an idle unit it is one plain `SELECT` and opens none.
    ///
    /// # Errors
    ///
    /// [`Error::RowGone`] if there is no such row (the entity is unchanged then), [`Error::Sqlx`] if the statement or the
    /// decoding of a column failed.
    fn refresh<E>(&mut self, entity: &mut E) -> impl Future<Output = Result<(), Error>> + Send
    where
        E: Entity<Self::Database>,
    {
        async move {
            let mut arguments = Default::default();
            entity.bind_key(&mut arguments).map_err(SqlxError::Encode)?;
            let query = Query::with_arguments(sql::select_by_key::<Self::Database, E>(), arguments);
            match self.session().shared().read(query).await? {
                Some(row) => Ok(entity.reload(&row)?),
                None => Err(Error::RowGone { entity: E::NAME, key: format!("{:?}", entity.key()) }),
            }
        }
    }

    /// Runs `operation` in a savepoint scope: `Ok` keeps its work, `Err` undoes it, and the unit goes on in both cases.
    ///
    /// This is the one place where a failed statement does not spoil the unit. Scopes nest to any depth. The savepoint is
    /// sent with the first statement in the scope: a scope in which nothing was sent sends nothing.
    ///
    /// ```
    /// # use unit_of_work::{Session, UnitOfWork};
    /// # #[derive(UnitOfWork)]
    /// # struct Database { session: Session<sqlx::Sqlite> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), unit_of_work::Error> {
    /// # let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # sqlx::raw_sql("CREATE TABLE tag (name TEXT UNIQUE)").execute(&pool).await?;
    /// let mut db = Database::new(&pool);
    /// for name in ["rust", "sqlx", "rust"] {
    ///     // A duplicate is no disaster: only the scope is undone.
    ///     let insert = sqlx::query("INSERT INTO tag VALUES (?)").bind(name);
    ///     let added: sqlx::Result<_> = db.savepoint(async |db| insert.execute(db.session()).await).await;
    ///     println!("{name} is new: {}", added.is_ok());
    /// }
    /// db.commit().await?;
    /// # assert_eq!(sqlx::query_scalar::<_, i64>("SELECT count(*) FROM tag").fetch_one(&pool).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The closure's own error, unchanged. If the closure returned `Ok` although a statement in it had failed, the scope
    /// is undone and the error is [`Error::RolledBack`]. If the scope could not be ended, or its future is dropped, the
    /// whole unit is poisoned.
    fn savepoint<F, T, E>(&mut self, operation: F) -> impl Future<Output = Result<T, E>> + Send
    where
        F: for<'u> AsyncFuncOnce<&'u mut Scope<Self>, Result<T, E>, Fut: Send> + Send,
        F: for<'u> AsyncFnOnce(&'u mut Scope<Self>) -> Result<T, E>,
        T: Send,
        E: From<Error> + Send,
    {
        async move {
            let mut open = OpenScope::open(self)?;
            match operation(open.scope()).await {
                Ok(value) => {
                    open.release().await?;
                    Ok(value)
                }
                Err(error) => {
                    // What went wrong is told by the closure's error; if the scope cannot be undone, the unit is poisoned.
                    if let Err(undo) = open.undo().await {
                        tracing::warn!(unit = Self::NAME, error = %undo, "a savepoint scope could not be undone");
                    }
                    Err(error)
                }
            }
        }
    }
}
