//! The struct comes out of a `macro_rules!`, with types from both sides of it.

use sqlx::Sqlite;
use unit_of_work::{Entity, Lazy, Repository, Session, UnitOfWork};

macro_rules! unit {
    ($visibility:vis $unit:ident, $session:ty, { $($field:ident: $repository:ty),* }, $getter:ident) => {
        #[derive(UnitOfWork)]
        $visibility struct $unit {
            session: $session,
            $($field: Lazy<$repository>,)*
            #[uow(getter = $getter)]
            own: Lazy<Blogs>,
            #[uow(skip)]
            #[allow(dead_code)]
            hits: u64,
        }
    };
}

macro_rules! entity {
    ($entity:ident, $table:literal, $key:ident: $key_type:ty, $($field:ident: $type:ty),*) => {
        #[derive(Debug, Entity)]
        #[uow(table = $table)]
        pub(crate) struct $entity {
            #[uow(key)]
            pub(crate) $key: $key_type,
            $(pub(crate) $field: $type),*
        }
    };
}

#[derive(Repository)]
pub(crate) struct Blogs {
    pub(crate) session: Session<Sqlite>,
}

unit!(pub(crate) Database, Session<Sqlite>, { blogs: Blogs, posts: Blogs }, weblogs);
entity!(Blog, "blog", id: i64, name: String);
