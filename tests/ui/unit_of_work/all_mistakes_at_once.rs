use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
}

#[derive(UnitOfWork)]
#[uow(create = path)]
struct Database {
    session: Session<Sqlite>,
    audit: Session<Sqlite>,
    blogs: Lazy<Blogs>,
    #[uow(skp, getter = 7)]
    posts: Lazy<Blogs>,
    rollback: Lazy<Blogs>,
    hits: u64,
}

fn used(pool: &SqlitePool) {
    let mut db = Database::new(pool);
    db.blogs();
    db.split().blogs;
}

fn main() {}
