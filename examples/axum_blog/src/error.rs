//! What the service answers when something fails.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

#[derive(Debug)]
pub(crate) enum AppError {
    NotFound,
    /// A name that is taken, a title that is empty: the database refused what the client sent.
    Conflict(String),
    /// Not the client's fault. Nothing of the unit is stored, unless it says otherwise.
    Unit(unit_of_work::Error),
}

impl From<unit_of_work::Error> for AppError {
    fn from(error: unit_of_work::Error) -> Self {
        match error.sqlx().and_then(sqlx::Error::as_database_error) {
            Some(refused) if refused.is_unique_violation() || refused.is_check_violation() => {
                Self::Conflict(refused.message().to_owned())
            }
            _ => Self::Unit(error),
        }
    }
}

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        unit_of_work::Error::from(error).into()
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "there is no such blog".to_owned()),
            Self::Conflict(message) => (StatusCode::CONFLICT, message),
            Self::Unit(error) if error.is_transient() => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            Self::Unit(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        };
        (status, Json(json!({ "error": message }))).into_response()
    }
}
