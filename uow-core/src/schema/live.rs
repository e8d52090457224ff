//! A table as the database has it.

use crate::backend::Dialect;

/// A table as the database has it. Made by the catalog query of an engine.
#[derive(Debug)]
pub struct LiveTable {
    pub(crate) dialect: Dialect,
    /// A view, or something else that has neither keys nor a NOT NULL of its own.
    pub(crate) is_view: bool,
    pub(crate) columns: Vec<LiveColumn>,
    pub(crate) primary_key: Vec<String>,
    /// The columns of each unique index that holds for all rows; that of the primary key may be among them.
    pub(crate) unique: Vec<Vec<String>>,
}

/// A column as the database has it.
#[derive(Debug)]
pub(crate) struct LiveColumn {
    pub(crate) name: String,
    pub(crate) nullable: bool,
    /// An INSERT that leaves it out gives it a value other than NULL, or may do so: a default, an identity, a trigger.
    pub(crate) filled: bool,
}

impl LiveTable {
    /// A table of which nothing more is known.
    #[cfg(any(test, feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(crate) fn new(dialect: Dialect, is_view: bool) -> Self {
        Self { dialect, is_view, columns: Vec::new(), primary_key: Vec::new(), unique: Vec::new() }
    }

    /// The column of this name.
    pub(crate) fn column(&self, name: &str) -> Option<&LiveColumn> {
        self.columns.iter().find(|column| self.is_same(&column.name, name))
    }

    /// Whether no two rows can agree in these columns: they are the primary key, or all of a unique index.
    pub(crate) fn is_unique(&self, names: &[&str]) -> bool {
        let mut indexes = self.unique.iter().chain(std::iter::once(&self.primary_key));
        indexes.any(|index| {
            index.len() == names.len()
                && names.iter().all(|name| index.iter().any(|of| self.is_same(of, name)))
        })
    }

    /// Whether two names are those of one column: quoted, they are told apart by case on PostgreSQL alone.
    pub(crate) fn is_same(&self, one: &str, other: &str) -> bool {
        match self.dialect {
            Dialect::Postgres => one == other,
            Dialect::Sqlite => one.eq_ignore_ascii_case(other),
            Dialect::MySql => one.to_lowercase() == other.to_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(dialect: Dialect) -> LiveTable {
        let column = |name: &str| LiveColumn { name: name.into(), nullable: false, filled: false };
        LiveTable {
            columns: vec![column("Id"), column("größe")],
            primary_key: vec!["Id".into()],
            unique: vec![vec!["größe".into(), "Id".into()]],
            ..LiveTable::new(dialect, false)
        }
    }

    #[test]
    fn names_are_compared_as_the_engine_does() {
        let found = |dialect, name| table(dialect).column(name).is_some();
        assert!(found(Dialect::Postgres, "Id") && !found(Dialect::Postgres, "id"));
        assert!(found(Dialect::Sqlite, "ID") && !found(Dialect::Sqlite, "GRÖßE"));
        assert!(found(Dialect::MySql, "ID") && found(Dialect::MySql, "GRÖßE"));
    }

    #[test]
    fn a_set_of_columns_is_unique_in_any_order_and_only_as_a_whole() {
        let table = table(Dialect::Sqlite);
        assert!(table.is_unique(&["id"]));
        assert!(table.is_unique(&["id", "größe"]));
        assert!(!table.is_unique(&["größe"]));
        assert!(!LiveTable::new(Dialect::Sqlite, true).is_unique(&["id"]));
    }
}
