use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
}

#[derive(UnitOfWork)]
struct Database(Session<Sqlite>, Lazy<Blogs>);

fn used(pool: &SqlitePool) {
    Database::new(pool);
}

fn main() {}
