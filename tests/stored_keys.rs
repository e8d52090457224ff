//! Keys and unique values that the database takes for the same although they are written otherwise.

mod common;

use common::*;
use sqlx::types::chrono::{DateTime, Utc};
use unit_of_work::{Entities, Lock};

#[derive(Debug, UnitOfWork)]
struct Dictionary<DB: Backend>
where
    Word: Entity<DB>,
    Event: Entity<DB>,
    User: Entity<DB>,
    Mute: Entity<DB>,
{
    session: Session<DB>,
    words: Lazy<Entities<Word, DB>>,
    events: Lazy<Entities<Event, DB>>,
    users: Lazy<Entities<User, DB>>,
    mutes: Lazy<Entities<Mute, DB>>,
}

/// Found in whatever case.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Word {
    #[uow(key)]
    word: String,
    meaning: String,
    #[uow(version)]
    version: i64,
}

/// Found by a time, which servers keep to the microsecond.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Event {
    #[uow(key)]
    at: DateTime<Utc>,
    what: String,
    #[uow(read_only)]
    stamp: i64,
}

/// Two unique columns.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
#[uow(table = "person")]
struct User {
    #[uow(key, generated)]
    id: i64,
    #[uow(unique)]
    email: String,
    #[uow(unique)]
    nick: String,
    age: i32,
}

/// A column of it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Mute {
    #[uow(key)]
    id: i64,
    #[uow(read_only)]
    says: i64,
}

fn word(word: &str, meaning: &str) -> Word {
    Word { word: word.into(), meaning: meaning.into(), version: 0 }
}

fn event(nanos: u32, what: &str) -> Event {
    Event { at: DateTime::from_timestamp(1_700_000_000, nanos).unwrap(), what: what.into(), stamp: 0 }
}

fn user(email: &str, nick: &str, age: i32) -> User {
    User { id: 0, email: email.into(), nick: nick.into(), age }
}

async fn make_tables<DB: Engine>(lab: &Lab<DB>) {
    let [any_case, time] = match DB::NAME {
        "PostgreSQL" => ["COLLATE any_case", "TIMESTAMPTZ"],
        "MySQL" => ["COLLATE utf8mb4_general_ci", "DATETIME(6)"],
        _ => ["COLLATE NOCASE", "TEXT"],
    };
    if DB::NAME == "PostgreSQL" {
        lab.script(
            "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        )
        .await;
    }
    let key = DB::GENERATED_KEY;
    lab.script(&format!(
        "CREATE TABLE word (word VARCHAR(20) {any_case} NOT NULL PRIMARY KEY, meaning VARCHAR(20) NOT NULL, version BIGINT NOT NULL); \
         CREATE TABLE event (at {time} NOT NULL PRIMARY KEY, what VARCHAR(20) NOT NULL, stamp BIGINT NOT NULL DEFAULT 7); \
         CREATE TABLE person (id {key}, email VARCHAR(20) NOT NULL UNIQUE, nick VARCHAR(20) NOT NULL UNIQUE, age INTEGER NOT NULL); \
         CREATE TABLE mute (id BIGINT NOT NULL PRIMARY KEY, says VARCHAR(20) NOT NULL DEFAULT 'nothing')"
    ))
    .await;
}

async fn people<DB: Engine>(lab: &Lab<DB>) -> Vec<String> {
    DB::texts(&lab.outside, "SELECT concat(email, ' ', nick, ' ', age) FROM person ORDER BY id").await
}

engines! {
    async fn a_row_is_found_and_known_by_its_key_as_it_is_stored(lab) {
        make_tables(lab).await;
        lab.script("INSERT INTO word VALUES ('abc', 'the alphabet', 0), ('dog', 'an animal', 0), ('god', 'no animal', 0)").await;
        let mut db = Dictionary::new(&lab.pool);
        assert_eq!(db.words().get("ABC".into()).await.unwrap().unwrap().word, "abc");
        assert_eq!(db.words().require("Abc".into()).await.unwrap().word, "abc");
        assert_eq!(db.words().refresh("aBC".into()).await.unwrap().word, "abc");
        assert_eq!(db.words().lock("aBC".into(), Lock::Wait).await.unwrap().unwrap().word, "abc");
        let [dog, abc, god] = db.words().get_many(["DOG".into(), "ABc".into(), "GOD".into()]).await.unwrap();
        assert_eq!([&dog.word, &abc.word, &god.word], ["dog", "abc", "god"]);
        god.meaning = "no dog".into();
        let twice = db.words().get_many(["DOG".into(), "doG".into()]).await;
        assert!(matches!(twice, Err(Error::SameKeyTwice { .. })), "{twice:?}");
        assert!(matches!(db.words().get_many(["DOG".into(), "cat".into()]).await, Err(Error::NotFound { .. })));
        assert_eq!(db.words().len(), 3);
        assert!(db.words().contains(&"abc".into()));

        db.words().require("ABC".into()).await.unwrap().meaning = "letters".into();
        db.commit().await.unwrap();
        let stored = "SELECT concat(word, ' ', meaning, ' ', version) FROM word ORDER BY word";
        assert_eq!(Db::texts(&lab.outside, stored).await, ["abc letters 1", "dog an animal 0", "god no dog 1"]);
    }

    async fn upsert_writes_over_the_row_that_has_the_key_in_another_writing(lab) {
        make_tables(lab).await;
        lab.script("INSERT INTO word VALUES ('abc', 'the alphabet', 0)").await;
        let mut db = Dictionary::new(&lab.pool);
        let upserted = db.words().upsert(word("ABC", "letters")).await.unwrap();
        assert_eq!((upserted.word.as_str(), upserted.meaning.as_str(), upserted.version), ("abc", "letters", 1));
        let upserted = db.words().upsert(word("aBC", "all letters")).await.unwrap();
        assert_eq!((upserted.word.as_str(), upserted.version), ("abc", 2));
        assert_eq!(db.words().len(), 1);
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(word, ' ', meaning) FROM word").await, ["abc all letters"]);
    }

    async fn a_row_whose_key_is_stored_less_exactly_is_tracked_once(lab) {
        make_tables(lab).await;
        let mut db = Dictionary::new(&lab.pool);
        for at in 0..20 {
            db.events().add(event(at * 1000 + 789, &at.to_string())).unwrap();
        }
        db.flush().await.unwrap();
        assert!(db.events().iter().all(|event| event.stamp == 7), "what the database wrote is here");
        assert_eq!(db.events().all().fetch().await.unwrap().len(), 20);
        assert_eq!(db.events().len(), 20);
        for event in db.events().iter_mut() {
            event.what.push('!');
        }
        db.commit().await.unwrap();
        let upserted = db.events().upsert(event(3789, "upserted")).await.unwrap();
        assert_eq!((upserted.at.timestamp_subsec_micros(), upserted.stamp), (3, 7));
        db.events().get(event(4789, "").at).await.unwrap().unwrap().what = "found".into();
        assert_eq!(db.events().len(), 20);
        db.commit().await.unwrap();
        let stored = Db::texts(&lab.outside, "SELECT what FROM event ORDER BY at").await;
        let expected = |at: usize| match at {
            3 => "upserted".to_owned(),
            4 => "found".to_owned(),
            at => format!("{at}!"),
        };
        assert_eq!(stored, (0..20).map(expected).collect::<Vec<_>>());
    }

    async fn upsert_finds_a_row_by_the_first_of_two_unique_columns(lab) {
        make_tables(lab).await;
        let mut db = Dictionary::new(&lab.pool);
        let first = db.users().upsert(user("a@", "a", 1)).await.unwrap().id;
        db.users().upsert(user("b@", "b", 2)).await.unwrap();
        let again = db.users().upsert(user("a@", "aa", 3)).await.unwrap();
        assert_eq!((again.id, again.nick.as_str(), again.age), (first, "aa", 3));
        db.commit().await.unwrap();
        assert_eq!(people(lab).await, ["a@ aa 3", "b@ b 2"]);

        // What the other column says is of another row is refused, and nothing of it stays.
        for taken in [user("a@", "b", 4), user("c@", "b", 5)] {
            let refused: Result<(), Error> = db.savepoint(async |db| db.users().upsert(taken.clone()).await.map(drop)).await;
            refused.unwrap_err();
        }
        db.users().upsert(user("d@", "d", 6)).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(people(lab).await, ["a@ aa 3", "b@ b 2", "d@ d 6"]);
        db.users().upsert(user("e@", "b", 7)).await.unwrap_err();
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        db.rollback().await.unwrap();
        assert_eq!(people(lab).await, ["a@ aa 3", "b@ b 2", "d@ d 6"]);
    }

    async fn a_row_whose_answer_cannot_be_read_is_never_committed(lab) {
        make_tables(lab).await;
        let mut db = Dictionary::new(&lab.pool);
        let unread: Result<(), Error> = db
            .savepoint(async |db| db.mutes().upsert(Mute { id: 1, says: 0 }).await.map(drop))
            .await;
        assert!(matches!(unread, Err(Error::Sqlx(sqlx::Error::ColumnDecode { .. }))), "{unread:?}");
        db.words().upsert(word("a", "kept")).await.unwrap();
        db.commit().await.unwrap();
        for insert in [false, true] {
            let mute = Mute { id: 2, says: 0 };
            if insert {
                db.mutes().insert(mute).await.unwrap_err();
            } else {
                db.mutes().upsert(mute).await.unwrap_err();
            }
            let error = db.commit().await.unwrap_err();
            assert!(error.is_rolled_back(), "{error}");
            db.rollback().await.unwrap();
        }
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM mute").await, ["0"]);
        assert_eq!(Db::texts(&lab.outside, "SELECT meaning FROM word").await, ["kept"]);
    }
}

mod without_returning {
    use super::*;

    // What MySQL does: to it `RETURNING` is a comment.
    uow_test_support::mysql_claim! {
        sqlx::MySql, a_row_is_known_by_its_key_as_it_is_stored, lab, {
            make_tables(lab).await;
            let (pool, proxy) = lab.through_proxy(1).await;
            proxy.rewrite("/*M!100500", "/*M!999999");
            let mut db = Dictionary::new(&pool);
            for at in 0..20 {
                db.events().add(event(at * 1000 + 789, &at.to_string())).unwrap();
            }
            db.commit().await.unwrap();
            let known: Vec<_> = db.events().iter().map(|event| (event.at.timestamp_subsec_nanos(), event.stamp)).collect();
            assert_eq!(known, (0..20).map(|at| (at * 1000, 7)).collect::<Vec<_>>());
            // So they are found when they are changed.
            db.events().iter_mut().for_each(|event| event.what.push('!'));
            db.commit().await.unwrap();
            assert_eq!(lab_texts(lab, "SELECT concat(count(*)) FROM event WHERE what LIKE '%!'").await, ["20"]);

            // One that is not found by what was given is named, and not stored.
            lab.script("DELETE FROM event; ALTER TABLE event MODIFY at DATETIME NOT NULL").await;
            let mut db = Dictionary::new(&pool);
            db.events().add(event(0, "whole")).unwrap();
            let between = DateTime::from_timestamp(1_700_000_009, 789_000_000).unwrap();
            db.events().add(Event { at: between, ..event(0, "cut off") }).unwrap();
            let error = db.commit().await.unwrap_err();
            assert!(matches!(error, Error::NotStored { entity: "Event", .. }), "{error}");
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.contains("is not found by its key"), "{source}");
            db.rollback().await.unwrap();
            assert_eq!(lab_texts(lab, "SELECT what FROM event").await, [""; 0]);
        }
    }

    async fn lab_texts(lab: &Lab<sqlx::MySql>, text: &str) -> Vec<String> {
        <sqlx::MySql as Engine>::texts(&lab.outside, text).await
    }
}
