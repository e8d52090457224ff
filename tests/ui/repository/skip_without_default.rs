use sqlx::Sqlite;
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

struct Cache;

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
    #[uow(skip)]
    cache: Cache,
}

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
}

fn main() {}
