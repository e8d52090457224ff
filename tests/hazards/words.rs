//! What was observed, in words that do not differ from run to run.

use sqlx::mysql::MySqlDatabaseError;
use unit_of_work::{Cause, Error};

/// An answer, of sqlx or of a unit.
pub(crate) fn said<T, E: Into<Error>>(answer: Result<T, E>) -> String {
    match answer {
        Ok(_) => "Ok".to_owned(),
        Err(error) => format!("Err ({})", what(&error.into())),
    }
}

/// The names of what is stored.
pub(crate) fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn what(error: &Error) -> String {
    match error {
        Error::Sqlx(error) => code(error),
        Error::RolledBack { cause } => format!("rolled back: {}", why(cause)),
        Error::Poisoned { cause } => format!("poisoned: {}", why(cause)),
        Error::EndedEarly { .. } => "ended early".to_owned(),
        Error::OutcomeUnknown { .. } => "outcome unknown".to_owned(),
        Error::Refused { statement, .. } => format!("`{statement}` refused"),
        other => other.to_string(),
    }
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Failed { during, error } => format!("the {during} failed, {}", code(error)),
        // (Which await it was in when it was dropped may differ.)
        Cause::Abandoned { .. } => "abandoned".to_owned(),
        other => other.to_string(),
    }
}

/// An error of sqlx by its code: the server's texts are in the server's language.
pub(crate) fn code(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => match error.try_downcast_ref::<MySqlDatabaseError>() {
            Some(error) => error.number().to_string(),
            None => match error.code().as_deref() {
                // SQLite's code for everything that has none; its texts are English.
                Some("1") | None => error.message().to_owned(),
                Some(code) => code.to_owned(),
            },
        },
        sqlx::Error::Io(_) => "connection lost".to_owned(),
        sqlx::Error::PoolTimedOut => "PoolTimedOut".to_owned(),
        sqlx::Error::InvalidSavePointStatement => "InvalidSavePointStatement".to_owned(),
        other => other.to_string(),
    }
}
