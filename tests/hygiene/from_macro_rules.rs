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
            #[allow(dead_code, reason = "that it compiles is the test")]
            hits: u64,
        }
    };
}

macro_rules! entity {
    ($entity:ident, $table:literal, $key:ident: $key_type:ty, $($field:ident: $type:ty),*; $to:ty) => {
        #[derive(Debug, Default, Entity)]
        #[uow(table = $table)]
        pub(crate) struct $entity {
            #[uow(key, generated)]
            pub(crate) $key: $key_type,
            $(pub(crate) $field: $type,)*
            #[uow(version)]
            pub(crate) version: $key_type,
            #[uow(references = $to)]
            pub(crate) own: Option<$key_type>,
        }
    };
}

macro_rules! repository {
    ($repository:ident, $session:ty, $($field:ident: $entities:ty),*; $own:ident) => {
        #[derive(Repository)]
        pub(crate) struct $repository {
            session: $session,
            $(#[uow(entities)] $field: $entities,)*
            #[uow(entities)]
            $own: Blogs,
        }

        impl $repository {
            pub(crate) fn session(&mut self) -> &mut $session {
                &mut self.session
            }

            pub(crate) fn into_own(self) -> Blogs {
                self.$own
            }
        }
    };
}

#[derive(Repository)]
pub(crate) struct Blogs {
    pub(crate) session: Session<Sqlite>,
}

unit!(pub(crate) Database, Session<Sqlite>, { blogs: Blogs, posts: Blogs, sets: Sets }, weblogs);
entity!(Blog, "blog", id: i64, name: String; Blog);
repository!(Sets, Session<Sqlite>, blogs: Blogs, posts: Blogs; own);
