use sqlx::Sqlite;
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
    audit: Session<Sqlite>,
}

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
}

fn main() {}
