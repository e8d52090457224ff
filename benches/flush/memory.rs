//! What takes memory, as the bench's allocator counts it. (What SQLite itself takes is not Rust's, and not counted.)

use sqlx::{Pool, Sqlite};
use unit_of_work::{Entity, UnitOfWork as _};
use uow_bench_allocator as allocator;

use crate::Size;
use crate::common::database::{Reach as _, pool, with_database};
use crate::figures::{Against, Case, Figure, Measure};
use crate::hand::Hand;
use crate::post::{self, Post, Shelf};

pub(crate) fn measure<DB: Hand>(size: Size, tell: &mut impl FnMut(Figure))
where
    Post: Entity<DB>,
{
    with_database::<DB, _>("memory", async |connect| {
        let pool = pool::<DB>(connect, DB::TABLE).await;
        // The connection's own buffers grow to what such a batch takes, and stay.
        post::insert(&pool, size.many).await.unwrap();
        allocator::start();
        post::insert(&pool, size.many).await.unwrap();
        let peak = allocator::stop().peak as f64 / size.many as f64;
        let what = (Case::InsertMany, DB::ENGINE, Against::Rows);
        tell(Figure::of_count(what, Measure::Bytes, peak, Post::bytes() as f64));
        allocator::start();
        let mut posts = Post::all(size.many);
        DB::insert_batch(&pool, &mut posts).await.unwrap();
        let batch = allocator::stop().peak as f64 / size.many as f64;
        let what = (Case::InsertMany, DB::ENGINE, Against::Batch);
        tell(Figure::of_count(what, Measure::Bytes, peak, batch));
        pool.close().await;
    });
    if DB::ENGINE == Sqlite::ENGINE {
        with_database::<Sqlite, _>("tracked", async |connect| {
            let pool = pool::<Sqlite>(connect, Sqlite::TABLE).await;
            get(&pool, size, tell).await;
            pool.close().await;
        });
        with_database::<Sqlite, _>("lent", async |connect| {
            let pool = pool::<Sqlite>(connect, Sqlite::TABLE).await;
            lend(&pool, size, tell).await;
            pool.close().await;
        });
    }
}

async fn get(pool: &Pool<Sqlite>, size: Size, tell: &mut impl FnMut(Figure)) {
    post::insert(pool, size.rows).await.unwrap();
    let mut db = Shelf::new(pool);
    let keys: Vec<i64> = db.posts().all().fetch().await.unwrap().iter().map(|post| post.id).collect();
    allocator::start();
    for key in &keys {
        assert!(db.posts().get(*key).await.unwrap().is_some());
    }
    let allocations = allocator::stop().allocations as f64;
    let what = (Case::Get, Sqlite::ENGINE, Against::HashMap);
    tell(Figure::of_count(what, Measure::Allocations, allocations, 0.0));
    db.rollback().await.unwrap();
}

/// Lent, an entity may be changed, so there is a copy of it to compare it with.
async fn lend(pool: &Pool<Sqlite>, size: Size, tell: &mut impl FnMut(Figure)) {
    post::insert(pool, size.clean).await.unwrap();
    let mut db = Shelf::new(pool);
    // (The connection's own buffers.)
    db.posts().all().fetch().await.unwrap();
    db.rollback().await.unwrap();
    let mut db = Shelf::new(pool);
    allocator::start();
    assert_eq!(db.posts().all().fetch().await.unwrap().len(), size.clean);
    let each = allocator::stop().left as f64 / size.clean as f64;
    let what = (Case::Lend, Sqlite::ENGINE, Against::Rows);
    tell(Figure::of_count(what, Measure::Bytes, each, Post::bytes() as f64));
    db.rollback().await.unwrap();
}
