//! The check of the entities against the live schema.

mod check;
mod live;
mod mismatch;

use crate::backend::Backend;
use crate::entity::{Column, Entity, Table};

pub(crate) use check::check;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) use live::LiveColumn;
pub(crate) use live::LiveTable;
pub use mismatch::{Mismatch, MismatchKind, SchemaMismatch};

/// The entity types of a unit of work, for the check of its schema: filled by
/// [`Repository::schema`](crate::Repository::schema).
pub struct Schema<DB: Backend> {
    entities: Vec<Described<DB>>,
}

/// An entity type, as the check needs it.
pub(crate) struct Described<DB: Backend> {
    pub(crate) name: &'static str,
    pub(crate) table: Table,
    pub(crate) columns: &'static [Column],
    pub(crate) type_info: fn(usize) -> Option<DB::TypeInfo>,
    pub(crate) compatible: fn(usize, &DB::TypeInfo) -> bool,
}

impl<DB: Backend> Schema<DB> {
    /// The entities of a unit.
    pub(crate) fn of(fill: impl FnOnce(&mut Self)) -> Self {
        let mut schema = Self { entities: Vec::new() };
        fill(&mut schema);
        schema
    }

    pub(crate) fn entity<E: Entity<DB>>(&mut self) {
        self.entities.push(Described {
            name: E::NAME,
            table: E::TABLE,
            columns: E::COLUMNS,
            type_info: E::type_info,
            compatible: E::compatible,
        });
    }
}

impl<DB: Backend> std::fmt::Debug for Schema<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema").field("entities", &self.entities.len()).finish()
    }
}
