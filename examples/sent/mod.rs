//! Prints every statement that sqlx sends: a `tracing` subscriber that hears nothing else.

use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// From now on each statement is printed when it is done.
pub(crate) fn print() {
    // Only fails if there is a subscriber already; then that one is heard.
    tracing::subscriber::set_global_default(Sent).ok();
}

struct Sent;

/// The text of a statement: the short form, unless there is a long one.
#[derive(Default)]
struct Statement {
    text: String,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" || (field.name() == "db.statement" && !value.is_empty()) {
            self.text = value.trim().to_owned();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl Subscriber for Sent {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn event(&self, event: &Event<'_>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        // The rows of a batch are many: the first tells the rest.
        // What sqlx sets on a new connection is not the unit's.
        if !statement.text.starts_with("PRAGMA ") {
            println!("    → {}", short(&statement.text));
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The rows of a batch are many: the first tells the rest.
fn short(text: &str) -> String {
    let Some((first, more)) = text.split_once("), (") else { return text.to_owned() };
    let rows = more.matches("), (").count() + 1;
    let last = more.rsplit("), (").next().unwrap_or(more);
    let behind = last.split_once(')').map_or("", |(_, behind)| behind);
    format!("{first}), … and {rows} more{behind}")
}
