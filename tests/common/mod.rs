//! The unit of work the tests are about: blogs and posts, on any engine.

#![allow(
    dead_code,
    unused_imports,
    missing_docs,
    unreachable_pub,
    reason = "each test that shares this uses a part of it"
)]

pub use sqlx::Executor as _;
use sqlx::{ColumnIndex, Decode, Encode, IntoArguments, Type};
pub use unit_of_work::{Cause, Entity, Error, Lazy, Repository, Session, SessionState, UnitOfWork};
pub use uow_test_support::{Engine, Lab, engines, sql};

pub use unit_of_work::Backend;

mod shelf;
pub use shelf::{One, Post, Shelf};

#[derive(Debug, UnitOfWork)]
pub struct Library<DB: Backend> {
    session: Session<DB>,
    blogs: Lazy<Blogs<DB>>,
    posts: Lazy<Posts<DB>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
pub struct Blog {
    #[uow(key, generated)]
    pub id: i64,
    #[uow(unique)]
    pub name: String,
    #[uow(version)]
    pub version: i64,
}

#[derive(Debug, Repository)]
pub struct Blogs<DB: Backend> {
    session: Session<DB>,
}

#[derive(Debug, Repository)]
pub struct Posts<DB: Backend> {
    session: Session<DB>,
}

impl<DB> Blogs<DB>
where
    DB: Engine,
    DB::Arguments: IntoArguments<DB>,
    for<'q> i64: Decode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    /// Inserts a blog and returns its key.
    pub async fn add(&mut self, name: &str) -> sqlx::Result<i64> {
        DB::add_blog(&mut self.session, name).await
    }

    /// How many blogs the transaction sees.
    pub async fn count(&mut self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT count(*) FROM blog").fetch_one(&mut self.session).await
    }
}

impl<DB> Posts<DB>
where
    DB: Backend,
    DB::Arguments: IntoArguments<DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    /// Inserts a post.
    pub async fn add(&mut self, blog: i64, title: &str) -> sqlx::Result<()> {
        let insert = sqlx::query(sql::<DB>("INSERT INTO post (blog_id, title) VALUES (?, ?)"));
        insert.bind(blog).bind(title).execute(&mut self.session).await?;
        Ok(())
    }
}
