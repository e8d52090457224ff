// Each lint is denied and broken once, by the user: it is on, and the derives do not break it.

#![deny(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    deprecated,
    dead_code,
    private_interfaces,
    non_local_definitions,
    single_use_lifetimes
)]

//! Docs.

use sqlx::Sqlite;
use unit_of_work::*;

/// The unit.
#[derive(Debug, UnitOfWork)]
pub struct Database<'a, R: Repository<Database = Sqlite>, const SIZE: usize = 1> {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
    #[deprecated]
    others: Lazy<R>,
    #[uow(skip)]
    title: Option<&'a str>,
}

/// A repository.
#[derive(Debug, Repository)]
pub struct Blogs {
    /// The session.
    pub session: Session<Sqlite>,
}

/// An entity.
#[derive(Debug, Entity)]
pub struct Blog {
    /// The key.
    #[deprecated]
    #[uow(key)]
    pub id: i64,
    pub undocumented: String,
}

/// An entity with every key.
#[derive(Debug, Entity)]
pub struct Post {
    /// The key.
    #[uow(key, generated)]
    pub id: i64,
    /// A reference.
    #[deprecated]
    #[uow(references = Blog, unique)]
    pub blog: Option<i64>,
    #[uow(read_only)]
    written: Option<String>,
    #[uow(no_array)]
    text: String,
    #[deprecated]
    #[uow(version)]
    version: i64,
    /// No column.
    #[uow(skip)]
    pub spare: u8,
}

/// A repository of others.
#[derive(Debug, Repository)]
pub struct Several {
    #[uow(entities)]
    blogs: Blogs,
    #[deprecated]
    #[uow(entities)]
    others: Blogs,
}

#[derive(Repository)]
pub struct WithoutDebug {
    session: Session<Sqlite>,
}

mod private {
    use super::*;

    #[derive(Debug, UnitOfWork)]
    pub struct Unreachable {
        session: Session<Sqlite>,
        blogs: Lazy<super::Blogs>,
    }

    #[derive(Debug, UnitOfWork)]
    struct NeverUsed {
        session: Session<Sqlite>,
        blogs: Lazy<Blogs>,
    }

    #[derive(Debug, Repository)]
    pub(super) struct Private {
        session: Session<Sqlite>,
    }
}

/// A unit that lends what its users cannot name.
#[derive(Debug, UnitOfWork)]
pub struct Indiscreet {
    session: Session<Sqlite>,
    private: Lazy<private::Private>,
}

fn main() {
    let _ = |blog: &Blog| blog.id;
}
