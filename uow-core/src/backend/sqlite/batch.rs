//! Batches on SQLite: several rows of values in one statement.

use crate::sql::{Shape, Text};

pub(super) fn insert(shape: &Shape, columns: &[usize], rows: usize, returning: &[usize]) -> String {
    let mut text = shape.text("INSERT INTO ");
    text.table(&shape.table);
    if columns.is_empty() {
        text.sql(" DEFAULT VALUES");
    } else {
        text.sql(" (");
        shape.names(&mut text, columns);
        text.sql(") VALUES ").rows(rows, columns.len());
    }
    if !returning.is_empty() {
        text.sql(" RETURNING ");
        shape.returned(&mut text, returning);
    }
    text.finish()
}

pub(super) fn update(shape: &Shape, columns: &[usize], rows: usize) -> String {
    if rows == 1 {
        return shape.update_one(columns);
    }
    let identity = shape.identity();
    let mut text = shape.text("UPDATE ");
    text.table(&shape.table).sql(" AS t SET ");
    // The columns of VALUES are called `column1`, `column2`, …
    text.list(", ", columns.iter().zip(identity.len() + 1..), |text, (&at, value)| {
        text.column(&shape.column(at)).sql(" = u.column").number(value)
    });
    text.sql(" FROM (VALUES ").rows(rows, identity.len() + columns.len()).sql(") AS u WHERE ");
    is_same_row(&mut text, shape, &identity);
    text.finish()
}

pub(super) fn delete(shape: &Shape, rows: usize) -> String {
    let identity = shape.identity();
    let mut text = shape.text("DELETE FROM ");
    text.table(&shape.table).sql(" WHERE ");
    match identity.as_slice() {
        [_] => shape.with_keys(&mut text, rows),
        _ if rows == 1 => shape.is_row(&mut text, &identity),
        // A join finds its rows by the key's index; `(a, b) IN (VALUES …)` would look at every row of the table.
        _ => {
            let keys = shape.keys();
            text.sql("(");
            shape.names(&mut text, &keys);
            text.sql(") IN (SELECT ").list(", ", &keys, |text, &at| text.sql("t.").column(&shape.column(at)));
            text.sql(" FROM (VALUES ").rows(rows, identity.len()).sql(") AS u JOIN ").table(&shape.table);
            text.sql(" AS t ON ");
            is_same_row(&mut text, shape, &identity);
            text.sql(")");
        }
    }
    text.finish()
}

fn is_same_row(text: &mut Text, shape: &Shape, identity: &[usize]) {
    text.list(" AND ", identity.iter().zip(1..), |text, (&at, value)| {
        text.sql("t.").column(&shape.column(at)).sql(" = u.column").number(value)
    });
}

/// Whether the keys that one statement generates are consecutive numbers, so that the last tells them all: the key is the
/// table's rowid, no trigger interferes, and the numbers are not used up (then SQLite draws them at random).
pub(super) fn keys_are_consecutive(shape: &Shape) -> Option<String> {
    let keys = shape.keys();
    let (None, [key]) = (shape.table.schema_name(), keys.as_slice()) else { return None };
    let (table, key) = (shape.table.name(), shape.column(*key));
    let literal = |name: &str| format!("'{}'", name.replace('\'', "''"));
    let (table_text, key_text) = (literal(table), literal(key.name()));
    let mut text = shape.text("SELECT ");
    text.sql("(SELECT count(*) = 1 AND min(name) = ").sql(&key_text);
    text.sql(" COLLATE NOCASE FROM pragma_table_info(").sql(&table_text).sql(") WHERE pk > 0)");
    // The primary key of a table with rowids has an index of its own, unless it *is* the rowid.
    text.sql(" AND NOT EXISTS (SELECT 1 FROM pragma_index_list(")
        .sql(&table_text)
        .sql(") WHERE origin = 'pk')");
    // It is the one in `main`, and neither there nor in `temp`, where there may be one before it, a trigger has to do with it.
    text.sql(" AND (SELECT count(*) = 1 AND min(type) = 'table' FROM main.sqlite_schema WHERE tbl_name = ");
    text.sql(&table_text).sql(" COLLATE NOCASE AND type <> 'index')");
    text.sql(" AND NOT EXISTS (SELECT 1 FROM temp.sqlite_schema WHERE tbl_name = ").sql(&table_text);
    text.sql(" COLLATE NOCASE)");
    text.sql(" AND coalesce((SELECT max(").column(&key).sql(") FROM ").table(&shape.table);
    text.sql("), 0) < 4611686018427387904");
    Some(text.finish())
}
