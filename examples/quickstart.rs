//! The main job, on SQLite in memory: create, commit, refresh, print the id; then a unit that fails and leaves nothing.
//!
//! Run it with `cargo run --example quickstart`.

use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Entity, Lazy, Repository, Session, UnitOfWork};

#[derive(Debug, sqlx::FromRow, Entity)]
struct Blog {
    #[uow(key, generated)]
    id: i64,
    name: String,
    created_at: String,
}

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
}

impl Blogs {
    async fn create(&mut self, name: &str) -> sqlx::Result<Blog> {
        sqlx::query_as("INSERT INTO blog (name) VALUES (?) RETURNING *")
            .bind(name)
            .fetch_one(&mut self.session)
            .await
    }

    async fn count(&mut self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT count(*) FROM blog").fetch_one(&mut self.session).await
    }
}

#[derive(Repository)]
struct Posts {
    session: Session<Sqlite>,
}

impl Posts {
    async fn create(&mut self, blog: &Blog, title: &str) -> sqlx::Result<()> {
        let insert = sqlx::query("INSERT INTO post (blog_id, title) VALUES (?, ?)").bind(blog.id).bind(title);
        insert.execute(&mut self.session).await?;
        Ok(())
    }
}

/// The unit of work: the derive writes `new`, `begin`, `commit`, `rollback`, …, and the getters `blogs()` and `posts()`.
#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
    posts: Lazy<Posts>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = open().await?;

    // Nothing is sent, and no connection taken, before the first statement.
    let mut db = Database::new(&pool);
    let mut blog = db.blogs().create("Rust in the small hours").await?;
    db.posts().create(&blog, "What commit() promises").await?;
    db.commit().await?; // stored, or an error that says what happened
    db.refresh(&mut blog).await?;
    println!("stored blog {} ({}), created at {}", blog.id, blog.name, blog.created_at);

    // The same unit again. The second insert fails, and takes the first one with it.
    let outcome = Database::options(&pool)
        .run(async |db| {
            let blog = db.blogs().create("Never to be seen").await?;
            db.posts().create(&blog, "A post").await?;
            db.blogs().create("Rust in the small hours").await // the name is taken
        })
        .await;
    let error = outcome.err().map_or_else(String::new, |error: sqlx::Error| error.to_string());
    println!("the second unit failed: {error}");
    println!("blogs stored: {}", Database::new(&pool).blogs().count().await?);
    Ok(())
}

/// A database in memory lives as long as its one connection, so the pool has one, and keeps it.
async fn open() -> sqlx::Result<SqlitePool> {
    let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = options.connect("sqlite::memory:").await?;
    sqlx::raw_sql(
        "CREATE TABLE blog (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
         CREATE TABLE post (id INTEGER PRIMARY KEY, blog_id INTEGER NOT NULL REFERENCES blog, title TEXT NOT NULL);",
    )
    .execute(&pool)
    .await?;
    Ok(pool)
}
