//! SQLite: several rows of values, and keys that are told from the last one.

use sqlx::{AssertSqlSafe, Pool, Sqlite};

use super::{Hand, Row, check, posts, set_keys, single_statements, values};
use crate::post::Post;

impl Hand for Sqlite {
    const TABLE: &'static str = "CREATE TABLE post (id INTEGER PRIMARY KEY, title TEXT NOT NULL, \
         blog_id INTEGER NOT NULL, score REAL NOT NULL, version INTEGER NOT NULL)";

    async fn insert_batch(pool: &Pool<Self>, posts: &mut [Post]) -> sqlx::Result<()> {
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        // More rows than SQLite takes values for are several statements.
        for posts in posts.chunks_mut(8000) {
            let values = values(posts.len(), 4);
            let text = format!("INSERT INTO post (title, blog_id, score, version) VALUES {values}");
            let mut insert = sqlx::query(AssertSqlSafe(text));
            for post in posts.iter() {
                insert =
                    insert.bind(post.title.as_str()).bind(post.blog_id).bind(post.score).bind(post.version);
            }
            let last = insert.execute(&mut *transaction).await?.last_insert_rowid();
            set_keys(posts, last - posts.len() as i64 + 1..=last);
        }
        transaction.commit().await
    }

    async fn change(pool: &Pool<Self>, every: usize, round: usize) -> sqlx::Result<()> {
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        let select = "SELECT id, title, blog_id, score, version FROM post";
        let rows: Vec<Row> = sqlx::query_as(select).fetch_all(&mut *transaction).await?;
        let mut posts = posts(rows);
        posts.iter_mut().step_by(every).for_each(|post| post.rename(round));
        let changed = posts.iter().step_by(every).count();
        let values = values(changed, 3);
        let text = format!(
            "UPDATE post AS t SET title = u.column3, version = t.version + 1 FROM (VALUES {values}) AS u \
             WHERE t.id = u.column1 AND t.version = u.column2"
        );
        let mut update = sqlx::query(AssertSqlSafe(text));
        for post in posts.iter().step_by(every) {
            update = update.bind(post.id).bind(post.version).bind(post.title.as_str());
        }
        check(update.execute(&mut *transaction).await?.rows_affected(), changed)?;
        transaction.commit().await
    }

    single_statements! {
        begin: "BEGIN IMMEDIATE",
        insert: "INSERT INTO post (title, blog_id, score, version) VALUES (?, ?, ?, ?) RETURNING id",
        select: "SELECT id, title, blog_id, score, version FROM post WHERE id = ?"
    }
}
