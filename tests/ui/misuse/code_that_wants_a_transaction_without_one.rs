use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Error, Scope, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
}

/// Runs inside of somebody's transaction: it can ask for one by its type.
async fn inside(_: &mut Scope<Database>) -> Result<(), Error> {
    Ok(())
}

async fn outside(pool: &SqlitePool) -> Result<(), Error> {
    let mut db = Database::new(pool);
    inside(&mut db).await
}

fn main() {}
