//! What PostgreSQL's errors mean.

use sqlx_core::error::DatabaseError;
use sqlx_postgres::{PgDatabaseError, PgSeverity};

/// A FATAL error is the last thing a connection says.
pub(in crate::backend) fn ends_connection(error: &dyn DatabaseError) -> bool {
    let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
    severity.is_some_and(|severity| !matches!(severity, PgSeverity::Error))
}

/// Serialization failure, deadlock, lock not available, the connection ended by the server or not yet accepted by it; and what
/// another connection does not have.
pub(in crate::backend) fn is_transient(error: &dyn DatabaseError) -> bool {
    const CODES: [&str; 8] = ["40001", "40P01", "55P03", "25P03", "57P01", "57P02", "57P03", "53300"];
    error
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|error| CODES.contains(&error.code()) || is_stale(error))
}

/// Whether another connection may serve a unit that this one cannot. (25006 is what a standby says, and a transaction that was
/// begun read-only.)
pub(super) fn spoils_connection(error: &dyn DatabaseError, read_only: bool) -> bool {
    error
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|error| is_stale(error) || (error.code() == "25006" && !read_only))
}

/// What the connection has prepared, or knows of types, is no longer so: a column's type was changed, a type was made anew, or a
/// pooler gave it another server's statements.
fn is_stale(error: &PgDatabaseError) -> bool {
    match error.code() {
        "0A000" => error.routine() == Some("RevalidateCachedQuery"),
        "XX000" => error.message().starts_with("cache lookup failed for type"),
        code => matches!(code, "26000" | "42P05"),
    }
}

/// A value that is out of range or malformed, a constraint, the check of a view, a key that only the database may make, a
/// row that is too large; what a trigger or a function raises, under whatever code; and a policy's refusal of a row, which has
/// the code of a permission that is lacking.
pub(in crate::backend) fn is_about_row(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<PgDatabaseError>().is_some_and(|error| {
        let class = error.code().get(..2).unwrap_or_default();
        matches!(class, "22" | "23" | "44" | "P0")
            || matches!(error.code(), "428C9" | "54000")
            || matches!(
                error.routine(),
                Some("exec_stmt_raise" | "exec_stmt_assert" | "ExecWithCheckOptions")
            )
    })
}
