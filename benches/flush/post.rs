//! The entity of the bench, its unit, and what is done with it by the library.

use sqlx::Pool;
use unit_of_work::{Backend, Entities, Entity, Error, Lazy, Session, UnitOfWork};

/// A row like a real one.
#[derive(Debug, Clone, PartialEq, Entity)]
pub(crate) struct Post {
    #[uow(key, generated)]
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) blog_id: i64,
    pub(crate) score: f64,
    #[uow(version)]
    pub(crate) version: i64,
}

impl Post {
    /// A new one. No two have the same title.
    pub(crate) fn new(number: usize) -> Self {
        let mut title = format!("What the small hours taught us, part {number:06}");
        // As one that was read is: `format!` leaves room that nobody would count as the row's.
        title.shrink_to_fit();
        Self { id: 0, title, blog_id: number as i64 % 100, score: number as f64 / 8.0, version: 0 }
    }

    pub(crate) fn all(count: usize) -> Vec<Self> {
        (0..count).map(Self::new).collect()
    }

    /// The bytes of one, and of its title on the heap.
    pub(crate) fn bytes() -> usize {
        size_of::<Self>() + Self::new(0).title.len()
    }

    /// What is changed of it in a round.
    pub(crate) fn rename(&mut self, round: usize) {
        self.title = format!("What round {round:05} made of post {:08}", self.id);
    }
}

#[derive(Debug, UnitOfWork)]
pub(crate) struct Shelf<DB: Backend>
where
    Post: Entity<DB>,
{
    session: Session<DB>,
    posts: Lazy<Entities<Post, DB>>,
}

/// Inserts so many, which know their keys then.
pub(crate) async fn insert<DB: Backend>(pool: &Pool<DB>, count: usize) -> Result<(), Error>
where
    Post: Entity<DB>,
{
    let mut db = Shelf::new(pool);
    for number in 0..count {
        db.posts().add(Post::new(number))?;
    }
    db.commit().await?;
    assert!(db.posts().iter().all(|post| post.id > 0));
    Ok(())
}

/// Loads all there are, and changes some.
pub(crate) async fn change<DB: Backend>(pool: &Pool<DB>, every: usize, round: usize) -> Result<(), Error>
where
    Post: Entity<DB>,
{
    let mut db = Shelf::new(pool);
    let posts = db.posts().all().fetch().await?;
    posts.into_iter().step_by(every).for_each(|post| post.rename(round));
    db.commit().await
}

/// Creates one with an explicit insert, commits, refreshes it, and returns its key: the endpoint of the seed.
pub(crate) async fn endpoint_insert<DB: Backend>(pool: &Pool<DB>) -> Result<i64, Error>
where
    Post: Entity<DB, Key = i64>,
{
    let mut db = Shelf::new(pool);
    let id = db.posts().insert(Post::new(0)).await?.id;
    db.commit().await?;
    Ok(db.posts().refresh(id).await?.id)
}

/// The same with a create that is written behind.
pub(crate) async fn endpoint_add<DB: Backend>(pool: &Pool<DB>) -> Result<i64, Error>
where
    Post: Entity<DB, Key = i64>,
{
    let mut db = Shelf::new(pool);
    let added = db.posts().add(Post::new(0))?;
    db.commit().await?;
    let id = added.key().ok_or(Error::Busy)?;
    Ok(db.posts().refresh(id).await?.id)
}
