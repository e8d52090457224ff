//! The texts the unit sends itself, and a reader for those it is given.

mod control;
mod reader;
mod select;
mod shape;
mod text;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod upsert;

use std::fmt::Write as _;
use std::ops::RangeInclusive;

#[cfg(feature = "sqlite")]
pub(crate) use control::has_semicolon;
pub(crate) use control::{Effect, admit, refuse_nul};
pub(crate) use select::select_by_key;
pub use shape::{Form, Shape};
pub(crate) use text::Text;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use upsert::upsert;

use std::borrow::Cow;

use crate::connection::OpenTransaction;
use crate::transaction_options::Plan;

/// The name of the savepoint of a scope.
const SAVEPOINT: &str = "uow_";

/// The sentinel is a savepoint that is there for as long as its transaction is.
pub(crate) const SENTINEL: &str = "SAVEPOINT uow";
pub(crate) const RELEASE_SENTINEL: &str = "RELEASE SAVEPOINT uow";

/// The text that ends a transaction, with what makes the connection what it was before.
pub(crate) fn with_restore(
    text: Cow<'static, str>,
    transaction: &OpenTransaction,
    plan: &Plan,
) -> Cow<'static, str> {
    let restore = restore(transaction, plan);
    if restore.is_empty() { text } else { format!("{text}; {restore}").into() }
}

/// What makes the connection what it was before.
pub(crate) fn restore(transaction: &OpenTransaction, plan: &Plan) -> String {
    let parts = [plan.restore.as_ref(), transaction.restore.as_str()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

pub(crate) fn set_savepoints(depths: RangeInclusive<u32>) -> String {
    let mut text = String::new();
    for depth in depths {
        let separator = if text.is_empty() { "" } else { "; " };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{separator}SAVEPOINT {SAVEPOINT}{depth}");
    }
    text
}

pub(crate) fn release_savepoint(depth: u32) -> String {
    format!("RELEASE SAVEPOINT {SAVEPOINT}{depth}")
}

/// Undoes and releases: ROLLBACK TO alone would leave the savepoint on the server.
pub(crate) fn undo_savepoint(depth: u32) -> String {
    format!("ROLLBACK TO SAVEPOINT {SAVEPOINT}{depth}; RELEASE SAVEPOINT {SAVEPOINT}{depth}")
}
