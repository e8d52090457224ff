//! Optimistic versions that did not match.

use std::any::{Any, TypeId};
use std::fmt;

/// Rows that were not as they had been read: somebody else changed or deleted them meanwhile.
///
/// Nothing of the flush that found them is stored, and the unit is as it was before. Resolve each entity type's rows with
/// [`keep_mine`](crate::Entities::keep_mine), [`take_theirs`](crate::Entities::take_theirs) or
/// [`merge`](crate::Entities::merge) and commit again; or roll back; or let [`run`](crate::Options::run) try again from the
/// start ([`Retry::on_conflicts`](crate::Retry::on_conflicts)).
#[derive(Debug)]
pub struct Conflict {
    pub(crate) rows: Vec<StaleRow>,
}

/// One row of a [`Conflict`].
pub struct StaleRow {
    pub(crate) entity: &'static str,
    pub(crate) entity_type: TypeId,
    pub(crate) key: Box<dyn Any + Send + Sync>,
    pub(crate) key_text: String,
    pub(crate) expected: Option<i64>,
    pub(crate) found: Found,
}

/// What is in the place of a row that was expected to be as it had been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// No row of that key.
    Gone,
    /// The row, with this version.
    Version(i64),
    /// The row, with other values.
    Changed,
}

impl Conflict {
    /// The rows, every one of them.
    pub fn rows(&self) -> &[StaleRow] {
        &self.rows
    }
}

impl StaleRow {
    /// The entity's type.
    pub fn entity(&self) -> &'static str {
        self.entity
    }

    /// The entity's key, as text.
    pub fn key(&self) -> &str {
        &self.key_text
    }

    /// The version it was read with, if it has one.
    pub fn expected(&self) -> Option<i64> {
        self.expected
    }

    /// What is there now.
    pub fn found(&self) -> Found {
        self.found
    }
}

impl fmt::Debug for StaleRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaleRow")
            .field("entity", &self.entity)
            .field("key", &format_args!("{}", self.key_text))
            .field("expected", &self.expected)
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for StaleRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.entity, self.key_text)?;
        match (self.expected, self.found) {
            (Some(expected), Found::Version(found)) => {
                write!(f, " (version {expected} expected, {found} found)")
            }
            (_, Found::Gone) => f.write_str(" (gone)"),
            (_, Found::Changed | Found::Version(_)) => f.write_str(" (changed)"),
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        if self.rows.is_empty() {
            return f.write_str("the database wrote fewer rows than it was told to, although each is as it was read (a trigger, a rule or a policy?)");
        }
        for (at, row) in self.rows.iter().take(SHOWN).enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            row.fmt(f)?;
        }
        match self.rows.len().checked_sub(SHOWN) {
            Some(more) if more > 0 => write!(f, ", and {more} more"),
            _ => Ok(()),
        }
    }
}
