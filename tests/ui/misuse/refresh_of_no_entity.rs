use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Error, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

struct Blog {
    id: i64,
}

async fn refresh(pool: &SqlitePool) -> Result<(), Error> {
    let mut db = Database::new(pool);
    db.refresh(&mut Blog { id: 1 }).await
}

fn main() {}
