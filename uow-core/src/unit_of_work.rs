//! The unit of work: what the derive implements.

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;
use sqlx_core::pool::Pool;

use crate::backend::Backend;
use crate::backend::Query;
use crate::closure::AsyncFuncOnce;
use crate::entity::{Entity, Values};
use crate::error::Error;
use crate::flush::Then;
use crate::options::Options;
use crate::repository::{Repositories, Turn};
use crate::schema::{self, Schema};
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

    /// The repositories that were used, in the order of the fields. Written by the derive.
    #[doc(hidden)]
    fn visit_repositories<'u>(&'u mut self, repositories: &mut Repositories<'u, Self::Database>);

    /// The entities of all repositories, for the check of the schema. Written by the derive.
    #[doc(hidden)]
    fn schema(schema: &mut Schema<Self::Database>);

    /// A unit on `pool`. Sends nothing and takes no connection: the first statement does.
    fn new(pool: &Pool<Self::Database>) -> Self {
        Self::with_session(Session::open(pool, Settings::plain(Self::NAME)))
    }

    /// A unit on `pool` whose transaction is begun now. To use it again after commit is fine; it begins as `new` does then.
    ///
    /// # Errors
    ///
    /// [`Error::CannotConnect`] if the database could not be reached, [`Error::Sqlx`] if all connections of the pool were in use
    /// (`PoolTimedOut`) or BEGIN failed. Nothing was done.
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

    /// Compares the entities of all repositories with the tables of the database, and names everything in which they do not
    /// agree in one error. For the start of an application, and for a test behind its migrations.
    ///
    /// The table (or view) has to be there, with every column of the entity. A column whose field is no `Option` has to be NOT
    /// NULL, and of a type that sqlx decodes to that of the field. The key has to be the primary key or a unique index, in any
    /// order; something has to generate a `generated` one, and a `unique` column needs a unique index of its own. A NOT NULL
    /// column without a default that the entity does not have is told too: inserts would fail. What cannot be told is accepted:
    /// a type SQLite has no name for, a value that a trigger may give, keys and NOT NULL of a view.
    ///
    /// It takes one connection, clears its cache of prepared statements and reads the catalog: two or three statements an
    /// entity, and nothing is written. Behind a pooler in transaction mode give it a pool that connects to the server itself,
    /// as the migrations need one.
    ///
    /// ```
    /// # use unit_of_work::{Entities, Entity, Lazy, Session, UnitOfWork};
    /// #[derive(Clone, Entity)]
    /// struct Tag {
    ///     #[uow(key, generated)]
    ///     id: i64,
    ///     #[uow(unique)]
    ///     name: String,
    /// }
    ///
    /// #[derive(UnitOfWork)]
    /// struct Database {
    ///     session: Session<sqlx::Sqlite>,
    ///     tags: Lazy<Entities<Tag, sqlx::Sqlite>>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), unit_of_work::Error> {
    /// # let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// sqlx::raw_sql("CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").execute(&pool).await?;
    /// let error = Database::check_schema(&pool).await.unwrap_err();
    /// assert!(error.is_schema_mismatch());
    /// assert!(error.to_string().contains("no unique index is on `tag.name` alone; create one"));
    ///
    /// sqlx::raw_sql("CREATE UNIQUE INDEX tag_name ON tag (name)").execute(&pool).await?;
    /// Database::check_schema(&pool).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::SchemaMismatch`] with all mismatches of all entities; [`Error::CannotConnect`] or [`Error::Sqlx`] if no connection
    /// could be had, [`Error::Sqlx`] if the catalog could not be read.
    fn check_schema(pool: &Pool<Self::Database>) -> impl Future<Output = Result<(), Error>> + Send {
        schema::check(pool, Schema::of(Self::schema))
    }

    /// Flushes, and commits what the unit did. The connection goes back to the pool and the unit can be used again.
    ///
    /// A unit that sent nothing commits nothing, and that is `Ok`.
    ///
    /// # Errors
    ///
    /// `Ok` is returned only when everything is stored. Otherwise [`Error::RolledBack`] (nothing is stored: COMMIT failed,
    /// or a statement had failed before, however the caller took that), [`Error::EndedEarly`] (the server had ended the
    /// transaction) or [`Error::OutcomeUnknown`] (the connection went while COMMIT, or the one statement of a unit
    /// that needs none, was in flight). In each case [`rollback`](Self::rollback) makes the unit usable again.
    /// [`Error::InsideScope`] inside a closure.
    ///
    /// If the flush before it fails nothing is committed, and the unit is as it was, its transaction still open: with
    /// [`Error::Conflict`] or [`Error::NotStored`], which name the entities to mend before `commit` is called again, or with
    /// the error of a repository's own flush.
    ///
    /// COMMIT is waited for as long as [`commit_timeout`](Options::commit_timeout) allows. Dropping the future before it is done
    /// leaves the outcome unknown, and the unit says so from then on; with [`verify`](Options::verify) a second call asks what
    /// became of it.
    fn commit(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            self.session().shared().refuse_inside_scope("commit")?;
            let mut flushed = repositories(self).flush().await;
            let has_entities = self.session().shared().entity_sets() > 0;
            if has_entities && flushed.is_ok() {
                flushed = flush_entities(self, Then::Commit).await;
            }
            let shared = self.session().shared();
            shared.after_flush(flushed)?;
            shared.commit().await?;
            if has_entities {
                repositories(self).tell(Turn::Committed);
            } else {
                repositories(self).hear(Turn::Committed);
            }
            Ok(())
        }
    }

    /// Undoes everything since the last commit. The connection goes back to the pool and the unit can be used again.
    ///
    /// # Errors
    ///
    /// `Ok` means that nothing of the unit is stored, and that the server holds no lock for it: of a statement that was dropped
    /// in flight it has been told on another connection. [`Error::RolledBack`] with [`Cause::NotTold`](crate::Cause::NotTold) if the
    /// server could not be reached within seconds: nothing is stored then either. [`Error::EndedEarly`] if the server had ended the transaction before,
    /// and [`Error::OutcomeUnknown`] if a COMMIT that was never answered came before: neither can be undone, and the unit
    /// is usable again after both. [`Error::InsideScope`] inside a closure.
    fn rollback(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            self.session().shared().refuse_inside_scope("rollback")?;
            repositories(self).tell(Turn::RolledBack);
            self.session().shared().rollback().await
        }
    }

    /// Writes what was held back, without committing: has the repositories flush, then writes what was added, changed and
    /// removed in their [`Entities`](crate::Entities).
    ///
    /// # Errors
    ///
    /// The first error of a repository's flush; [`Error::Conflict`] and [`Error::NotStored`] name the entities that could not
    /// be written. Nothing of them is written then, and the unit is as it was before.
    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            repositories(self).flush().await?;
            flush_entities(self, Then::GoOn).await
        }
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
            E::bind_key(&entity.key(), &mut Values::bound(&mut arguments)).map_err(SqlxError::Encode)?;
            let query = Query::with_arguments(sql::select_by_key::<Self::Database, E>(1), arguments);
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
    /// is undone and the error is [`Error::ScopeUndone`]. If the scope could not be ended, or its future is dropped, the
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

/// The repositories of a unit that were used.
pub(crate) fn repositories<U: UnitOfWork>(unit: &mut U) -> Repositories<'_, U::Database> {
    let mut repositories = Repositories::new();
    unit.visit_repositories(&mut repositories);
    repositories
}

/// The flush of a unit's entities. (Boxed: most units have none, and need not carry its future about.)
pub(crate) fn flush_entities<U: UnitOfWork>(unit: &mut U, then: Then) -> BoxFuture<'_, Result<(), Error>> {
    Box::pin(async move {
        let session = unit.session().share();
        repositories(unit).entity_sets().flush(session.shared(), then).await
    })
}
