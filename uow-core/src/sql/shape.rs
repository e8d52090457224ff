//! What a statement has to know of an entity type.

use super::text::Text;
use crate::backend::{Backend, Dialect};
use crate::entity::{Column, Entity, Table};

/// The table of an entity type, without the type: what is written for one is compiled once.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub(crate) table: Table,
    pub(crate) columns: &'static [Column],
    pub(crate) dialect: Dialect,
}

impl Shape {
    pub(crate) fn of<DB: Backend, E: Entity<DB>>() -> Self {
        Self { table: E::TABLE, columns: E::COLUMNS, dialect: DB::DIALECT }
    }

    pub(crate) fn column(&self, at: usize) -> Column {
        self.columns.get(at).copied().unwrap_or(Column::new(""))
    }

    /// The positions of the columns of a kind.
    pub(crate) fn positions(&self, is: impl Fn(&Column) -> bool) -> Vec<usize> {
        let mut positions = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            if is(column) {
                positions.push(at);
            }
        }
        positions
    }

    pub(crate) fn keys(&self) -> Vec<usize> {
        self.positions(Column::is_key)
    }

    /// The key, and the version behind it: what a row is found by if it must be as it was read.
    pub(crate) fn identity(&self) -> Vec<usize> {
        let mut identity = self.keys();
        identity.extend(self.version());
        identity
    }

    pub(crate) fn version(&self) -> Option<usize> {
        self.columns.iter().position(Column::is_version)
    }

    pub(crate) fn text(&self, start: &str) -> Text {
        Text::new(self.dialect, start)
    }

    /// `SELECT` of all columns, up to the table.
    pub(crate) fn select(&self) -> Text {
        self.select_with("")
    }

    /// The same, with something of the engine's behind the columns.
    pub(crate) fn select_with(&self, more: &str) -> Text {
        let mut text = self.text("SELECT ");
        text.list(", ", self.columns, |text, column| self.own(text, column));
        text.sql(more).sql(" FROM ").table(&self.table);
        text
    }

    /// A column of this table. To SQLite a quoted name that is none is a text, unless the table stands before it.
    fn own<'t>(&self, text: &'t mut Text, column: &Column) -> &'t mut Text {
        if self.dialect == Dialect::Sqlite {
            text.name(self.table.name()).sql(".");
        }
        text.column(column)
    }

    /// These columns of this table, to be returned by a statement.
    pub(crate) fn returned(&self, text: &mut Text, columns: &[usize]) {
        text.list(", ", columns, |text, &at| self.own(text, &self.column(at)));
    }

    /// The names of these columns.
    pub(crate) fn names(&self, text: &mut Text, columns: &[usize]) {
        text.list(", ", columns, |text, &at| text.column(&self.column(at)));
    }

    /// `"key" = ?`, for each column of the key; or `("a", "b") IN ((?, ?), …)` for several rows.
    pub(crate) fn with_keys(&self, text: &mut Text, rows: usize) {
        let keys = self.keys();
        if let ([key], true) = (keys.as_slice(), rows != 1) {
            self.own(text, &self.column(*key))
                .sql(" IN (")
                .list(", ", 0..rows, |text, _| text.value())
                .sql(")");
            return;
        }
        self.is_one_of(text, &keys, rows);
    }

    /// `("a" = ? AND "b" = ?) OR …`, which every engine finds by the index.
    pub(crate) fn is_one_of(&self, text: &mut Text, columns: &[usize], rows: usize) {
        if rows == 1 {
            return self.is_row(text, columns);
        }
        text.list(" OR ", 0..rows, |text, _| {
            text.sql("(");
            self.is_row(text, columns);
            text.sql(")")
        });
    }

    /// The update of a single row, if it is as it was read: the columns' values come first.
    pub(crate) fn update_one(&self, columns: &[usize]) -> String {
        let mut text = self.text("UPDATE ");
        text.table(&self.table).sql(" SET ");
        text.list(", ", columns, |text, &at| text.column(&self.column(at)).sql(" = ").value()).sql(" WHERE ");
        self.is_row(&mut text, &self.identity());
        text.finish()
    }

    /// `"a" = ? AND "b" = ?`
    pub(crate) fn is_row(&self, text: &mut Text, columns: &[usize]) {
        text.list(" AND ", columns, |text, &at| self.own(text, &self.column(at)).sql(" = ").value());
    }
}

/// How a statement takes the values of a batch.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A column at a time, each an array: the text is the same for any number of rows.
    Arrays,
    /// Row by row, so many of them.
    Rows(usize),
}

#[cfg(any(feature = "sqlite", feature = "mysql"))]
impl Form {
    /// How many rows the text is written for. (Where there are no arrays, none is asked for.)
    pub(crate) fn rows(self) -> usize {
        match self {
            Self::Arrays => 1,
            Self::Rows(rows) => rows,
        }
    }
}
