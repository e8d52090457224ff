//! What a client of PostgreSQL says, as a proxy in between hears it.

use sqlx::{Pool, Postgres};
use unit_of_work::UnitOfWork as _;
use uow_test_support::Proxy;

use crate::Size;
use crate::common::database::{pool, through_proxy, with_database};
use crate::figures::{Against, Case, Figure, Measure};
use crate::hand::Hand;
use crate::post::{self, Post, Shelf};

/// What was said to get something done.
struct Said {
    statements: f64,
    round_trips: f64,
}

pub(crate) fn measure(size: Size, tell: &mut impl FnMut(Figure)) {
    with_database::<Postgres, _>("wire", async |connect| {
        let (connect, proxy) = through_proxy::<Postgres>(&connect).await.unwrap();
        let pool = pool::<Postgres>(connect, Postgres::TABLE).await;
        change(&pool, &proxy, size, tell).await;
        flush_clean(&pool, &proxy, size, tell).await;
        insert(&pool, &proxy, size, tell).await;
        endpoint(&pool, &proxy, tell).await;
        pool.close().await;
    });
}

/// What is said the second time: the first prepares the statements.
async fn said(proxy: &Proxy, mut work: impl AsyncFnMut()) -> Said {
    work().await;
    proxy.sent();
    let before = proxy.round_trips();
    work().await;
    let round_trips = (proxy.round_trips() - before) as f64;
    Said { statements: statements(&proxy.sent().concat()) as f64, round_trips }
}

/// Counts the messages that have a statement run: Query and Execute.
fn statements(mut sent: &[u8]) -> usize {
    let mut count = 0;
    while let [kind, a, b, c, d, ..] = *sent {
        count += usize::from(matches!(kind, b'Q' | b'E'));
        // The length counts itself, and not the kind.
        sent = &sent[1 + u32::from_be_bytes([a, b, c, d]) as usize..];
    }
    count
}

fn figures(case: Case, against: Against, ours: &Said, by_hand: &Said, tell: &mut impl FnMut(Figure)) {
    let what = (case, "postgres", against);
    tell(Figure::of_count(what, Measure::Statements, ours.statements, by_hand.statements));
    tell(Figure::of_count(what, Measure::RoundTrips, ours.round_trips, by_hand.round_trips));
}

async fn change(pool: &Pool<Postgres>, proxy: &Proxy, size: Size, tell: &mut impl FnMut(Figure)) {
    post::insert(pool, size.rows).await.unwrap();
    let mut round = 0;
    let ours = said(proxy, async || {
        round += 1;
        post::change(pool, size.changed, round).await.unwrap();
    });
    let ours = ours.await;
    let by_hand = said(proxy, async || {
        round += 1;
        Postgres::change(pool, size.changed, round).await.unwrap();
    });
    figures(Case::Change, Against::Batch, &ours, &by_hand.await, tell);
}

async fn flush_clean(pool: &Pool<Postgres>, proxy: &Proxy, size: Size, tell: &mut impl FnMut(Figure)) {
    post::insert(pool, size.clean - size.rows.min(size.clean)).await.unwrap();
    let mut db = Shelf::new(pool);
    db.posts().all().fetch().await.unwrap();
    let ours = said(proxy, async || db.flush().await.unwrap()).await;
    let nothing = Said { statements: 0.0, round_trips: 0.0 };
    figures(Case::FlushClean, Against::Comparison, &ours, &nothing, tell);
    db.rollback().await.unwrap();
}

async fn insert(pool: &Pool<Postgres>, proxy: &Proxy, size: Size, tell: &mut impl FnMut(Figure)) {
    let ours = said(proxy, async || post::insert(pool, size.rows).await.unwrap()).await;
    let batch = said(proxy, async || {
        Postgres::insert_batch(pool, &mut Post::all(size.rows)).await.unwrap();
    });
    figures(Case::Insert, Against::Batch, &ours, &batch.await, tell);
    let each = said(proxy, async || {
        Postgres::insert_each(pool, &mut Post::all(size.rows)).await.unwrap();
    });
    figures(Case::Insert, Against::PerRow, &ours, &each.await, tell);
}

async fn endpoint(pool: &Pool<Postgres>, proxy: &Proxy, tell: &mut impl FnMut(Figure)) {
    let post = Post::new(0);
    let insert = said(proxy, async || assert!(post::endpoint_insert(pool).await.unwrap() > 0)).await;
    let by_hand = said(proxy, async || assert!(Postgres::endpoint(pool, &post).await.unwrap() > 0));
    figures(Case::EndpointInsert, Against::Calls, &insert, &by_hand.await, tell);
    let add = said(proxy, async || assert!(post::endpoint_add(pool).await.unwrap() > 0)).await;
    let alone = said(proxy, async || assert!(Postgres::endpoint_alone(pool, &post).await.unwrap() > 0));
    figures(Case::EndpointAdd, Against::Calls, &add, &alone.await, tell);
}
