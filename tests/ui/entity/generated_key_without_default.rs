use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Entity, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
struct Id(i64);

#[derive(Entity)]
struct Blog {
    #[uow(key, generated)]
    id: Id,
}

async fn used(pool: &SqlitePool, mut blog: Blog) -> Result<(), unit_of_work::Error> {
    Database::new(pool).refresh(&mut blog).await
}

fn main() {}
