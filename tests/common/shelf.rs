//! A unit of entities: blogs and the posts that refer to them.

use unit_of_work::{Entities, Entity, Lazy, Session, UnitOfWork};

use super::{Backend, Blog};

#[derive(Debug, UnitOfWork)]
pub struct Shelf<DB: Backend>
where
    Blog: Entity<DB>,
    Post: Entity<DB>,
{
    session: Session<DB>,
    // Children before their parents: the order of the fields is not that of the flush.
    posts: Lazy<Entities<Post, DB>>,
    blogs: Lazy<Entities<Blog, DB>>,
}

/// A unit of one kind of entity.
#[derive(Debug, UnitOfWork)]
pub struct One<E, DB: Backend>
where
    E: Entity<DB> + 'static,
{
    session: Session<DB>,
    entities: Lazy<Entities<E, DB>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
pub struct Post {
    #[uow(key, generated)]
    pub id: i64,
    #[uow(references = Blog)]
    pub blog_id: i64,
    pub title: String,
}

impl Blog {
    pub fn named(name: &str) -> Self {
        Self { id: 0, name: name.into(), version: 0 }
    }
}

impl Post {
    pub fn titled(title: &str) -> Self {
        Self { id: 0, blog_id: 0, title: title.into() }
    }
}
