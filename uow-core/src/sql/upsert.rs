//! `INSERT … ON CONFLICT`, which PostgreSQL and SQLite have in the same words.

use super::shape::Shape;

/// Inserts a row, or writes its columns over the one with the same target columns; returns all columns. Where there is nothing
/// to write over, the row that is there stays untouched, and none is returned.
pub(crate) fn upsert(shape: &Shape, columns: &[usize], target: &[usize]) -> String {
    let all = shape.positions(|_| true);
    let mut text = shape.text("INSERT INTO ");
    text.table(&shape.table).sql(" AS t (");
    shape.names(&mut text, columns);
    text.sql(") VALUES ").rows(1, columns.len()).sql(" ON CONFLICT (");
    shape.names(&mut text, target);
    let written = shape.overwritten(columns, target);
    let version = shape.version().map(|at| shape.column(at));
    if written.is_empty() && version.is_none() {
        text.sql(") DO NOTHING");
    } else {
        text.sql(") DO UPDATE SET ").list(", ", &written, |text, &at| {
            let column = shape.column(at);
            text.column(&column).sql(" = excluded.").column(&column)
        });
    }
    if let Some(version) = version {
        text.sql(if written.is_empty() { "" } else { ", " });
        text.column(&version).sql(" = t.").column(&version).sql(" + 1");
    }
    text.sql(" RETURNING ");
    shape.returned(&mut text, &all);
    text.finish()
}
