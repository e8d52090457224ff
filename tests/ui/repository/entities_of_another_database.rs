use sqlx::{Postgres, Sqlite};
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

/// By the name of the real ones, which is what the derive goes by.
struct Entities(Session<Postgres>);

impl Repository for Entities {
    type Database = Postgres;

    fn new(session: Session<Postgres>) -> Self {
        Self(session)
    }
}

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
    blogs: Entities,
}

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
}

fn main() {}
