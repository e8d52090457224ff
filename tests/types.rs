//! Types of other crates and of the database's own, written in batches: what is read back is what was written.
//!
//! The values are of unlike lengths and scales, and the longest is never the first: an engine may take the type of a whole batch
//! from its first row.

mod common;

use std::fmt::Debug;

use common::*;
use sqlx::types::Decimal;
use sqlx::types::time::{Date, OffsetDateTime, UtcOffset};

#[derive(Debug, Clone, PartialEq, Entity)]
struct Bill {
    #[uow(key)]
    id: i64,
    price: Decimal,
    discount: Option<Decimal>,
}

#[derive(Debug, Clone, PartialEq, Entity)]
struct Event {
    #[uow(key)]
    id: i64,
    day: Date,
    over_on: Option<Date>,
    starts_at: OffsetDateTime,
    ends_at: Option<OffsetDateTime>,
}

/// The price of a row, another one in each round.
fn price(id: i64, round: i64) -> Decimal {
    // From whole numbers to ten places behind the point, and up to 18 digits.
    let scale = u32::try_from((id + round - 1) % 11).unwrap();
    let digits =
        123_456_789_012_345_678 / 10_i64.pow(u32::try_from((3 * id + round + 10) % 17).unwrap()) + id;
    Decimal::new(if id % 2 == 0 { -digits } else { digits }, scale)
}

fn bill(id: i64, round: i64) -> Bill {
    Bill { id, price: price(id, round), discount: ((id + round) % 3 != 1).then(|| price(id + 1, round)) }
}

/// A day of a row, another one in each round, from before 1970 on.
fn day(id: i64, round: i64) -> Date {
    Date::from_julian_day(2_440_000 + 1000 * i32::try_from(id * round).unwrap()).unwrap()
}

/// A time of a row, another one in each round; the first to the second, and others to the microsecond.
fn time(id: i64, round: i64) -> OffsetDateTime {
    let micros = if id % 4 == 1 { 0 } else { 123_456 * round + id };
    let seconds = 1_500_000_000 + 86_399 * id * round;
    let at =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(seconds * 1_000_000 + micros) * 1000).unwrap();
    at.to_offset(UtcOffset::from_hms(i8::try_from(id % 5).unwrap(), 30, 0).unwrap())
}

fn event(id: i64, round: i64) -> Event {
    let some = (id + round) % 3 != 1;
    Event {
        id,
        day: day(id, round),
        over_on: some.then(|| day(id + 1, round)),
        starts_at: time(id, round),
        ends_at: some.then(|| time(id + 1, round)),
    }
}

/// Inserts forty, and changes them twice by the same texts on the same connection; another unit looks what is stored each time.
async fn come_back_equal<E, DB>(lab: &Lab<DB>, entity: fn(i64, i64) -> E)
where
    E: Entity<DB, Key = i64> + Clone + PartialEq + Debug + 'static,
    DB: Engine,
{
    let pool = lab.pool_of(1).await;
    let mut db: One<E, DB> = One::new(&pool);
    for round in 1..=3 {
        if round == 1 {
            for id in 1..=40 {
                db.entities().add(entity(id, round)).unwrap();
            }
        }
        for found in db.entities().iter_mut() {
            *found = entity(found.key(), round);
        }
        db.commit().await.unwrap();
        let mut fresh: One<E, DB> = One::new(&lab.outside);
        for id in 1..=40 {
            assert_eq!(*fresh.entities().require(id).await.unwrap(), entity(id, round), "in round {round}");
        }
        fresh.rollback().await.unwrap();
    }
}

engines! {
    async fn days_and_times_are_written_in_batches(lab) {
        let time = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "TIMESTAMPTZ",
            "MySQL" => "DATETIME(6)",
            _ => "TEXT",
        };
        lab.script(&format!(
            "CREATE TABLE event (id BIGINT PRIMARY KEY, day DATE NOT NULL, over_on DATE, starts_at {time} NOT NULL, ends_at {time})"
        ))
        .await;
        come_back_equal(lab, event).await;
    }
}

mod on_servers {
    use super::*;

    // (SQLite has no type for them that keeps every digit, and sqlx none for SQLite.)
    uow_test_support::servers! {
        async fn decimals_of_any_scale_are_written_in_batches(lab) {
            let decimal = if <Db as sqlx::Database>::NAME == "PostgreSQL" { "NUMERIC" } else { "DECIMAL(28, 10)" };
            lab.script(&format!("CREATE TABLE bill (id BIGINT PRIMARY KEY, price {decimal} NOT NULL, discount {decimal})")).await;
            come_back_equal(lab, bill).await;
        }
    }
}

mod on_postgres {
    use super::*;
    use sqlx::Postgres;

    /// A type of the database's own. sqlx's derive gives it its array as well (`_mood`), so no attribute is needed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "mood", rename_all = "lowercase")]
    enum Mood {
        Glad,
        Calm,
        Sad,
    }

    #[derive(Debug, Clone, PartialEq, Entity)]
    struct Person {
        #[uow(key)]
        id: i64,
        mood: Mood,
        other: Option<Mood>,
    }

    /// The same, as what is given no array.
    #[derive(Debug, Clone, PartialEq, Entity)]
    #[uow(table = "person")]
    struct Guest {
        #[uow(key)]
        id: i64,
        #[uow(no_array)]
        mood: Mood,
        #[uow(no_array)]
        other: Option<Mood>,
    }

    fn person(id: i64, round: i64) -> Person {
        let mood = |number: i64| [Mood::Glad, Mood::Calm, Mood::Sad][usize::try_from(number % 3).unwrap()];
        Person { id, mood: mood(id + round), other: ((id + round) % 4 != 2).then(|| mood(id + 2 * round)) }
    }

    uow_test_support::postgres_claim! {
        Postgres, enums_of_the_database_are_written_in_batches, lab, {
            lab.script("CREATE TYPE mood AS ENUM ('glad', 'calm', 'sad'); \
                        CREATE TABLE person (id BIGINT PRIMARY KEY, mood mood NOT NULL, other mood)").await;
            assert!((0..3).all(<Person as Entity<Postgres>>::has_array));
            come_back_equal(lab, person).await;
            lab.script("DELETE FROM person").await;
            assert!(!(1..3).any(<Guest as Entity<Postgres>>::has_array));
            come_back_equal(lab, |id, round| {
                let Person { id, mood, other } = person(id, round);
                Guest { id, mood, other }
            })
            .await;
        }
    }
}
