use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Error, Isolation, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

async fn stricter(pool: &SqlitePool) -> Result<(), Error> {
    let mut db = Database::new(pool);
    db.savepoint(async |db| {
        db.isolation(Isolation::Serializable);
        Ok::<_, Error>(())
    })
    .await
}

fn main() {}
