//! Batches on PostgreSQL: `UNNEST` of one array a column, so that the text is the same for any number of rows.

use crate::sql::{Form, Shape, Text};

pub(super) fn insert(shape: &Shape, columns: &[usize], form: Form, returning: &[usize]) -> String {
    let mut text = shape.text("INSERT INTO ");
    text.table(&shape.table);
    if columns.is_empty() {
        text.sql(" DEFAULT VALUES");
    } else {
        text.sql(" (");
        shape.names(&mut text, columns);
        match form {
            Form::Rows(rows) => text.sql(") VALUES ").rows(rows, columns.len()),
            // In the order of the arrays, so that generated keys ascend with it.
            Form::Arrays => {
                text.sql(") SELECT ").list(", ", 0..columns.len(), |text, at| text.sql("u.c").number(at));
                unnest(text.sql(" FROM "), columns.len(), true);
                text.sql(" ORDER BY u.n")
            }
        };
    }
    if !returning.is_empty() {
        text.sql(" RETURNING ");
        shape.names(&mut text, returning);
    }
    text.finish()
}

pub(super) fn update(shape: &Shape, columns: &[usize], form: Form) -> String {
    if form == Form::Rows(1) {
        return shape.update_one(columns);
    }
    let identity = shape.identity();
    let mut text = shape.text("UPDATE ");
    text.table(&shape.table).sql(" AS t SET ");
    text.list(", ", columns.iter().zip(identity.len()..), |text, (&at, value)| {
        text.column(&shape.column(at)).sql(" = u.c").number(value)
    });
    text.sql(" FROM ");
    values(&mut text, identity.len() + columns.len(), form);
    is_same_row(&mut text, shape, &identity);
    text.finish()
}

pub(super) fn delete(shape: &Shape, form: Form) -> String {
    let identity = shape.identity();
    let mut text = shape.text("DELETE FROM ");
    text.table(&shape.table).sql(" AS t USING ");
    values(&mut text, identity.len(), form);
    is_same_row(&mut text, shape, &identity);
    text.finish()
}

fn is_same_row(text: &mut Text, shape: &Shape, identity: &[usize]) {
    text.sql(" WHERE ").list(" AND ", identity.iter().enumerate(), |text, (value, &at)| {
        text.sql("t.").column(&shape.column(at)).sql(" = u.c").number(value)
    });
}

/// The values as a table `u` with the columns `c0`, `c1`, …
fn values(text: &mut Text, columns: usize, form: Form) {
    match form {
        Form::Arrays => unnest(text, columns, false),
        Form::Rows(rows) => {
            text.sql("(VALUES ").rows(rows, columns).sql(") AS u(");
            names(text, columns);
            text.sql(")");
        }
    }
}

fn unnest(text: &mut Text, columns: usize, numbered: bool) {
    text.sql("UNNEST(").list(", ", 0..columns, |text, _| text.value());
    text.sql(if numbered { ") WITH ORDINALITY AS u(" } else { ") AS u(" });
    names(text, columns);
    text.sql(if numbered { ", n)" } else { ")" });
}

fn names(text: &mut Text, columns: usize) {
    text.list(", ", 0..columns, |text, at| text.sql("c").number(at));
}
