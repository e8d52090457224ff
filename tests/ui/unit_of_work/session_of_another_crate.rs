use sqlx::Sqlite;
use unit_of_work::{Lazy, Repository, UnitOfWork};

mod tower_sessions {
    pub struct Session;
}

#[derive(Repository)]
struct Blogs {
    session: unit_of_work::Session<Sqlite>,
}

#[derive(UnitOfWork)]
struct Database {
    session: tower_sessions::Session,
    blogs: Lazy<Blogs>,
}

fn used(mut db: Database) {
    db.blogs();
    db.split().blogs;
}

fn main() {}
