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
    #[uow(skip = true)]
    hits: u64,
}

fn used(pool: &SqlitePool) {
    let mut db = Database::new(pool);
    db.blogs();
    db.split().blogs;
}

fn main() {}
