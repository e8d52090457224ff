use sqlx::Sqlite;
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

struct Entities<T>(T);

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
    blogs: Entities<i64>,
}

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
}

fn main() {}
