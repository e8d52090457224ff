//! Batches on MySQL and MariaDB: several rows of values, and `CASE` where each row has its own.

use crate::sql::Shape;

pub(super) fn insert(shape: &Shape, columns: &[usize], rows: usize, returning: &[usize]) -> String {
    let mut text = shape.text("INSERT INTO ");
    text.table(&shape.table).sql(" (");
    shape.names(&mut text, columns);
    text.sql(") VALUES ").rows(rows, columns.len());
    if !returning.is_empty() {
        // A comment to MySQL, which has no RETURNING: there the keys are told from the first one.
        text.sql(" /*M!100500 RETURNING ");
        shape.names(&mut text, returning);
        text.sql(" */");
    }
    text.finish()
}

/// The values come in this order: for each column, each row's key and value; then each row's key and version.
///
/// (A join with a table of the values would be shorter, but MariaDB fixes the types of such a table's columns by the first
/// values it sees, and cuts off what does not fit.)
pub(super) fn update(shape: &Shape, columns: &[usize], rows: usize) -> String {
    if rows == 1 {
        return shape.update_one(columns);
    }
    let keys = shape.keys();
    let mut text = shape.text("UPDATE ");
    text.table(&shape.table).sql(" SET ").list(", ", columns, |text, &at| {
        text.column(&shape.column(at)).sql(" = CASE").list("", 0..rows, |text, _| {
            text.sql(" WHEN ");
            shape.is_row(text, &keys);
            text.sql(" THEN ").value()
        });
        text.sql(" END")
    });
    if let Some(version) = shape.version().filter(|version| !columns.contains(version)) {
        let version = shape.column(version);
        text.sql(", ").column(&version).sql(" = ").column(&version).sql(" + 1");
    }
    text.sql(" WHERE ");
    let identity = shape.identity();
    match identity.as_slice() {
        [_] => shape.with_keys(&mut text, rows),
        _ => shape.is_one_of(&mut text, &identity, rows),
    }
    text.finish()
}

pub(super) fn delete(shape: &Shape, rows: usize) -> String {
    let mut text = shape.text("DELETE FROM ");
    text.table(&shape.table).sql(" WHERE ");
    let identity = shape.identity();
    match identity.as_slice() {
        [_] => shape.with_keys(&mut text, rows),
        _ => shape.is_one_of(&mut text, &identity, rows),
    }
    text.finish()
}

pub(super) fn upsert(shape: &Shape, columns: &[usize], target: &[usize]) -> String {
    let all = shape.positions(|_| true);
    let mut text = shape.text("INSERT INTO ");
    text.table(&shape.table).sql(" (");
    shape.names(&mut text, columns);
    text.sql(") VALUES ").rows(1, columns.len()).sql(" ON DUPLICATE KEY UPDATE ");
    let written = shape.overwritten(columns, target);
    if written.is_empty() {
        // The row stays as it is, to the writing of what it was found by.
        let stays = shape.column(target.first().copied().unwrap_or_default());
        text.column(&stays).sql(" = ").column(&stays);
    }
    text.list(", ", written, |text, at| {
        let column = shape.column(at);
        text.column(&column).sql(" = VALUES(").column(&column).sql(")")
    });
    if let Some(version) = shape.version().map(|at| shape.column(at)) {
        text.sql(", ").column(&version).sql(" = ").column(&version).sql(" + 1");
    }
    text.sql(" /*M!100500 RETURNING ");
    shape.names(&mut text, &all);
    text.sql(" */").finish()
}

/// What the id of the last row is said to be where a row was there already: no counter gets there.
pub(super) const IGNORED: u64 = u64::MAX;

/// The row stays as it is, and that it was there is told. (`INSERT IGNORE` would turn every other error into a warning too: a
/// reference to nothing, a value that is cut off.)
pub(super) fn or_ignore(shape: &Shape) -> String {
    let key = shape.column(shape.keys().first().copied().unwrap_or_default());
    let mut text = shape.text(" ON DUPLICATE KEY UPDATE ");
    // (It is called for what it does; the server would not evaluate what tells nothing, as whether it is NULL.)
    text.column(&key).sql(" = IF(LAST_INSERT_ID(").number(IGNORED).sql("), ").column(&key).sql(", ");
    text.column(&key).sql(")");
    text.finish()
}

/// As MariaDB returns rows; MySQL takes it for a comment.
pub(super) fn returning(shape: &Shape, columns: &[usize]) -> String {
    let mut text = shape.text(" /*M!100500 RETURNING ");
    shape.names(&mut text, columns);
    text.sql(" */").finish()
}

/// The step between the keys that one statement generates; 0 if a trigger may give the rows others.
pub(super) fn key_step(shape: &Shape) -> String {
    let literal = |name: &str| format!("'{}'", name.replace('\\', "\\\\").replace('\'', "''"));
    let schema = shape.table.schema_name().map_or_else(|| "database()".to_owned(), literal);
    format!(
        "SELECT CAST(IF(EXISTS (SELECT 1 FROM information_schema.triggers WHERE event_object_schema = {schema} \
         AND event_object_table = {} AND event_manipulation = 'INSERT' AND action_timing = 'BEFORE'), \
         0, @@SESSION.auto_increment_increment) AS SIGNED)",
        literal(shape.table.name()),
    )
}
