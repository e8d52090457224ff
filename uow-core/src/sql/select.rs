//! Reading an entity by its key.

use std::fmt::Write as _;

use crate::backend::{Backend, Dialect};
use crate::entity::{Column, Entity};

/// `SELECT` of every column of the entity's row, by key.
pub(crate) fn select_by_key<DB: Backend, E: Entity<DB>>() -> String {
    let mut text = String::from("SELECT ");
    for (at, column) in E::COLUMNS.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { ", " });
        quote(&mut text, column.name(), DB::DIALECT);
    }
    text.push_str(" FROM ");
    if let Some(schema) = E::TABLE.schema_name() {
        quote(&mut text, schema, DB::DIALECT);
        text.push('.');
    }
    quote(&mut text, E::TABLE.name(), DB::DIALECT);
    for (at, column) in E::COLUMNS.iter().filter(|column| column.is_key()).enumerate() {
        text.push_str(if at == 0 { " WHERE " } else { " AND " });
        quote(&mut text, Column::name(column), DB::DIALECT);
        text.push_str(" = ");
        placeholder(&mut text, at + 1, DB::DIALECT);
    }
    text
}

/// Writes an identifier, quoted: any name is one.
fn quote(text: &mut String, name: &str, dialect: Dialect) {
    let mark = if dialect == Dialect::MySql { '`' } else { '"' };
    text.push(mark);
    for c in name.chars() {
        text.push(c);
        if c == mark {
            text.push(mark);
        }
    }
    text.push(mark);
}

/// Writes the placeholder of the value at this position, counted from 1.
fn placeholder(text: &mut String, position: usize, dialect: Dialect) {
    if dialect == Dialect::Postgres {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "${position}");
    } else {
        text.push('?');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_can_be_quoted() {
        let quoted = |name, dialect| {
            let mut text = String::new();
            quote(&mut text, name, dialect);
            text
        };
        assert_eq!(quoted(r#"a"b"#, Dialect::Postgres), r#""a""b""#);
        assert_eq!(quoted(r#"a"b"#, Dialect::MySql), r#"`a"b`"#);
        assert_eq!(quoted("a`b", Dialect::MySql), "`a``b`");
        assert_eq!(quoted("order", Dialect::Sqlite), r#""order""#);
    }
}
