use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Error, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

async fn rollback(pool: &SqlitePool) -> Result<(), Error> {
    let mut db = Database::new(pool);
    db.savepoint(async |db| db.rollback().await).await
}

fn main() {}
