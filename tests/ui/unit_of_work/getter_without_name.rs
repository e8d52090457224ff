use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
}

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    #[uow(getter)]
    blogs: Lazy<Blogs>,
}

fn used(pool: &SqlitePool) {
    let mut db = Database::new(pool);
    db.blogs();
    db.split().blogs;
}

fn main() {}
