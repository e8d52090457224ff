//! Entities: values with an identity, each a row of a table.

mod column;
pub(crate) mod derived;
mod values;

use std::fmt::Debug;
use std::hash::Hash;

use sqlx_core::Error as SqlxError;
use sqlx_core::error::BoxDynError;

use crate::backend::Backend;
pub use column::{Column, ColumnSet, ColumnType, ColumnValue, Table, VersionType};
pub use values::Values;

/// A value with an identity: a row of a table, found again by its key.
///
/// Derive it (`#[derive(Entity)]`) on the struct that mirrors a row, to have
/// [`UnitOfWork::refresh`](crate::UnitOfWork::refresh) reload it. A struct that is only the shape of a query's answer needs
/// sqlx's `FromRow`, not this.
///
/// ```
/// use unit_of_work::Entity;
///
/// #[derive(Entity)]
/// #[uow(table = "blog")]
/// struct Blog {
///     #[uow(key, generated)]
///     id: i64,
///     #[uow(column = "title")]
///     name: String,
///     #[uow(version)]
///     version: i64,
/// }
///
/// let columns = <Blog as Entity<sqlx::Sqlite>>::COLUMNS;
/// assert!(columns[0].is_key() && columns[1].name() == "title" && columns[2].is_version());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity of a unit of work on `{DB}`",
    label = "not a row that can be loaded again by its key",
    note = "write `#[derive(Entity)]` on `{Self}`"
)]
pub trait Entity<DB: Backend>: Sized + Send + Sync {
    /// The type of the key column, or a tuple of those of several.
    type Key: Clone + Eq + Hash + Debug + Send + Sync + 'static;

    /// The name of the type, for messages.
    const NAME: &'static str;
    /// The table.
    const TABLE: Table;
    /// The columns, in the order of the fields. There are 128 at the most.
    const COLUMNS: &'static [Column];

    /// The entity's identity.
    fn key(&self) -> Self::Key;

    /// Whether the key is known. One that the database generates is not, for as long as it is its type's default.
    fn has_key(&self) -> bool;

    /// The number of the optimistic version, if the entity has one.
    fn version(&self) -> Option<i64>;

    /// Sets the version to this number, which [`version`](Self::version) gave.
    fn set_version(&mut self, number: i64);

    /// Makes the version the next one.
    fn raise_version(&mut self);

    /// Gives the entity another identity.
    fn set_key(&mut self, key: Self::Key);

    /// Makes an entity of a row that has the [columns](Self::COLUMNS) in their order.
    ///
    /// # Errors
    ///
    /// A column that does not decode to its field's type.
    fn load(row: &DB::Row) -> Result<Self, SqlxError>;

    /// Takes every column's value from such a row, or none of them. Fields that are no columns stay as they are.
    ///
    /// # Errors
    ///
    /// A column that does not decode to its field's type.
    fn reload(&mut self, row: &DB::Row) -> Result<(), SqlxError>;

    /// Takes the value of one column from the place `at` of a row.
    ///
    /// # Errors
    ///
    /// A value that does not decode to the field's type.
    fn read(&mut self, column: usize, row: &DB::Row, at: usize) -> Result<(), SqlxError>;

    /// Another one with the same columns. Fields that are no columns are their type's default.
    fn snapshot(&self) -> Self;

    /// Copies the value of one column.
    fn copy(&mut self, column: usize, from: &Self);

    /// Those of the columns whose values differ.
    fn changes_in(&self, columns: ColumnSet, from: &Self) -> ColumnSet;

    /// The columns whose values differ.
    fn changes(&self, from: &Self) -> ColumnSet {
        self.changes_in(ColumnSet::ALL, from)
    }

    /// Binds the value of a column.
    ///
    /// # Errors
    ///
    /// A value that does not encode.
    fn bind(&self, column: usize, values: &mut Values<'_, DB>) -> Result<(), BoxDynError>;

    /// Binds the columns of a key, in their order.
    ///
    /// # Errors
    ///
    /// A value that does not encode.
    fn bind_key(key: &Self::Key, values: &mut Values<'_, DB>) -> Result<(), BoxDynError>;

    /// Whether many values of a column can be bound as one array: PostgreSQL's way to write a batch in one statement,
    /// whose text is the same for any number of rows.
    fn has_array(_column: usize) -> bool {
        false
    }

    /// Binds the values of a column that [has arrays](Self::has_array) as one.
    ///
    /// # Errors
    ///
    /// A value that does not encode.
    fn bind_array(
        _column: usize,
        _rows: &[&Self],
        _arguments: &mut DB::Arguments,
    ) -> Result<(), BoxDynError> {
        Ok(())
    }

    /// What sqlx calls the type of a column.
    fn type_info(column: usize) -> Option<DB::TypeInfo>;

    /// Whether sqlx can decode this type of the database to the field of a column.
    fn compatible(column: usize, info: &DB::TypeInfo) -> bool;
}

/// An entity with a field that refers to another one: `#[uow(references = Blog)]` on that field. The derive implements it
/// where just one field refers to that other entity.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not refer to `{Parent}`, or by more than one field",
    label = "write `#[uow(references = {Parent})]` on the one field that holds the key",
    note = "with several such fields say which: `add_with(&parent, child, |child, key| child.field = key)`"
)]
pub trait References<Parent: Entity<DB>, DB: Backend>: Entity<DB> {
    /// Sets the field.
    fn refer_to(&mut self, parent: Parent::Key);
}
