use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Entity, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

#[derive(Entity)]
struct Blog {
    #[uow(key)]
    id: i64,
    #[uow(read_only, version)]
    version: i64,
}

async fn used(pool: &SqlitePool, mut blog: Blog) -> Result<(), unit_of_work::Error> {
    Database::new(pool).refresh(&mut blog).await
}

fn main() {}
