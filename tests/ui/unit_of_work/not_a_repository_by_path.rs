use sqlx::{Sqlite, SqlitePool};
use unit_of_work::UnitOfWork;

mod repositories {
    pub struct Of<T>(T);
}

#[derive(UnitOfWork)]
struct Database {
    session: unit_of_work::Session<Sqlite>,
    blogs: unit_of_work::Lazy<crate::repositories::Of<String>>,
}

fn used(pool: &SqlitePool) {
    let mut db = Database::new(pool);
    db.blogs();
    db.split().blogs;
}

fn main() {}
