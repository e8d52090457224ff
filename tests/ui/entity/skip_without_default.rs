use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Entity, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

struct Cache;

#[derive(Entity)]
struct Blog {
    #[uow(key)]
    id: i64,
    #[uow(skip)]
    cache: Cache,
}

async fn used(pool: &SqlitePool, mut blog: Blog) -> Result<(), unit_of_work::Error> {
    Database::new(pool).refresh(&mut blog).await
}

fn main() {}
