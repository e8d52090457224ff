//! One of everything that the derives write, in a crate that has no engine but those its features name. That it compiles is the
//! claim, so `scripts/check` builds it with none, with each and with all. (Wherever there are tests there are all the engines.)

use sqlx_core::executor::Executor;
use unit_of_work::{Backend, Entities, Entity, Lazy, Repository, Session, UnitOfWork};

/// A parent, with whatever an entity can have.
#[derive(Debug, Clone, PartialEq, Entity)]
#[uow(table = "blogs")]
pub struct Blog {
    /// Made by the database.
    #[uow(key, generated)]
    pub id: i64,
    /// Renamed, and no two alike.
    #[uow(column = "title", unique)]
    pub name: String,
    /// Perhaps there.
    pub score: Option<f64>,
    /// Written value by value, on PostgreSQL too.
    #[uow(no_array)]
    pub picture: Vec<u8>,
    /// Written by the database.
    #[uow(read_only)]
    pub created_at: Option<String>,
    /// Counts its changes.
    #[uow(version)]
    pub version: i32,
    /// No column.
    #[uow(skip)]
    pub in_memory: u8,
}

/// A child, with a key of two columns.
#[derive(Debug, Clone, PartialEq, Entity)]
#[uow(schema = "main")]
pub struct Post {
    /// One of them.
    #[uow(key, references = Blog)]
    pub blog_id: i64,
    /// The other.
    #[uow(key)]
    pub place: i32,
}

/// A repository by hand, next to one that is written already.
#[derive(Debug, Repository)]
pub struct Blogs<DB: Backend>
where
    Blog: Entity<DB>,
{
    session: Session<DB>,
    /// The entities.
    pub all: Entities<Blog, DB>,
}

impl<DB: Backend> Blogs<DB>
where
    Blog: Entity<DB>,
    for<'s> &'s mut Session<DB>: Executor<'s, Database = DB>,
{
    /// Sends a text.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn touch(&mut self) -> Result<(), sqlx_core::Error> {
        (&mut self.session).execute("SELECT 1").await.map(drop)
    }
}

/// A unit on any engine.
#[derive(Debug, UnitOfWork)]
pub struct Database<DB: Backend>
where
    Blog: Entity<DB>,
    Post: Entity<DB>,
{
    session: Session<DB>,
    blogs: Lazy<Blogs<DB>>,
    posts: Lazy<Entities<Post, DB>>,
}

/// A story on each of the engines that there are.
macro_rules! on {
    ($feature:literal, $story:ident, $engine:ty) => {
        /// Adds, changes, removes and stores.
        ///
        /// # Errors
        ///
        /// What the unit says.
        #[cfg(feature = $feature)]
        pub async fn $story(pool: &sqlx_core::pool::Pool<$engine>) -> Result<(), unit_of_work::Error> {
            Database::check_schema(pool).await?;
            let mut db: Database<$engine> = Database::new(pool);
            let name = "a".to_owned();
            let (score, picture, created_at) = (None, Vec::new(), None);
            let blog = Blog { id: 0, name, score, picture, created_at, version: 0, in_memory: 0 };
            let blog = db.blogs().all.add(blog)?;
            let post = db.posts().add_to(&blog, Post { blog_id: 0, place: 1 })?;
            db.commit().await?;
            if let (Some(blog), Some(post)) = (blog.key(), post.key()) {
                db.blogs().all.require(blog).await?.name.push('!');
                db.posts().remove(&post)?;
            }
            db.blogs().touch().await?;
            db.commit().await
        }
    };
}
on!("sqlite", on_sqlite, sqlx_sqlite::Sqlite);
on!("postgres", on_postgres, sqlx_postgres::Postgres);
on!("mysql", on_mysql, sqlx_mysql::MySql);
