//! What an entity expects of its table, and does not find.

use std::fmt;

use crate::entity::Table;

/// Everything in which the entities of a unit of work and the live schema do not agree. What
/// [`UnitOfWork::check_schema`](crate::UnitOfWork::check_schema) answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaMismatch {
    mismatches: Vec<Mismatch>,
}

impl SchemaMismatch {
    /// These, without repetition; `None` if there is none. (An entity may be in several repositories of a unit.)
    pub(crate) fn of(found: Vec<Mismatch>) -> Option<Self> {
        let mut mismatches = Vec::new();
        for mismatch in found {
            if !mismatches.contains(&mismatch) {
                mismatches.push(mismatch);
            }
        }
        (!mismatches.is_empty()).then_some(Self { mismatches })
    }

    /// The mismatches, every one of them: entity by entity, in the order of the unit's fields.
    pub fn mismatches(&self) -> &[Mismatch] {
        &self.mismatches
    }
}

/// One thing in which an entity and its table do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    pub(crate) entity: &'static str,
    pub(crate) table: Table,
    pub(crate) kind: MismatchKind,
}

/// In what an entity and its table do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MismatchKind {
    /// There is no such table or view, or the user of the connection may not see it.
    NoTable,
    /// The table lacks a column of the entity.
    NoColumn {
        /// The column.
        column: &'static str,
    },
    /// The column may be NULL, and the field is no `Option`: such a row could not be loaded.
    Nullable {
        /// The column.
        column: &'static str,
    },
    /// sqlx does not decode the type of the column to that of the field.
    OtherType {
        /// The column.
        column: &'static str,
        /// The type the field stands for, by sqlx's name.
        expected: String,
        /// The type of the column, by sqlx's name.
        found: String,
    },
    /// The entity's key is neither the table's primary key nor all of a unique index: one key may mean several rows.
    OtherKey {
        /// The columns of the entity's key.
        expected: Vec<&'static str>,
        /// The columns of the table's primary key; none if it has none.
        found: Vec<String>,
    },
    /// The entity leaves its key to the database, and nothing there generates it.
    NotGenerated {
        /// The column.
        column: &'static str,
    },
    /// The entity says that no two values of the column are alike, and no unique index on it alone sees to that.
    NotUnique {
        /// The column.
        column: &'static str,
    },
    /// The table has a column that may not be NULL and has no default, and the entity does not have it: inserts will fail.
    NotInEntity {
        /// The column.
        column: String,
    },
}

impl Mismatch {
    /// The entity's type.
    pub fn entity(&self) -> &'static str {
        self.entity
    }

    /// The entity's table.
    pub fn table(&self) -> Table {
        self.table
    }

    /// What does not agree.
    pub fn kind(&self) -> &MismatchKind {
        &self.kind
    }

    /// The column it is about, if it is about just one.
    pub fn column(&self) -> Option<&str> {
        match &self.kind {
            MismatchKind::NoColumn { column }
            | MismatchKind::Nullable { column }
            | MismatchKind::OtherType { column, .. }
            | MismatchKind::NotGenerated { column }
            | MismatchKind::NotUnique { column } => Some(column),
            MismatchKind::NotInEntity { column } => Some(column),
            MismatchKind::NoTable | MismatchKind::OtherKey { .. } => None,
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.table.schema_name().map(|schema| format!("{schema}.")).unwrap_or_default();
        write!(f, "{}: ", self.entity)?;
        self.kind.tell(f, format_args!("{schema}{}", self.table.name()))
    }
}

impl MismatchKind {
    /// What is there, and what to do.
    fn tell(&self, f: &mut fmt::Formatter<'_>, table: fmt::Arguments<'_>) -> fmt::Result {
        match self {
            Self::NoTable => write!(
                f,
                "there is no table or view `{table}` that this user may see; run the migrations, or name it with `#[uow(table \
                 = \"…\")]`"
            ),
            Self::NoColumn { column } => write!(
                f,
                "the table `{table}` has no column `{column}`; add it, name it with `#[uow(column = \"…\")]`, or write \
                 `#[uow(skip)]` on a field that is no column"
            ),
            Self::Nullable { column } => write!(
                f,
                "the column `{table}.{column}` may be NULL and its field may not; make the column NOT NULL, or the field an \
                 `Option`"
            ),
            Self::OtherType { column, expected, found } => write!(
                f,
                "the column `{table}.{column}` is {found} and its field is read from {expected}; change the type of the one or \
                 the other"
            ),
            Self::OtherKey { expected, found } => write!(
                f,
                "the entity's key is {} and the primary key of `{table}` is {}; put `#[uow(key)]` on those fields, or a \
                 unique index on the columns of the key",
                names(expected),
                names(found)
            ),
            Self::NotGenerated { column } => write!(
                f,
                "nothing generates the key `{table}.{column}`; give the column an identity or a default, or write \
                 `#[uow(key)]` without `generated`"
            ),
            Self::NotUnique { column } => write!(
                f,
                "no unique index is on `{table}.{column}` alone; create one, or remove `#[uow(unique)]`"
            ),
            Self::NotInEntity { column } => write!(
                f,
                "the column `{table}.{column}` is NOT NULL without a default and no field of the entity, so inserts will \
                 fail; add a field, or give the column a default"
            ),
        }
    }
}

impl fmt::Display for SchemaMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mismatch) in self.mismatches.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "\n" })?;
            mismatch.fmt(f)?;
        }
        Ok(())
    }
}

/// `(blog_id, number)`.
fn names<S: AsRef<str>>(columns: &[S]) -> String {
    let columns: Vec<&str> = columns.iter().map(AsRef::as_ref).collect();
    if columns.is_empty() { "missing".to_owned() } else { format!("({})", columns.join(", ")) }
}
