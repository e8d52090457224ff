use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
}

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
    cache: once_cell::Lazy<String, fn() -> String>,
}

fn used(pool: &SqlitePool) {
    let mut db = Database::new(pool);
    db.blogs();
    db.split().blogs;
}

mod once_cell {
    pub struct Lazy<T, F>(T, F);
}

fn main() {}
