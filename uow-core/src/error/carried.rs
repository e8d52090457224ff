//! How an [`Error`] travels as an `sqlx::Error`, which is what an executor has to answer with.

use std::fmt;
use std::io;

use sqlx_core::Error as SqlxError;

use super::Error;

/// An [`Error`] inside of an `io::Error`.
///
/// `io::Error::source` answers the *source* of the error it holds, so without this step a walk along the sources would pass
/// ours by.
struct Carried(Error);

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// The error of ours that an error of sqlx carries.
pub(super) fn ours(error: &SqlxError) -> Option<&Error> {
    match error {
        SqlxError::Io(inner) => inner.get_ref()?.downcast_ref::<Carried>().map(|carried| &carried.0),
        _ => None,
    }
}

// `Io` is the variant whose own words ("error communicating with database: …") are true of every error of ours. The other
// variants that hold an error name something that did not happen: a configuration, a value that was encoded or decoded, TLS,
// the `Any` driver. `Database` would make a user's `downcast_ref::<PgDatabaseError>()`, which is right on a pool, panic.
impl From<Error> for SqlxError {
    fn from(error: Error) -> Self {
        match error {
            Error::Sqlx(error) => error,
            other => Self::Io(io::Error::other(Carried(other))),
        }
    }
}

impl From<SqlxError> for Error {
    fn from(error: SqlxError) -> Self {
        match error {
            SqlxError::Io(inner) => match inner.downcast::<Carried>() {
                Ok(Carried(ours)) => ours,
                Err(inner) => Self::Sqlx(SqlxError::Io(inner)),
            },
            other => Self::Sqlx(other),
        }
    }
}
