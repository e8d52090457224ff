//! Repositories, and the slots a unit keeps them in.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;

use crate::backend::Backend;
use crate::error::Error;
use crate::flush::EntitySets;
use crate::schema::Schema;
use crate::session::Session;

/// The collection-like face of a part of the database: it holds the unit's session, and knows nothing of commit.
///
/// Derive it (`#[derive(Repository)]`) on a struct with a [`Session`] field and give the struct the methods your
/// application asks for; put it into a unit as a `Lazy<…>` field. Implement it by hand to make the struct in a way of your
/// own, or to have a [`flush`](Self::flush) of its own; then hand on [`Entities`](crate::Entities) that are in it:
///
/// ```
/// use sqlx::Sqlite;
/// use unit_of_work::{Entities, Entity, EntitySets, Error, Repository, Schema, Session};
///
/// #[derive(Entity)]
/// struct Blog {
///     #[uow(key, generated)]
///     id: i64,
///     name: String,
/// }
///
/// struct Blogs {
///     all: Entities<Blog, Sqlite>,
///     drafts: Vec<String>,
/// }
///
/// impl Repository for Blogs {
///     type Database = Sqlite;
///
///     fn new(session: Session<Sqlite>) -> Self {
///         Self { all: Entities::new(session), drafts: Vec::new() }
///     }
///
///     async fn flush(&mut self) -> Result<(), Error> {
///         for name in self.drafts.drain(..) {
///             self.all.add(Blog { id: 0, name })?;
///         }
///         Ok(())
///     }
///
///     fn clear(&mut self) {
///         self.drafts.clear();
///     }
///
///     fn scope_undone(&mut self) {
///         self.drafts.clear();
///     }
///
///     // Without this the unit refuses to flush: it would not know of the entities.
///     fn entity_sets<'r>(&'r mut self, sets: &mut EntitySets<'r, Sqlite>) {
///         self.all.entity_sets(sets);
///     }
///
///     fn schema(schema: &mut Schema<Sqlite>) {
///         Entities::<Blog, Sqlite>::schema(schema);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a repository",
    label = "a `Lazy<…>` field holds a repository",
    note = "write `#[derive(Repository)]` on `{Self}`, which needs a `Session<…>` or an `Entities<…>` field"
)]
pub trait Repository: Sized + Send {
    /// The database it talks to.
    type Database: Backend;

    /// Makes the repository on a handle to its unit's session. Called when the unit's getter first is.
    fn new(session: Session<Self::Database>) -> Self;

    /// Called by the unit's `flush`, and so before COMMIT: time to write what was held back. Does nothing by default.
    ///
    /// # Errors
    ///
    /// An error ends the unit's `flush` or `commit` with that error. One of the application's own travels as
    /// [`Error::declined`], and is found again by [`Error::source`](std::error::Error::source).
    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        Nothing
    }

    /// Called after a rollback: forget what was only true inside the transaction. Does nothing by default.
    fn clear(&mut self) {}

    /// Called when the transaction is committed: what was written is stored. Does nothing by default.
    fn committed(&mut self) {}

    /// Called when a savepoint scope in which the repository may have been used is kept. Does nothing by default.
    fn scope_kept(&mut self) {}

    /// Called when a savepoint scope is undone: forget what was held back in it, or [`flush`](Self::flush) writes it all the
    /// same. Does nothing by default.
    fn scope_undone(&mut self) {}

    /// Goes among the repositories that the unit flushes and clears.
    #[doc(hidden)]
    fn visit<'r>(&'r mut self, repositories: &mut Repositories<'r, Self::Database>) {
        repositories.push(self);
    }

    /// Hands the [`Entities`](crate::Entities) in it to the unit's flush: calls the method of the same name of each. The derive
    /// does; one that is kept back has the unit's `flush` and `commit` fail. Hands on none by default.
    fn entity_sets<'r>(&'r mut self, _sets: &mut EntitySets<'r, Self::Database>) {}

    /// Names the entity types in it, for [`check_schema`](crate::UnitOfWork::check_schema): calls the function of the same name
    /// of each `Entities<…>`. The derive does. Names none by default.
    fn schema(_schema: &mut Schema<Self::Database>) {}
}

/// Nothing to wait for. (It has no size, so that a box of it needs no memory.)
struct Nothing;

impl Future for Nothing {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

/// The repositories of a unit that were used. Filled by generated code.
#[doc(hidden)]
pub struct Repositories<'u, DB: Backend> {
    /// Not in the list, for most units use one, and need no list then.
    first: Option<&'u mut dyn Hooks<DB>>,
    more: Vec<&'u mut dyn Hooks<DB>>,
}

/// What became of the transaction, or of a scope of this depth in it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Turn {
    Committed,
    RolledBack,
    ScopeKept(u32),
    ScopeUndone(u32),
}

/// What a unit asks of a repository, whatever its type.
trait Hooks<DB: Backend>: Send {
    fn flush(&mut self) -> BoxFuture<'_, Result<(), Error>>;

    fn hear(&mut self, turn: Turn);

    fn entity_sets<'r>(&'r mut self, sets: &mut EntitySets<'r, DB>);
}

impl<R: Repository> Hooks<R::Database> for R {
    fn flush(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(Repository::flush(self))
    }

    fn hear(&mut self, turn: Turn) {
        match turn {
            Turn::Committed => self.committed(),
            Turn::RolledBack => self.clear(),
            Turn::ScopeKept(_) => self.scope_kept(),
            Turn::ScopeUndone(_) => self.scope_undone(),
        }
    }

    fn entity_sets<'r>(&'r mut self, sets: &mut EntitySets<'r, R::Database>) {
        Repository::entity_sets(self, sets);
    }
}

impl<'u, DB: Backend> Repositories<'u, DB> {
    pub(crate) fn new() -> Self {
        Self { first: None, more: Vec::new() }
    }

    fn push(&mut self, repository: &'u mut dyn Hooks<DB>) {
        match self.first {
            None => self.first = Some(repository),
            Some(_) => self.more.push(repository),
        }
    }

    fn each(&mut self) -> impl Iterator<Item = &mut (dyn Hooks<DB> + 'u)> {
        self.first.iter_mut().chain(&mut self.more).map(|repository| &mut **repository)
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        if let Some(first) = &mut self.first {
            first.flush().await?;
        }
        for repository in &mut self.more {
            repository.flush().await?;
        }
        Ok(())
    }

    /// Tells the repositories alone, for a unit that has no entities.
    pub(crate) fn hear(&mut self, turn: Turn) {
        self.each().for_each(|repository| repository.hear(turn));
    }

    /// Tells all of them, and then the entity sets in them.
    pub(crate) fn tell(&mut self, turn: Turn) {
        self.hear(turn);
        self.entity_sets().each(|set| match turn {
            Turn::Committed => set.committed(),
            Turn::RolledBack => set.rolled_back(),
            Turn::ScopeKept(depth) => set.scope_kept(depth),
            Turn::ScopeUndone(depth) => set.scope_undone(depth),
        });
    }

    /// The entity sets in them.
    pub(crate) fn entity_sets(&mut self) -> EntitySets<'_, DB> {
        let mut sets = EntitySets::new();
        self.each().for_each(|repository| repository.entity_sets(&mut sets));
        sets
    }
}

impl<DB: Backend> fmt::Debug for Repositories<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repositories").field("any", &self.first.is_some()).finish_non_exhaustive()
    }
}

/// The database of a unit and that of one of its repositories: the same one. Never implemented by hand.
#[diagnostic::on_unimplemented(
    message = "a repository of `{Self}` in a unit of work on `{DB}`",
    label = "this repository's session is a `Session<{Self}>`, the unit's is a `Session<{DB}>`"
)]
pub trait SameDatabase<DB: Backend>: Backend {
    /// A second handle to the session.
    #[doc(hidden)]
    fn share(session: &Session<DB>) -> Session<Self>;

    /// The same repositories.
    #[doc(hidden)]
    fn repositories<'s, 'u>(repositories: &'s mut Repositories<'u, DB>) -> &'s mut Repositories<'u, Self>;

    /// The same entity sets.
    #[doc(hidden)]
    fn sets<'s, 'u>(sets: &'s mut EntitySets<'u, DB>) -> &'s mut EntitySets<'u, Self>;

    /// The same schema.
    #[doc(hidden)]
    fn schema(schema: &mut Schema<DB>) -> &mut Schema<Self>;
}

impl<DB: Backend> SameDatabase<DB> for DB {
    fn share(session: &Session<DB>) -> Session<DB> {
        session.share()
    }

    fn repositories<'s, 'u>(repositories: &'s mut Repositories<'u, DB>) -> &'s mut Repositories<'u, DB> {
        repositories
    }

    fn sets<'s, 'u>(sets: &'s mut EntitySets<'u, DB>) -> &'s mut EntitySets<'u, DB> {
        sets
    }

    fn schema(schema: &mut Schema<DB>) -> &mut Schema<DB> {
        schema
    }
}

/// A repository of a unit on `DB`, or in another repository there: all that generated code does with one.
///
/// It is one trait for everything, and a bound on each of its functions, for the compiler's sake. What is wrong with a
/// repository is told in the same words by all of them, and so read once; and to check such a call takes a tenth of the time that
/// a function passed as an argument does.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a repository",
    label = "a `Lazy<…>` field holds a repository",
    note = "write `#[derive(Repository)]` on `{Self}`, which needs a `Session<…>` or an `Entities<…>` field"
)]
pub trait RepositoryOf<DB: Backend>: Sized {
    /// Made on a handle to this session.
    fn made_on(session: &Session<DB>) -> Self;

    /// Lent from its slot, and made if that is empty. What a unit's getter does.
    fn lend<'u>(slot: &'u mut Lazy<Self>, session: &Session<DB>) -> &'u mut Self;

    /// Goes among the repositories that the unit flushes and clears, if it was asked for.
    fn visit<'u>(slot: &'u mut Lazy<Self>, repositories: &mut Repositories<'u, DB>);

    /// Hands over its entity sets.
    fn sets<'u>(&'u mut self, sets: &mut EntitySets<'u, DB>);

    /// Names its entities.
    fn name_entities(schema: &mut Schema<DB>);
}

impl<DB: Backend, R: Repository> RepositoryOf<DB> for R
where
    R::Database: SameDatabase<DB>,
{
    fn made_on(session: &Session<DB>) -> Self {
        R::new(SameDatabase::share(session))
    }

    fn lend<'u>(slot: &'u mut Lazy<Self>, session: &Session<DB>) -> &'u mut Self {
        slot.repository.get_or_insert_with(|| R::made_on(session))
    }

    fn visit<'u>(slot: &'u mut Lazy<Self>, repositories: &mut Repositories<'u, DB>) {
        if let Some(used) = &mut slot.repository {
            Repository::visit(used, SameDatabase::repositories(repositories));
        }
    }

    fn sets<'u>(&'u mut self, sets: &mut EntitySets<'u, DB>) {
        self.entity_sets(SameDatabase::sets(sets));
    }

    fn name_entities(schema: &mut Schema<DB>) {
        R::schema(SameDatabase::schema(schema));
    }
}

/// The slot of a repository in a unit: empty until the unit's getter is first called.
pub struct Lazy<R> {
    repository: Option<R>,
}

impl<R> Default for Lazy<R> {
    fn default() -> Self {
        Self { repository: None }
    }
}

impl<R> fmt::Debug for Lazy<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").field("made", &self.repository.is_some()).finish_non_exhaustive()
    }
}

impl<R: Repository> Lazy<R> {
    /// The repository, made on a handle to this session if it is not there yet. What a unit's getter does.
    pub fn get(&mut self, session: &Session<R::Database>) -> &mut R {
        R::lend(self, session)
    }

    /// The repository, if it was asked for. What a unit flushes and clears.
    pub fn used(&mut self) -> Option<&mut R> {
        self.repository.as_mut()
    }
}
