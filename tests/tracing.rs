//! What is heard in the log: a unit that is dropped with work in it, and, by sqlx's own word, what is sent.

mod common;

use std::sync::{Arc, Mutex};

use common::*;
use tracing::field::{Field, Visit};
use tracing::span;
use unit_of_work::Entities;
use uow_test_support::Lab;

/// Keeps the fields of what it hears.
#[derive(Clone)]
struct Heard {
    level: tracing::Level,
    target: &'static str,
    events: Arc<Mutex<Vec<String>>>,
}

impl Heard {
    fn of(level: tracing::Level, target: &'static str) -> Self {
        Self { level, target, events: Arc::default() }
    }

    /// What was heard since this was last asked.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }
}

impl tracing::Subscriber for Heard {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == self.level && metadata.target().starts_with(self.target)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields(String);
        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{}={value:?} ", field.name());
            }
        }
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.events.lock().unwrap().push(fields.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_unit_dropped_with_work_in_it_is_warned_of_by_name_and_count() {
    type Db = sqlx::Sqlite;
    Lab::<Db>::run("a_unit_dropped", async |lab: &mut Lab<Db>| {
        let warnings = Heard::of(tracing::Level::WARN, "uow_core");
        let dropped = |db: Library<Db>| tracing::subscriber::with_default(warnings.clone(), || drop(db));

        let mut db = Library::new(&lab.pool);
        db.blogs().add("a").await.unwrap();
        db.blogs().add("b").await.unwrap();
        dropped(db);
        let heard = warnings.take().join("\n");
        assert!(heard.contains("Library") && heard.contains("statements=2"), "{heard:?}");

        // Not one that was committed, one that was rolled back, or one nobody used.
        let mut db = Library::new(&lab.pool);
        db.blogs().add("a").await.unwrap();
        db.commit().await.unwrap();
        dropped(db);
        let mut db = Library::new(&lab.pool);
        db.blogs().count().await.unwrap();
        db.rollback().await.unwrap();
        dropped(db);
        dropped(Library::new(&lab.pool));
        assert_eq!(warnings.take(), [""; 0]);
    });
}

engines! {
    async fn a_unit_that_only_read_is_dropped_in_silence_and_one_that_changed_something_is_not(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('a')").await;
        let warnings = Heard::of(tracing::Level::WARN, "uow_core");
        let dropped = |db: Shelf<Db>| {
            tracing::subscriber::with_default(warnings.clone(), || drop(db));
            warnings.take().concat()
        };
        for read in 0..6 {
            let mut db = match read {
                0 => Shelf::options(&lab.pool).read_only(true).build().unwrap(),
                _ => Shelf::new(&lab.pool),
            };
            match read {
                0 => drop(db.blogs().query("name = 'a'").first().await.unwrap()),
                1 => drop(db.blogs().require(1).await.unwrap()),
                2 => drop(db.blogs().get_many([1]).await.unwrap()),
                3 => drop(db.blogs().all().fetch().await.unwrap()),
                4 => drop(db.blogs().refresh(1).await.unwrap()),
                _ => {
                    db.posts().get(404).await.unwrap();
                    db.blogs().refresh(1).await.unwrap();
                    db.flush().await.unwrap();
                }
            }
            assert_eq!(dropped(db), "", "read {read}");
        }
        // What was changed in memory, and what was written, is lost with it.
        let mut db = Shelf::new(&lab.pool);
        db.blogs().require(1).await.unwrap().name = "b".into();
        assert!(dropped(db).contains("held_back=1"));
        let mut db = Shelf::new(&lab.pool);
        db.blogs().require(1).await.unwrap().name = "b".into();
        db.flush().await.unwrap();
        let heard = dropped(db);
        assert!(heard.contains("rolled back") && !heard.contains("held_back"), "{heard}");
    }
}

#[test]
fn rows_that_were_to_be_deleted_and_are_gone_are_warned_of() {
    Lab::<sqlx::Sqlite>::run("deleted_and_gone", async |lab: &mut Lab<sqlx::Sqlite>| {
        let mut db = Shelf::new(&lab.pool);
        let id = db.blogs().insert(Blog::named("a")).await.unwrap().id;
        db.commit().await.unwrap();
        for gone in [false, true] {
            db.blogs().require(id).await.unwrap();
            db.blogs().remove(&id).unwrap();
            if gone {
                sqlx::raw_sql("DELETE FROM blog").execute(db.session()).await.unwrap();
            }
            let warnings = Heard::of(tracing::Level::WARN, "uow_core");
            let heard = tracing::subscriber::set_default(warnings.clone());
            db.flush().await.unwrap();
            drop(heard);
            let heard = warnings.take().concat();
            assert_eq!(heard.contains("Blog") && heard.contains("gone already"), gone, "{heard:?}");
            db.rollback().await.unwrap();
        }
    });
}

#[derive(Entity)]
struct Plain {
    #[uow(key, generated)]
    id: i64,
    name: String,
}

#[derive(Entity)]
struct Twin {
    #[uow(key, generated)]
    id: i64,
    name: String,
}

#[derive(UnitOfWork)]
struct Rows {
    session: Session<sqlx::Sqlite>,
    plain: Lazy<Entities<Plain, sqlx::Sqlite>>,
    twins: Lazy<Entities<Twin, sqlx::Sqlite>>,
}

#[test]
fn sqlite_returns_the_keys_of_a_large_batch_only_where_the_last_one_does_not_tell_them() {
    Lab::<sqlx::Sqlite>::run("keys_told", async |lab: &mut Lab<sqlx::Sqlite>| {
        lab.script(
            "CREATE TABLE plain (id INTEGER PRIMARY KEY, name TEXT NOT NULL); \
             CREATE TABLE twin (id INTEGER PRIMARY KEY, name TEXT NOT NULL); \
             CREATE TRIGGER twins AFTER INSERT ON twin WHEN NEW.name <> 'twin' \
             BEGIN INSERT INTO twin (name) VALUES ('twin'); END",
        )
        .await;
        let sent = Heard::of(tracing::Level::DEBUG, "sqlx::query");
        // (SQLite's statements are logged on a thread of sqlx's.)
        tracing::subscriber::set_global_default(sent.clone()).unwrap();
        // Of each INSERT, whether it asked if the keys are in step, and whether it returned them.
        let inserts = || -> Vec<(bool, bool)> {
            let inserts = sent.take().into_iter().filter(|text| text.contains("INSERT INTO"));
            inserts.map(|text| (text.contains("sqlite_schema"), text.contains("RETURNING"))).collect()
        };
        let mut db = Rows::new(&lab.pool);
        for (rows, heard) in [(8, [(false, true)]), (20, [(true, false)])] {
            for at in 0..rows {
                db.plain().add(Plain { id: 0, name: at.to_string() }).unwrap();
            }
            db.commit().await.unwrap();
            assert_eq!(inserts(), heard, "{rows}");
        }
        // It is asked, taken back and returned once, and returned at once from then on.
        for heard in [&[(true, false), (false, true)][..], &[(false, true)]] {
            for at in 0..20 {
                db.twins().add(Twin { id: 0, name: at.to_string() }).unwrap();
            }
            db.commit().await.unwrap();
            assert_eq!(inserts(), heard);
        }
    });
}
