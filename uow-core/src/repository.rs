//! Repositories, and the slots a unit keeps them in.

use std::fmt;

use crate::backend::Backend;
use crate::error::Error;
use crate::session::Session;

/// The collection-like face of a part of the database: it holds the unit's session, and knows nothing of commit.
///
/// Derive it (`#[derive(Repository)]`) on a struct with a [`Session`] field and give the struct the methods your
/// application asks for; put it into a unit as a `Lazy<…>` field. Implement it by hand only to make the struct in a way of
/// your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a repository",
    label = "a `Lazy<…>` field holds a repository",
    note = "write `#[derive(Repository)]` on `{Self}`, which needs a `Session<…>` field"
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
    /// An error ends the unit's `flush` or `commit` with that error.
    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }

    /// Called after a rollback: forget what was only true inside the transaction. Does nothing by default.
    fn clear(&mut self) {}
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
}

impl<DB: Backend> SameDatabase<DB> for DB {
    fn share(session: &Session<DB>) -> Session<DB> {
        session.share()
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

// Without a bound on `R`, so that a repository that is none is reported once, where the derive's output asks it to be one.
impl<R> Lazy<R> {
    /// The repository, made by `new` on a handle to this session if it is not there yet. What a unit's getter does.
    pub fn get<DB: Backend, To: SameDatabase<DB>>(
        &mut self,
        session: &Session<DB>,
        new: fn(Session<To>) -> R,
    ) -> &mut R {
        self.repository.get_or_insert_with(|| new(To::share(session)))
    }

    /// The repository, if it was asked for. What a unit flushes and clears.
    pub fn used(&mut self) -> Option<&mut R> {
        self.repository.as_mut()
    }
}
