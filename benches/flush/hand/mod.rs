//! The same work by hand: as well as we know how, in one transaction each, and with statements that are prepared.

mod mysql;
mod postgres;
mod sqlite;

use sqlx::Pool;

use crate::common::database::Reach;
use crate::post::Post;

/// A row as sqlx reads it, column by column: faster than by their names.
type Row = (i64, String, i64, f64, i64);

/// An engine, with the work written for it by hand.
pub(crate) trait Hand: Reach {
    /// The table.
    const TABLE: &'static str;

    /// Inserts all of them in one statement. They know their keys then.
    fn insert_batch(pool: &Pool<Self>, posts: &mut [Post]) -> impl Future<Output = sqlx::Result<()>>;

    /// The same, a statement each.
    fn insert_each(pool: &Pool<Self>, posts: &mut [Post]) -> impl Future<Output = sqlx::Result<()>>;

    /// Loads all there are, and changes some, each only if it is as it was read.
    fn change(pool: &Pool<Self>, every: usize, round: usize) -> impl Future<Output = sqlx::Result<()>>;

    /// Inserts one in a transaction, reads it again behind that, and returns its key.
    fn endpoint(pool: &Pool<Self>, post: &Post) -> impl Future<Output = sqlx::Result<i64>>;

    /// The same with a statement that is a transaction by itself.
    fn endpoint_alone(pool: &Pool<Self>, post: &Post) -> impl Future<Output = sqlx::Result<i64>>;
}

/// `(?, ?), (?, ?)`: so many rows of so many values.
fn values(rows: usize, columns: usize) -> String {
    vec![format!("({})", vec!["?"; columns].join(", ")); rows].join(", ")
}

fn posts(rows: Vec<Row>) -> Vec<Post> {
    let post = |(id, title, blog_id, score, version)| Post { id, title, blog_id, score, version };
    rows.into_iter().map(post).collect()
}

fn set_keys(posts: &mut [Post], keys: impl Iterator<Item = i64>) {
    posts.iter_mut().zip(keys).for_each(|(post, key)| post.id = key);
    assert!(posts.iter().all(|post| post.id > 0));
}

/// What is not as it was read is told by the count.
fn check(updated: u64, changed: usize) -> sqlx::Result<()> {
    if updated == changed as u64 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// What the engines do in the same words, but for their placeholders: one statement a row, and the endpoint.
macro_rules! single_statements {
    (begin: $begin:expr, insert: $insert:literal, select: $select:literal) => {
        async fn insert_each(pool: &Pool<Self>, posts: &mut [Post]) -> sqlx::Result<()> {
            let mut transaction = pool.begin_with($begin).await?;
            for post in posts {
                let insert = sqlx::query_scalar($insert).bind(&post.title).bind(post.blog_id);
                let insert = insert.bind(post.score).bind(post.version);
                post.id = insert.fetch_one(&mut *transaction).await?;
            }
            transaction.commit().await
        }

        async fn endpoint(pool: &Pool<Self>, post: &Post) -> sqlx::Result<i64> {
            let mut transaction = pool.begin_with($begin).await?;
            let insert = sqlx::query_scalar($insert).bind(&post.title).bind(post.blog_id);
            let id: i64 = insert.bind(post.score).bind(post.version).fetch_one(&mut *transaction).await?;
            transaction.commit().await?;
            let row: Row = sqlx::query_as($select).bind(id).fetch_one(pool).await?;
            Ok(row.0)
        }

        async fn endpoint_alone(pool: &Pool<Self>, post: &Post) -> sqlx::Result<i64> {
            let insert = sqlx::query_scalar($insert).bind(&post.title).bind(post.blog_id);
            let id: i64 = insert.bind(post.score).bind(post.version).fetch_one(pool).await?;
            let row: Row = sqlx::query_as($select).bind(id).fetch_one(pool).await?;
            Ok(row.0)
        }
    };
}
use single_statements;
