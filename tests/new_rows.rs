//! What the application gives of a new row, without dummies for what the database makes.

// What the derive writes is held to what careful users hold their own code to.
#![deny(missing_docs, missing_debug_implementations, unused_qualifications, deprecated, clippy::pedantic)]

mod common;

use common::*;
use unit_of_work::Entities;

/// A reading of a meter.
#[derive(Debug, Clone, PartialEq, Entity)]
#[uow(new(Debug, Clone))]
pub struct Reading {
    #[uow(key, generated)]
    id: i64,
    /// Who took it.
    pub taker: String,
    /// Of what.
    #[uow(references = Blog)]
    pub r#of: Option<i64>,
    #[uow(read_only)]
    unit: String,
    #[uow(version)]
    version: i64,
    #[uow(skip)]
    note: Option<String>,
}

/// One that has its key.
#[derive(Debug, Clone, PartialEq, Entity)]
#[uow(new(Debug))]
struct Meter {
    #[uow(key)]
    name: String,
    place: String,
}

#[derive(Debug, UnitOfWork)]
struct House<DB: Backend>
where
    Reading: Entity<DB>,
    Meter: Entity<DB>,
    Blog: Entity<DB>,
{
    session: Session<DB>,
    readings: Lazy<Entities<Reading, DB>>,
    meters: Lazy<Entities<Meter, DB>>,
    blogs: Lazy<Entities<Blog, DB>>,
}

fn by(taker: &str) -> NewReading {
    NewReading { taker: taker.into(), r#of: None }
}

engines! {
    async fn a_new_row_is_given_without_what_is_made_for_it(lab) {
        let tables = format!(
            "CREATE TABLE reading (id {}, taker VARCHAR(60) NOT NULL UNIQUE, of BIGINT, unit VARCHAR(9) NOT NULL DEFAULT 'kWh', \
             version BIGINT NOT NULL); \
             CREATE TABLE meter (name VARCHAR(60) NOT NULL PRIMARY KEY, place VARCHAR(60) NOT NULL)",
            <Db as Engine>::GENERATED_KEY
        );
        // (Quoted by the derive, and by nobody here.)
        let quoted = if <Db as sqlx::Database>::NAME == "MySQL" { "`of`" } else { "\"of\"" };
        lab.script(&tables.replace(" of ", &format!(" {quoted} "))).await;
        let mut db = House::new(&lab.pool);
        let added = db.readings().add(by("ada")).unwrap();
        let blog = db.blogs().add(Blog::named("a")).unwrap();
        db.readings().add_to(&blog, by("eve")).unwrap();
        let inserted = db.readings().insert(by("bob")).await.unwrap().clone();
        assert_eq!((inserted.unit.as_str(), inserted.version, inserted.note), ("kWh", 0, None));
        db.meters().add(NewMeter { name: "m".into(), place: "hall".into() }).unwrap();
        db.commit().await.unwrap();
        let stored = db.readings().require_added(&added).unwrap();
        assert_eq!((stored.taker.as_str(), stored.unit.as_str()), ("ada", "kWh"));
        assert_eq!(stored.id, added.require_key().unwrap());
        let text = format!("SELECT taker FROM reading WHERE {quoted} IS NOT NULL");
        assert_eq!(Db::texts(&lab.outside, &text).await, ["eve"]);
        assert_eq!(Meter::from(NewMeter { name: "m".into(), place: "x".into() }).place, "x");
    }
}
