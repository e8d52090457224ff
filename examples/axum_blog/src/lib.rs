//! An HTTP service on unit-of-work: blogs with posts in a SQLite file.
//!
//! `store` is what the service knows of its database, the handlers here are what it knows of HTTP. A handler opens a unit,
//! and whatever makes it fail leaves nothing behind.

mod error;
mod store;

use std::path::Path as FilePath;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use unit_of_work::UnitOfWork;

use error::AppError;
use store::Database;

/// Opens the file, made if it is not there, and brings its tables up to date.
///
/// # Errors
///
/// A file that cannot be opened, or a migration that fails.
pub async fn open(file: impl AsRef<FilePath>) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePool::connect_with(options).await?;
    sqlx::migrate!().run(&pool).await?;
    Ok(pool)
}

/// The service.
pub fn app(pool: SqlitePool) -> Router {
    Router::new().route("/blogs", post(create_blog)).route("/blogs/{id}", get(show_blog)).with_state(pool)
}

#[derive(Deserialize)]
struct NewBlog {
    name: String,
    posts: Vec<String>,
}

async fn create_blog(
    State(pool): State<SqlitePool>,
    Json(new): Json<NewBlog>,
) -> Result<(StatusCode, Json<Value>), AppError> {
    // The blog and its posts are stored together or not at all: every `?` in the closure rolls back.
    let mut blog = Database::options(&pool)
        .run(async |db| {
            let blog = db.blogs().create(&new.name).await?;
            for title in &new.posts {
                db.posts().create(&blog, title).await?;
            }
            Ok::<_, AppError>(blog)
        })
        .await?;
    // What the database made of it: on an idle unit this is one SELECT.
    Database::new(&pool).refresh(&mut blog).await?;
    Ok((
        StatusCode::CREATED,
        Json(json!({ "id": blog.id, "name": blog.name, "created_at": blog.created_at })),
    ))
}

async fn show_blog(State(pool): State<SqlitePool>, Path(id): Path<i64>) -> Result<Json<Value>, AppError> {
    // Read-only, it sees one state of the database and waits for nobody: a unit that may write takes SQLite's one write lock.
    let mut db = Database::options(&pool).read_only(true).build()?;
    let blog = db.blogs().find(id).await?.ok_or(AppError::NotFound)?;
    let posts = db.posts().titles_of(&blog).await?;
    Ok(Json(json!({ "id": blog.id, "name": blog.name, "created_at": blog.created_at, "posts": posts })))
} // nothing was written, so there is nothing to commit: the unit ends here, and its connection goes back
