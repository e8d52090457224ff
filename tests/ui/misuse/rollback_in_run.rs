use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Error, Lazy, Repository, Session, UnitOfWork};

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
    posts: Lazy<Posts>,
}

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
}

#[derive(Repository)]
struct Posts {
    session: Session<Sqlite>,
}

impl Blogs {
    async fn create(&mut self, name: &str) -> Result<i64, Error> {
        let insert = sqlx::query_scalar("INSERT INTO blog (name) VALUES (?) RETURNING id");
        Ok(insert.bind(name).fetch_one(&mut self.session).await?)
    }
}

impl Posts {
    async fn create(&mut self, title: &str) -> Result<i64, Error> {
        let insert = sqlx::query_scalar("INSERT INTO post (title) VALUES (?) RETURNING id");
        Ok(insert.bind(title).fetch_one(&mut self.session).await?)
    }
}

async fn rollback(pool: &SqlitePool) -> Result<(), Error> {
    Database::options(pool).run(async |db| db.rollback().await).await
}

fn main() {}
