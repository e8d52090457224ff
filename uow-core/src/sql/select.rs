//! Reading entities by their keys.

use super::shape::Shape;
use crate::backend::Backend;
use crate::entity::Entity;

/// `SELECT` of every column of so many rows, by key.
pub(crate) fn select_by_key<DB: Backend, E: Entity<DB>>(rows: usize) -> String {
    let shape = Shape::of::<DB, E>();
    let mut text = shape.select_with(if rows == 1 { DB::READ_ALSO } else { "" });
    text.sql(" WHERE ");
    shape.with_keys(&mut text, rows);
    text.finish()
}
