//! Columns of all kinds, written in batches and read back.

mod common;

use common::*;
use sqlx::types::chrono::{DateTime, Utc};
use sqlx::types::{Json, Uuid};
use unit_of_work::Entities;

#[derive(Debug, UnitOfWork)]
struct Database<DB: Backend>
where
    Item: Entity<DB>,
    Line: Entity<DB>,
{
    session: Session<DB>,
    lines: Lazy<Entities<Line, DB>>,
    items: Lazy<Entities<Item, DB>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
enum State {
    Draft = 1,
    Sold = 2,
}

#[derive(Debug, Clone, PartialEq, Entity)]
#[uow(table = "an \"item\"")]
struct Item {
    #[uow(key)]
    id: Uuid,
    #[uow(column = "select")]
    name: Option<String>,
    price: f64,
    weight: Option<f32>,
    sold: bool,
    state: State,
    picture: Vec<u8>,
    attributes: Json<Vec<String>>,
    listed_at: DateTime<Utc>,
    /// The database's own.
    #[uow(read_only)]
    note: String,
    #[uow(version)]
    version: i32,
    #[uow(skip)]
    in_memory: u8,
}

/// Found by two columns, one of them a text.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Line {
    #[uow(key, references = Item)]
    item: Uuid,
    #[uow(key)]
    place: String,
    amount: i32,
    #[uow(version)]
    version: i64,
}

/// Some of an article's columns.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
#[uow(table = "article")]
struct Headline {
    #[uow(key, generated)]
    id: i64,
    title: String,
}

#[derive(Debug, UnitOfWork)]
struct FrontPage<DB: Backend>
where
    Headline: Entity<DB>,
{
    session: Session<DB>,
    headlines: Lazy<Entities<Headline, DB>>,
}

/// A text of any length.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Page {
    #[uow(key, generated)]
    id: i64,
    text: String,
}

#[derive(Debug, UnitOfWork)]
struct Book<DB: Backend>
where
    Page: Entity<DB>,
{
    session: Session<DB>,
    pages: Lazy<Entities<Page, DB>>,
}

fn item(at: u128) -> Item {
    Item {
        id: Uuid::from_u128(at + 1),
        name: (!at.is_multiple_of(3)).then(|| format!("it's \"{at}\"; DROP TABLE")),
        price: at as f64 / 8.0,
        weight: at.is_multiple_of(2).then_some(0.5),
        sold: at.is_multiple_of(2),
        state: if at.is_multiple_of(2) { State::Sold } else { State::Draft },
        picture: vec![0, 255, at as u8],
        attributes: Json(vec!["a".into(); (at % 4) as usize]),
        listed_at: DateTime::from_timestamp(1_700_000_000 + at as i64, 0).unwrap(),
        note: String::new(),
        version: 0,
        in_memory: 7,
    }
}

async fn make_tables<DB: Engine>(lab: &Lab<DB>) {
    let [uuid, bytes, json, time, quote] = match DB::NAME {
        "PostgreSQL" => ["UUID", "BYTEA", "JSONB", "TIMESTAMPTZ", "\""],
        "MySQL" => ["BINARY(16)", "BLOB", "JSON", "TIMESTAMP", "`"],
        _ => ["BLOB", "BLOB", "TEXT", "TEXT", "\""],
    };
    let item = format!(
        "{quote}an {}item{}{quote}",
        quote.replace('`', "\"").repeat(if DB::NAME == "MySQL" { 1 } else { 2 }),
        quote.replace('`', "\"").repeat(if DB::NAME == "MySQL" { 1 } else { 2 })
    );
    lab.script(&format!(
        "CREATE TABLE {item} (id {uuid} PRIMARY KEY, {quote}select{quote} VARCHAR(100), price DOUBLE PRECISION NOT NULL, \
         weight REAL, sold BOOLEAN NOT NULL, state SMALLINT NOT NULL, picture {bytes} NOT NULL, attributes {json} NOT NULL, \
         listed_at {time} NOT NULL, note VARCHAR(20) NOT NULL DEFAULT 'by default', version INTEGER NOT NULL); \
         CREATE TABLE line (item {uuid} NOT NULL, place VARCHAR(20) NOT NULL, amount INTEGER NOT NULL, version BIGINT NOT NULL, \
         PRIMARY KEY (item, place))"
    ))
    .await;
}

engines! {
    async fn every_kind_of_column_is_written_and_read_in_batches(lab) {
        make_tables(lab).await;
        let mut db = Database::new(&lab.pool);
        for at in 0..40 {
            db.items().add(item(at)).unwrap();
        }
        db.commit().await.unwrap();
        // What the database wrote by itself is here without another question.
        assert!(db.items().iter().all(|item| item.note == "by default" && item.in_memory == 7));

        let mut db = Database::new(&lab.pool);
        for at in 0..40 {
            let found = db.items().require(Uuid::from_u128(at + 1)).await.unwrap();
            assert_eq!(*found, Item { note: "by default".into(), in_memory: 0, ..item(at) });
        }
        // One statement changes them all, each to a value of its own.
        for item in db.items().iter_mut() {
            item.name = item.name.take().is_none().then(|| "named now, and with a longer name than it ever had before".into());
            item.price = f64::MAX;
            item.attributes.push("b".into());
            item.picture.clear();
        }
        db.commit().await.unwrap();
        let now: Vec<Item> = db.items().iter().cloned().collect();
        assert!(now.iter().all(|item| item.version == 1));
        let mut db = Database::new(&lab.pool);
        let mut stored: Vec<Item> = db.items().all().fetch().await.unwrap().iter().map(|item| (*item).clone()).collect();
        stored.sort_by_key(|item| item.id);
        assert_eq!(stored, now);
        for item in stored {
            db.items().remove(&item.id).unwrap();
        }
        db.commit().await.unwrap();
        assert!(Database::new(&lab.pool).items().all().fetch().await.unwrap().is_empty());
    }

    async fn keys_of_several_columns_are_written_in_batches(lab) {
        make_tables(lab).await;
        let mut db = Database::new(&lab.pool);
        let places = ["left", "right", "it's"];
        for (at, place) in (0..60).map(|at| (at, places[at % 3])) {
            let item = Uuid::from_u128((at / 3) as u128);
            db.lines().add(Line { item, place: place.into(), amount: at as i32, version: 0 }).unwrap();
        }
        db.commit().await.unwrap();
        let keys = places.map(|place| (Uuid::from_u128(4), place.to_owned()));
        let mut db = Database::new(&lab.pool);
        for line in db.lines().get_many(keys.clone()).await.unwrap() {
            line.amount += 1000;
        }
        db.commit().await.unwrap();
        let stored = "SELECT concat(place, ' ', amount, ' ', version) FROM line WHERE version = 1 ORDER BY amount";
        assert_eq!(Db::texts(&lab.outside, stored).await, ["left 1012 1", "right 1013 1", "it's 1014 1"]);
        keys.iter().for_each(|key| db.lines().remove(key).unwrap());
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM line").await, ["57"]);
        // The keys themselves change, and something else with them.
        let mut db = Database::new(&lab.pool);
        let zero = Uuid::from_u128(0);
        for line in db.lines().get_many([(zero, "left".into()), (zero, "right".into())]).await.unwrap() {
            line.amount += 5000;
            line.place = if line.place == "left" { "moved".into() } else { "moved too".into() };
        }
        db.commit().await.unwrap();
        let moved = "SELECT concat(place, ' ', amount, ' ', version) FROM line WHERE amount >= 5000 ORDER BY amount";
        assert_eq!(Db::texts(&lab.outside, moved).await, ["moved 5000 1", "moved too 5001 1"]);
        assert!(db.lines().contains(&(Uuid::from_u128(0), "moved".into())));
        assert!(db.lines().get((Uuid::from_u128(0), "left".into())).await.unwrap().is_none());
    }

    async fn columns_an_entity_leaves_out_are_left_alone(lab) {
        lab.script(&format!(
            "CREATE TABLE article (id {}, title VARCHAR(200) NOT NULL, readers BIGINT NOT NULL DEFAULT 7); \
             INSERT INTO article (title, readers) VALUES ('a', 1), ('b', 2), ('c', 3)",
            Db::GENERATED_KEY
        ))
        .await;
        let mut db = FrontPage::new(&lab.pool);
        let mut headlines = db.headlines().all().fetch().await.unwrap();
        headlines.sort_by_key(|headline| headline.id);
        headlines[0].title.push('!');
        headlines[1].title.push('!');
        let removed = headlines[2].id;
        db.headlines().remove(&removed).unwrap();
        db.headlines().add(Headline { id: 0, title: "d".into() }).unwrap();
        // Whatever stands in the others by then, stays.
        sqlx::raw_sql("UPDATE article SET readers = readers + 10").execute(db.session()).await.unwrap();
        db.commit().await.unwrap();
        let stored = "SELECT concat(title, ' ', readers) FROM article ORDER BY id";
        assert_eq!(Db::texts(&lab.outside, stored).await, ["a! 11", "b! 12", "d 7"]);
        // So they do where the row is read again, written over, and changed once more.
        let Some(id) = db.headlines().iter().map(|headline| headline.id).min() else { unreachable!() };
        db.headlines().refresh(id).await.unwrap().title.push('?');
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, stored).await[0], "a!? 11");
    }

    async fn a_batch_is_written_that_is_larger_than_a_message_may_be(lab) {
        let (kind, limit) = match <Db as sqlx::Database>::NAME {
            "MySQL" => ("LONGTEXT", Db::texts(&lab.outside, "SELECT concat(@@max_allowed_packet)").await[0].parse().unwrap()),
            _ => ("TEXT", 4 << 20),
        };
        lab.script(&format!("CREATE TABLE page (id {}, text {kind} NOT NULL)", Db::GENERATED_KEY)).await;
        let length: usize = 1 << 16;
        let pages = limit / length + 8;
        let mut db = Book::new(&lab.pool);
        // One that no message has room for beside others; and so few of the others that all would be one statement.
        let long = |at: usize, letter: &str| letter.repeat(if at == 3 { limit / 2 } else { length });
        for at in 0..pages {
            db.pages().add(Page { id: 0, text: long(at, "a") }).unwrap();
        }
        db.commit().await.unwrap();
        for (at, page) in db.pages().iter_mut().enumerate() {
            page.text = long(at, "b");
        }
        db.commit().await.unwrap();
        let lengths = "SELECT concat(bytes, ' ', count(*)) FROM (SELECT length(text) AS bytes FROM page WHERE text LIKE 'b%') AS pages \
                       GROUP BY bytes ORDER BY 1";
        let mut expected = [format!("{} 1", limit / 2), format!("{length} {}", pages - 1)];
        expected.sort();
        assert_eq!(Db::texts(&lab.outside, lengths).await, expected);
        let id = db.pages().iter().find(|page| page.text.len() > length).unwrap().id;
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(id) FROM page ORDER BY length(text) DESC LIMIT 1").await, [id.to_string()]);
    }

    async fn a_nan_that_stays_is_no_change_and_a_sign_that_goes_is_one(lab) {
        // (NaN cannot be stored everywhere; in memory it can be anywhere.)
        let mut now = item(1);
        now.price = f64::NAN;
        let before = Entity::<Db>::snapshot(&now);
        assert!(Entity::<Db>::changes(&now, &before).is_empty());
        now.weight = Some(-0.0);
        let before = Item { weight: Some(0.0), ..Entity::<Db>::snapshot(&now) };
        assert!(!Entity::<Db>::changes(&now, &before).is_empty());
        lab.settled().await;
    }
}

mod on_postgres {
    use super::*;

    /// An array has no array type, so it is written by VALUES.
    #[derive(Debug, Clone, PartialEq, Eq, Entity)]
    struct Tagged {
        #[uow(key, generated)]
        id: i64,
        tags: Vec<String>,
        numbers: Option<Vec<i32>>,
        #[uow(version)]
        version: i64,
    }

    #[derive(UnitOfWork)]
    struct Tags {
        session: Session<sqlx::Postgres>,
        tagged: Lazy<Entities<Tagged, sqlx::Postgres>>,
    }

    fn tagged(at: i64) -> Tagged {
        let numbers = (at % 2 == 0).then(|| vec![at as i32; 3]);
        Tagged { id: 0, tags: vec![format!("{at}"), "{\"}'".into()], numbers, version: 0 }
    }

    uow_test_support::postgres_claim! {
        sqlx::Postgres, columns_without_an_array_type_are_written_in_batches_too, lab, {
            let key = <sqlx::Postgres as Engine>::GENERATED_KEY;
            lab.script(&format!("CREATE TABLE tagged (id {key}, tags TEXT[] NOT NULL, numbers INTEGER[], version BIGINT NOT NULL)")).await;
            assert!(!<Tagged as Entity<sqlx::Postgres>>::has_array(1) && <Tagged as Entity<sqlx::Postgres>>::has_array(0));
            let mut db = Tags::new(&lab.pool);
            let added: Vec<_> = (0..300).map(|at| db.tagged().add(tagged(at)).unwrap()).collect();
            db.commit().await.unwrap();
            let mut db = Tags::new(&lab.pool);
            for (at, added) in (0..).zip(&added) {
                let id = added.key().unwrap();
                assert_eq!(*db.tagged().require(id).await.unwrap(), Tagged { id, ..tagged(at) });
            }
            db.tagged().iter_mut().for_each(|tagged| tagged.tags.push("more".into()));
            db.commit().await.unwrap();
            db.tagged().iter_mut().for_each(|tagged| tagged.tags.push("and more".into()));
            let ids: Vec<i64> = added.iter().map(|added| added.key().unwrap()).collect();
            ids.iter().take(100).for_each(|id| db.tagged().remove(id).unwrap());
            db.commit().await.unwrap();
            let counts = "SELECT count(*) || ' ' || min(version) || ' ' || min(cardinality(tags)) FROM tagged";
            assert_eq!(<sqlx::Postgres as Engine>::texts(&lab.outside, counts).await, ["200 2 4"]);
        }
    }
}
