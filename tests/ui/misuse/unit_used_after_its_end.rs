use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Error, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

async fn use_after_its_end(pool: &SqlitePool) -> Result<(), Error> {
    let mut db = Database::new(pool);
    drop(db);
    db.commit().await
}

fn main() {}
