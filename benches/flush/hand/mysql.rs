//! MariaDB: several rows of values, which return their keys.

use sqlx::{AssertSqlSafe, MySql, Pool};

use super::{Hand, Row, check, posts, set_keys, single_statements, values};
use crate::post::Post;

impl Hand for MySql {
    const TABLE: &'static str = "CREATE TABLE post (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
         title VARCHAR(200) NOT NULL, blog_id BIGINT NOT NULL, score DOUBLE NOT NULL, version BIGINT NOT NULL)";

    async fn insert_batch(pool: &Pool<Self>, posts: &mut [Post]) -> sqlx::Result<()> {
        let mut transaction = pool.begin().await?;
        // More rows than MariaDB takes values for are several statements.
        for posts in posts.chunks_mut(16_000) {
            let values = values(posts.len(), 4);
            let text =
                format!("INSERT INTO post (title, blog_id, score, version) VALUES {values} RETURNING id");
            let mut insert = sqlx::query_scalar(AssertSqlSafe(text));
            for post in posts.iter() {
                insert =
                    insert.bind(post.title.as_str()).bind(post.blog_id).bind(post.score).bind(post.version);
            }
            let keys: Vec<i64> = insert.fetch_all(&mut *transaction).await?;
            set_keys(posts, keys.into_iter());
        }
        transaction.commit().await
    }

    async fn change(pool: &Pool<Self>, every: usize, round: usize) -> sqlx::Result<()> {
        let mut transaction = pool.begin().await?;
        let select = "SELECT id, title, blog_id, score, version FROM post";
        let rows: Vec<Row> = sqlx::query_as(select).fetch_all(&mut *transaction).await?;
        let mut posts = posts(rows);
        posts.iter_mut().step_by(every).for_each(|post| post.rename(round));
        let changed = posts.iter().step_by(every).count();
        let more = " UNION ALL SELECT ?, ?, ?".repeat(changed - 1);
        let text = format!(
            "UPDATE post AS t JOIN (SELECT ? AS id, ? AS version, ? AS title{more}) AS u \
             ON t.id = u.id AND t.version = u.version SET t.title = u.title, t.version = t.version + 1"
        );
        let mut update = sqlx::query(AssertSqlSafe(text));
        for post in posts.iter().step_by(every) {
            update = update.bind(post.id).bind(post.version).bind(post.title.as_str());
        }
        check(update.execute(&mut *transaction).await?.rows_affected(), changed)?;
        transaction.commit().await
    }

    single_statements! {
        begin: "BEGIN",
        insert: "INSERT INTO post (title, blog_id, score, version) VALUES (?, ?, ?, ?) RETURNING id",
        select: "SELECT id, title, blog_id, score, version FROM post WHERE id = ?"
    }
}
