use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Lazy, Session, UnitOfWork};

struct Blogs {
    session: Session<Sqlite>,
}

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
}

fn used(pool: &SqlitePool) {
    let mut db = Database::new(pool);
    db.blogs();
    db.split().blogs;
}

fn main() {}
