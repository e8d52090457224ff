//! A statement that is being written. Names are quoted, values are placeholders: neither can be anything else.

use std::fmt::{Display, Write as _};

use crate::backend::Dialect;
use crate::entity::{Column, Table};

/// The text of a statement, and how many values it has so far.
pub(crate) struct Text {
    text: String,
    dialect: Dialect,
    values: usize,
}

impl Text {
    pub(crate) fn new(dialect: Dialect, start: &str) -> Self {
        Self { text: start.to_owned(), dialect, values: 0 }
    }

    /// Something that is SQL already.
    pub(crate) fn sql(&mut self, sql: &str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    /// A number of our own.
    pub(crate) fn number(&mut self, number: impl Display) -> &mut Self {
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, "{number}");
        self
    }

    /// An identifier, quoted: any name is one.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        let mark = if self.dialect == Dialect::MySql { '`' } else { '"' };
        self.text.push(mark);
        for c in name.chars() {
            self.text.push(c);
            if c == mark {
                self.text.push(mark);
            }
        }
        self.text.push(mark);
        self
    }

    pub(crate) fn column(&mut self, column: &Column) -> &mut Self {
        self.name(column.name())
    }

    pub(crate) fn table(&mut self, table: &Table) -> &mut Self {
        if let Some(schema) = table.schema_name() {
            self.name(schema).sql(".");
        }
        self.name(table.name())
    }

    /// So many values stand before this text, or are bound by a part of it that is SQL already.
    pub(crate) fn behind_values(&mut self, values: usize) -> &mut Self {
        self.values = values;
        self
    }

    /// The placeholder of the next value.
    pub(crate) fn value(&mut self) -> &mut Self {
        self.values += 1;
        if self.dialect == Dialect::Postgres {
            let number = self.values;
            self.sql("$").number(number)
        } else {
            self.sql("?")
        }
    }

    /// Each of these, with something in between.
    pub(crate) fn list<T>(
        &mut self,
        between: &str,
        items: impl IntoIterator<Item = T>,
        mut each: impl for<'t> FnMut(&'t mut Self, T) -> &'t mut Self,
    ) -> &mut Self {
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.sql(between);
            }
            each(self, item);
        }
        self
    }

    /// `(?, ?), (?, ?)`: so many rows of so many values.
    pub(crate) fn rows(&mut self, rows: usize, columns: usize) -> &mut Self {
        let row = |text: &mut Self| {
            text.sql("(").list(", ", 0..columns, |text, _| text.value()).sql(")");
        };
        if self.dialect == Dialect::Postgres || rows == 0 {
            return self.list(", ", 0..rows, |text, _| {
                row(text);
                text
            });
        }
        // All alike, so one is written: a large batch has thousands of placeholders.
        let start = self.text.len();
        row(self);
        let more = format!(", {}", self.text.get(start..).unwrap_or_default());
        self.values += (rows - 1) * columns;
        self.text.push_str(&more.repeat(rows - 1));
        self
    }

    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_can_be_quoted() {
        let quoted = |name, dialect| Text::new(dialect, "").name(name).finish();
        assert_eq!(quoted(r#"a"b"#, Dialect::Postgres), r#""a""b""#);
        assert_eq!(quoted(r#"a"b"#, Dialect::MySql), r#"`a"b`"#);
        assert_eq!(quoted("a`b", Dialect::MySql), "`a``b`");
        assert_eq!(quoted("order", Dialect::Sqlite), r#""order""#);
    }

    #[test]
    fn values_are_numbered_where_the_engine_does() {
        assert_eq!(Text::new(Dialect::Postgres, "").rows(2, 2).finish(), "($1, $2), ($3, $4)");
        assert_eq!(Text::new(Dialect::MySql, "").rows(2, 1).finish(), "(?), (?)");
    }
}
