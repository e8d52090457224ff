use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
}

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
}

impl Blogs {
    async fn count(&mut self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT count(*) FROM blog").fetch_one(&mut self.session).await
    }
}

async fn use_after_its_end(pool: &SqlitePool) -> sqlx::Result<i64> {
    let mut db = Database::new(pool);
    let blogs = db.blogs();
    drop(db);
    blogs.count().await
}

fn main() {}
