//! A unit that is dropped with work in it leaves a word in the log.

mod common;

use std::sync::{Arc, Mutex};

use common::*;
use tracing::field::{Field, Visit};
use tracing::span;
use uow_test_support::Lab;

/// Keeps the fields of the warnings it hears.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN && metadata.target().starts_with("uow_core")
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
        self.0.lock().unwrap().push(fields.0);
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
        let warnings = Warnings::default();
        let dropped = |db: Library<Db>| tracing::subscriber::with_default(warnings.clone(), || drop(db));

        let mut db = Library::new(&lab.pool);
        db.blogs().add("a").await.unwrap();
        db.blogs().add("b").await.unwrap();
        dropped(db);
        let heard = warnings.0.lock().unwrap().join("\n");
        assert!(heard.contains("Library") && heard.contains("statements=2"), "{heard:?}");
        warnings.0.lock().unwrap().clear();

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
        assert_eq!(*warnings.0.lock().unwrap(), [""; 0]);
    });
}
