//! The quickstart with the output of its derives written out: what the macros write, as a person would.
//!
//! Run it with `cargo run --example expanded`; it prints what the quickstart prints. To see the derives' own output, with
//! its full paths, run `cargo expand --example quickstart`.

use sqlx::error::BoxDynError;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Sqlite, SqlitePool, Type};
use unit_of_work::{
    Backend, Column, ColumnSet, ColumnType, Entity, Lazy, Repositories, Repository, Schema, Session, Table,
    UnitOfWork, Values,
};

#[derive(Debug, sqlx::FromRow)]
struct Blog {
    id: i64,
    name: String,
    created_at: String,
}

// #[derive(Entity)]: on any database that has the columns' types. `#[uow(key, generated)]` stands before `id`.
impl<DB: Backend> Entity<DB> for Blog
where
    i64: ColumnType<DB>,
    String: ColumnType<DB>,
{
    type Key = i64;

    const NAME: &'static str = "Blog";
    const TABLE: Table = Table::new("blog");
    const COLUMNS: &'static [Column] =
        &[Column::new("id").key().generated(), Column::new("name"), Column::new("created_at")];

    fn key(&self) -> i64 {
        self.id
    }

    fn has_key(&self) -> bool {
        self.id != i64::default()
    }

    fn version(&self) -> Option<i64> {
        None
    }

    fn set_version(&mut self, _: i64) {}

    fn raise_version(&mut self) {}

    fn set_key(&mut self, key: i64) {
        self.id = key;
    }

    fn load(row: &DB::Row) -> sqlx::Result<Self> {
        Ok(Self { id: DB::column(row, 0)?, name: DB::column(row, 1)?, created_at: DB::column(row, 2)? })
    }

    fn reload(&mut self, row: &DB::Row) -> sqlx::Result<()> {
        // All columns are decoded before the first is assigned: the entity changes as a whole or not at all.
        (self.id, self.name, self.created_at) =
            (DB::column(row, 0)?, DB::column(row, 1)?, DB::column(row, 2)?);
        Ok(())
    }

    fn read(&mut self, column: usize, row: &DB::Row, at: usize) -> sqlx::Result<()> {
        match column {
            0 => self.id = DB::column(row, at)?,
            1 => self.name = DB::column(row, at)?,
            2 => self.created_at = DB::column(row, at)?,
            _ => {}
        }
        Ok(())
    }

    fn snapshot(&self) -> Self {
        Self { id: self.id, name: self.name.clone(), created_at: self.created_at.clone() }
    }

    fn copy(&mut self, column: usize, from: &Self) {
        match column {
            0 => self.id = from.id,
            1 => self.name.clone_from(&from.name),
            2 => self.created_at.clone_from(&from.created_at),
            _ => {}
        }
    }

    fn changes_in(&self, columns: ColumnSet, from: &Self) -> ColumnSet {
        let differ = [self.id != from.id, self.name != from.name, self.created_at != from.created_at];
        columns.iter().take_while(|&column| column < differ.len()).filter(|&column| differ[column]).collect()
    }

    fn bind(&self, column: usize, values: &mut Values<'_, DB>) -> Result<(), BoxDynError> {
        match column {
            0 => values.add(&self.id),
            1 => values.add(&self.name),
            2 => values.add(&self.created_at),
            _ => Ok(()),
        }
    }

    fn bind_key(key: &i64, values: &mut Values<'_, DB>) -> Result<(), BoxDynError> {
        values.add(key)
    }

    fn type_info(column: usize) -> Option<DB::TypeInfo> {
        match column {
            0 => Some(<i64 as Type<DB>>::type_info()),
            1 | 2 => Some(<String as Type<DB>>::type_info()),
            _ => None,
        }
    }

    fn compatible(column: usize, info: &DB::TypeInfo) -> bool {
        match column {
            0 => <i64 as Type<DB>>::compatible(info),
            1 | 2 => <String as Type<DB>>::compatible(info),
            _ => false,
        }
    }

    // Where PostgreSQL is in the build the derive also writes `has_array` and `bind_array`, for the types that have arrays
    // there.
}

struct Blogs {
    session: Session<Sqlite>,
}

// #[derive(Repository)]: a repository is made on a handle to its unit's session.
impl Repository for Blogs {
    type Database = Sqlite;

    fn new(session: Session<Sqlite>) -> Self {
        Self { session }
    }
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

struct Posts {
    session: Session<Sqlite>,
}

// #[derive(Repository)]
impl Repository for Posts {
    type Database = Sqlite;

    fn new(session: Session<Sqlite>) -> Self {
        Self { session }
    }
}

impl Posts {
    async fn create(&mut self, blog: &Blog, title: &str) -> sqlx::Result<()> {
        let insert = sqlx::query("INSERT INTO post (blog_id, title) VALUES (?, ?)").bind(blog.id).bind(title);
        insert.execute(&mut self.session).await?;
        Ok(())
    }
}

struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
    posts: Lazy<Posts>,
}

// #[derive(UnitOfWork)]: what is the unit's own. `new`, `begin`, `commit`, `rollback`, `refresh`, `savepoint` and `options`
// are written once, in the trait, on top of these.
impl UnitOfWork for Database {
    type Database = Sqlite;

    const NAME: &'static str = "Database";

    fn with_session(session: Session<Sqlite>) -> Self {
        Self { session, blogs: Lazy::default(), posts: Lazy::default() }
    }

    fn session(&mut self) -> &mut Session<Sqlite> {
        &mut self.session
    }

    // What flush and rollback go through. Only those whose getter was called: the others are not even made.
    fn visit_repositories<'u>(&'u mut self, repositories: &mut Repositories<'u, Sqlite>) {
        if let Some(blogs) = self.blogs.used() {
            blogs.visit(repositories);
        }
        if let Some(posts) = self.posts.used() {
            posts.visit(repositories);
        }
    }

    fn schema(schema: &mut Schema<Sqlite>) {
        Blogs::schema(schema);
        Posts::schema(schema);
    }
}

// … and the getters. `&mut self` is what makes two statements at once a compile error.
impl Database {
    fn blogs(&mut self) -> &mut Blogs {
        self.blogs.get(&self.session)
    }

    fn posts(&mut self) -> &mut Posts {
        self.posts.get(&self.session)
    }

    // The derive also writes this, and the struct it returns: all repositories at once.
    #[expect(dead_code, reason = "the quickstart lends one repository at a time")]
    fn split(&mut self) -> DatabaseSplit<'_> {
        DatabaseSplit { blogs: self.blogs.get(&self.session), posts: self.posts.get(&self.session) }
    }
}

#[expect(dead_code, reason = "the quickstart lends one repository at a time")]
struct DatabaseSplit<'split> {
    blogs: &'split mut Blogs,
    posts: &'split mut Posts,
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
