//! What the service knows of its database: two repositories and the unit of work that holds them.

use sqlx::Sqlite;
use unit_of_work::{Entity, Lazy, Repository, Session, UnitOfWork};

#[derive(Debug, sqlx::FromRow, Entity)]
pub(crate) struct Blog {
    #[uow(key, generated)]
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) created_at: String,
}

/// One request's work on the database.
#[derive(Debug, UnitOfWork)]
pub(crate) struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
    posts: Lazy<Posts>,
}

#[derive(Debug, Repository)]
pub(crate) struct Blogs {
    session: Session<Sqlite>,
}

impl Blogs {
    pub(crate) async fn create(&mut self, name: &str) -> sqlx::Result<Blog> {
        let insert = sqlx::query_as("INSERT INTO blog (name) VALUES (?) RETURNING *");
        insert.bind(name).fetch_one(&mut self.session).await
    }

    pub(crate) async fn find(&mut self, id: i64) -> sqlx::Result<Option<Blog>> {
        let select = sqlx::query_as("SELECT * FROM blog WHERE id = ?");
        select.bind(id).fetch_optional(&mut self.session).await
    }
}

#[derive(Debug, Repository)]
pub(crate) struct Posts {
    session: Session<Sqlite>,
}

impl Posts {
    pub(crate) async fn create(&mut self, blog: &Blog, title: &str) -> sqlx::Result<()> {
        let insert = sqlx::query("INSERT INTO post (blog_id, title) VALUES (?, ?)");
        insert.bind(blog.id).bind(title).execute(&mut self.session).await?;
        Ok(())
    }

    pub(crate) async fn titles_of(&mut self, blog: &Blog) -> sqlx::Result<Vec<String>> {
        let select = sqlx::query_scalar("SELECT title FROM post WHERE blog_id = ? ORDER BY id");
        select.bind(blog.id).fetch_all(&mut self.session).await
    }
}
