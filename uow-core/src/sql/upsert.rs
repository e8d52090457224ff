//! `INSERT … ON CONFLICT`, which PostgreSQL and SQLite have in the same words.

use super::shape::Shape;

/// Inserts a row, or writes its columns over the one with the same target columns; returns all columns.
pub(crate) fn upsert(shape: &Shape, columns: &[usize], target: &[usize]) -> String {
    let all = shape.positions(|_| true);
    let mut text = shape.text("INSERT INTO ");
    text.table(&shape.table).sql(" AS t (");
    shape.names(&mut text, columns);
    text.sql(") VALUES ").rows(1, columns.len()).sql(" ON CONFLICT (");
    shape.names(&mut text, target);
    text.sql(") DO UPDATE SET ");
    let mut written = shape.overwritten(columns, target);
    if written.is_empty() {
        // Something has to be written, or nothing is returned.
        written.extend(target.first());
    }
    text.list(", ", written, |text, at| {
        let column = shape.column(at);
        text.column(&column).sql(" = excluded.").column(&column)
    });
    if let Some(version) = shape.version().map(|at| shape.column(at)) {
        text.sql(", ").column(&version).sql(" = t.").column(&version).sql(" + 1");
    }
    text.sql(" RETURNING ");
    shape.returned(&mut text, &all);
    text.finish()
}
