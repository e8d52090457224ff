use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Error, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

async fn twice(pool: &SqlitePool) -> Result<(), Error> {
    let mut db = Database::begin(pool).await?;
    db.begin().await
}

fn main() {}
