use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Error, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

async fn retried(pool: &SqlitePool) -> Result<(), Error> {
    let mut db = Database::new(pool);
    Database::options(&db).run(async |_| Ok::<_, Error>(())).await
}

fn main() {}
