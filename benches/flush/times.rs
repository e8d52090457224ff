//! What takes time: the ways take turns, so that what else the machine does meets all.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use sqlx::{Pool, Sqlite};
use unit_of_work::{Entity, UnitOfWork as _};

use crate::Size;
use crate::common::database::{Reach as _, pool, with_database};
use crate::figures::{Against, Case, Figure};
use crate::hand::Hand;
use crate::post::{self, Post, Shelf};

/// The times of a case on an engine.
pub(crate) fn measure<DB: Hand>(size: Size, tell: &mut impl FnMut(Figure))
where
    Post: Entity<DB>,
{
    with_database::<DB, _>("flush", async |connect| {
        let pool = pool::<DB>(connect, DB::TABLE).await;
        change(&pool, size, tell).await;
        insert(&pool, size, tell).await;
        insert_many(&pool, size, tell).await;
        pool.close().await;
    });
    if DB::ENGINE == Sqlite::ENGINE {
        with_database::<Sqlite, _>("tracked", async |connect| {
            let pool = pool::<Sqlite>(connect, Sqlite::TABLE).await;
            get(&pool, size, tell).await;
            flush_clean(&pool, size, tell).await;
            pool.close().await;
        });
    }
}

async fn nanoseconds<T>(work: impl Future<Output = T>) -> f64 {
    let start = Instant::now();
    let done = work.await;
    let elapsed = start.elapsed();
    drop(done);
    elapsed.as_nanos() as f64
}

/// On a table that has just the rows: the first thing done there.
async fn change<DB: Hand>(pool: &Pool<DB>, size: Size, tell: &mut impl FnMut(Figure))
where
    Post: Entity<DB>,
{
    post::insert(pool, size.rows).await.unwrap();
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    // The first round prepares the statements, and is not counted.
    for round in 0..=size.rounds {
        let our_time = nanoseconds(post::change(pool, size.changed, 2 * round)).await;
        let hand_time = nanoseconds(async {
            DB::change(pool, size.changed, 2 * round + 1).await.unwrap();
        });
        let hand_time = hand_time.await;
        if round > 0 {
            ours.push(our_time);
            by_hand.push(hand_time);
        }
    }
    tell(Figure::of_times((Case::Change, DB::ENGINE, Against::Batch), &ours, &by_hand));
}

async fn insert<DB: Hand>(pool: &Pool<DB>, size: Size, tell: &mut impl FnMut(Figure))
where
    Post: Entity<DB>,
{
    let (mut ours, mut batch, mut each) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=size.rounds {
        let our_time = nanoseconds(async { post::insert(pool, size.rows).await.unwrap() }).await;
        let batch_time = nanoseconds(async {
            let mut posts = Post::all(size.rows);
            DB::insert_batch(pool, &mut posts).await.unwrap();
        });
        let batch_time = batch_time.await;
        if round > 0 {
            ours.push(our_time);
            batch.push(batch_time);
        }
        // These take long, and are far from the target.
        if round > 0 && round <= size.few_rounds {
            let each_time = nanoseconds(async {
                let mut posts = Post::all(size.rows);
                DB::insert_each(pool, &mut posts).await.unwrap();
            });
            each.push(each_time.await);
        }
    }
    tell(Figure::of_times((Case::Insert, DB::ENGINE, Against::Batch), &ours, &batch));
    tell(Figure::of_times((Case::Insert, DB::ENGINE, Against::PerRow), &ours[..each.len()], &each));
}

/// The time of one row.
async fn insert_many<DB: Hand>(pool: &Pool<DB>, size: Size, tell: &mut impl FnMut(Figure))
where
    Post: Entity<DB>,
{
    let (mut many, mut thousand, mut batch) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=size.few_rounds {
        let many_time = nanoseconds(async { post::insert(pool, size.many).await.unwrap() }).await;
        // As many of them as take a fifth of the time.
        let times = (size.many / size.rows / 5).max(1);
        let thousand_time = nanoseconds(async {
            for _ in 0..times {
                post::insert(pool, size.rows).await.unwrap();
            }
        });
        let thousand_time = thousand_time.await;
        let batch_time = nanoseconds(async {
            let mut posts = Post::all(size.many);
            DB::insert_batch(pool, &mut posts).await.unwrap();
        });
        let batch_time = batch_time.await;
        if round > 0 {
            many.push(many_time / size.many as f64);
            thousand.push(thousand_time / (times * size.rows) as f64);
            batch.push(batch_time / size.many as f64);
        }
    }
    tell(Figure::of_times((Case::InsertMany, DB::ENGINE, Against::Thousand), &many, &thousand));
    tell(Figure::of_times((Case::InsertMany, DB::ENGINE, Against::Batch), &many, &batch));
}

/// What is tracked is lent without a statement: the engine does not matter.
async fn get(pool: &Pool<Sqlite>, size: Size, tell: &mut impl FnMut(Figure)) {
    post::insert(pool, size.rows).await.unwrap();
    let mut db = Shelf::new(pool);
    let keys: Vec<i64> = db.posts().all().fetch().await.unwrap().iter().map(|post| post.id).collect();
    let mut map: HashMap<i64, Post> = db.posts().iter().map(|post| (post.id, post.clone())).collect();
    let asked = || keys.iter().copied().cycle().take(size.gets);
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let our_time = nanoseconds(async {
            for key in asked() {
                black_box(db.posts().get(key).await.unwrap());
            }
        });
        ours.push(our_time.await / size.gets as f64);
        let hand_time = nanoseconds(async {
            for key in asked() {
                black_box(map.get_mut(&key));
            }
        });
        by_hand.push(hand_time.await / size.gets as f64);
    }
    tell(Figure::of_times((Case::Get, Sqlite::ENGINE, Against::HashMap), &ours, &by_hand));
    db.rollback().await.unwrap();
}

async fn flush_clean(pool: &Pool<Sqlite>, size: Size, tell: &mut impl FnMut(Figure)) {
    sqlx::query("DELETE FROM post").execute(pool).await.unwrap();
    post::insert(pool, size.clean).await.unwrap();
    let mut db = Shelf::new(pool);
    db.posts().all().fetch().await.unwrap();
    let pairs: Vec<(Post, Post)> = db.posts().iter().map(|post| (post.clone(), post.clone())).collect();
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        ours.push(nanoseconds(async { db.flush().await.unwrap() }).await);
        let changed = async { black_box(pairs.iter().filter(|(now, before)| now != before).count()) };
        by_hand.push(nanoseconds(changed).await);
    }
    tell(Figure::of_times((Case::FlushClean, Sqlite::ENGINE, Against::Comparison), &ours, &by_hand));
    db.rollback().await.unwrap();
}
