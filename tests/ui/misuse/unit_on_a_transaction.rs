use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Error, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

async fn join(pool: &SqlitePool) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    let mut db = Database::new(&mut transaction);
    db.commit().await
}

fn main() {}
