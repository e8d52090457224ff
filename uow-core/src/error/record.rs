//! A record of an `sqlx::Error`, which is not `Clone`: the original goes to the caller, the record stays with the session.

use std::borrow::Cow;
use std::fmt;
use std::io;

use sqlx_core::error::{DatabaseError, Error, ErrorKind};

use super::Error as UnitError;
use super::carried::ours;
use crate::backend::{is_last_word, is_transient_database_error};

/// Everything a database error says through [`DatabaseError`].
#[derive(Debug)]
struct Recorded {
    text: String,
    message: String,
    code: Option<String>,
    constraint: Option<String>,
    table: Option<String>,
    kind: ErrorKind,
    transient: bool,
    last_word: bool,
}

/// The same error again: the same variant, saying the same. `passes`: known to pass on another connection, whatever it says itself.
pub(crate) fn record(error: &Error, passes: bool) -> Error {
    if let Some(ours) = ours(error) {
        return record_ours(ours);
    }
    match error {
        Error::Database(inner) => Error::Database(Box::new(Recorded {
            text: inner.to_string(),
            message: inner.message().to_owned(),
            code: inner.code().map(Cow::into_owned),
            constraint: inner.constraint().map(str::to_owned),
            table: inner.table().map(str::to_owned),
            kind: same_kind(&inner.kind()),
            transient: passes || is_transient(error),
            last_word: passes || ends_connection(error),
        })),
        Error::Io(inner) => Error::Io(io::Error::new(inner.kind(), inner.to_string())),
        Error::Configuration(inner) => Error::Configuration(inner.to_string().into()),
        Error::InvalidArgument(text) => Error::InvalidArgument(text.clone()),
        Error::Tls(inner) => Error::Tls(inner.to_string().into()),
        Error::Protocol(text) => Error::Protocol(text.clone()),
        Error::RowNotFound => Error::RowNotFound,
        Error::TypeNotFound { type_name } => Error::TypeNotFound { type_name: type_name.clone() },
        Error::ColumnIndexOutOfBounds { index, len } => {
            Error::ColumnIndexOutOfBounds { index: *index, len: *len }
        }
        Error::ColumnNotFound(name) => Error::ColumnNotFound(name.clone()),
        Error::ColumnDecode { index, source } => {
            Error::ColumnDecode { index: index.clone(), source: source.to_string().into() }
        }
        Error::Encode(inner) => Error::Encode(inner.to_string().into()),
        Error::Decode(inner) => Error::Decode(inner.to_string().into()),
        Error::AnyDriverError(inner) => Error::AnyDriverError(inner.to_string().into()),
        Error::PoolTimedOut => Error::PoolTimedOut,
        Error::PoolClosed => Error::PoolClosed,
        Error::WorkerCrashed => Error::WorkerCrashed,
        other => Error::Protocol(other.to_string()),
    }
}

/// Of the errors of ours only the one that says why there is no connection is the cause of anything; the others say what that
/// cause did.
fn record_ours(error: &UnitError) -> Error {
    match *error {
        UnitError::CannotConnect { connections, max_connections, acquire_timeout, ref source } => {
            let source = record(source, false);
            UnitError::CannotConnect { connections, max_connections, acquire_timeout, source }.into()
        }
        ref other => Error::InvalidArgument(other.to_string()),
    }
}

/// Whether an error, or the record of one, was the last thing that its connection said. (What an encoding or a database error
/// that is not so leaves behind is a connection in step.)
pub(super) fn ends_connection(error: &Error) -> bool {
    match error {
        Error::Database(inner) => match inner.try_downcast_ref::<Recorded>() {
            Some(recorded) => recorded.last_word,
            None => is_last_word(&**inner),
        },
        Error::Encode(_) => false,
        _ => true,
    }
}

/// Whether the same unit may well succeed when it is run again: nothing of it is stored, and the cause passes.
pub(crate) fn is_transient(error: &Error) -> bool {
    match error {
        // Connections that were lost. (Not pools that were exhausted: most often by units that wait for one more.)
        Error::WorkerCrashed => true,
        Error::Io(_) => ours(error).is_none_or(UnitError::is_transient),
        Error::Database(inner) => {
            if let Some(recorded) = inner.try_downcast_ref::<Recorded>() {
                recorded.transient
            } else {
                is_transient_database_error(&**inner)
            }
        }
        _ => false,
    }
}

/// [`ErrorKind`] is neither `Clone` nor `Copy`.
fn same_kind(kind: &ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::UniqueViolation => ErrorKind::UniqueViolation,
        ErrorKind::ForeignKeyViolation => ErrorKind::ForeignKeyViolation,
        ErrorKind::NotNullViolation => ErrorKind::NotNullViolation,
        ErrorKind::CheckViolation => ErrorKind::CheckViolation,
        ErrorKind::ExclusionViolation => ErrorKind::ExclusionViolation,
        _ => ErrorKind::Other,
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Recorded {}

impl DatabaseError for Recorded {
    fn message(&self) -> &str {
        &self.message
    }
    fn code(&self) -> Option<Cow<'_, str>> {
        self.code.as_deref().map(Cow::Borrowed)
    }
    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }
    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }
    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }
    fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }
    fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }
    fn kind(&self) -> ErrorKind {
        same_kind(&self.kind)
    }
}
