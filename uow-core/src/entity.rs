//! Entities: values with an identity, each a row of a table.

use std::fmt::Debug;
use std::hash::Hash;

use sqlx_core::Error as SqlxError;
use sqlx_core::arguments::Arguments;
use sqlx_core::decode::Decode;
use sqlx_core::encode::Encode;
use sqlx_core::error::BoxDynError;
use sqlx_core::types::Type;

use crate::backend::Backend;

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
pub trait Entity<DB: Backend>: Sized + Send {
    /// The type of the key column, or a tuple of those of several.
    type Key: Clone + Eq + Hash + Debug + Send + Sync + 'static;

    /// The name of the type, for messages.
    const NAME: &'static str;
    /// The table.
    const TABLE: Table;
    /// The columns, in the order of the fields.
    const COLUMNS: &'static [Column];

    /// The entity's identity.
    fn key(&self) -> Self::Key;

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

    /// Binds the key's columns, in their order.
    ///
    /// # Errors
    ///
    /// A value that does not encode.
    fn bind_key(&self, arguments: &mut DB::Arguments) -> Result<(), BoxDynError>;
}

/// A type that can be a column of an entity: sqlx can encode and decode it for the database. Never implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column of an entity in `{DB}`",
    label = "sqlx cannot both encode and decode this type for `{DB}`",
    note = "if sqlx supports it behind a feature (`uuid`, `chrono`, `json`, …) turn that on; for a type of your own \
            derive `sqlx::Type`; for a field that is no column write `#[uow(skip)]`"
)]
pub trait ColumnType<DB: Backend>: Type<DB> + for<'q> Encode<'q, DB> + for<'r> Decode<'r, DB> {}

#[diagnostic::do_not_recommend]
impl<DB: Backend, T> ColumnType<DB> for T where T: Type<DB> + for<'q> Encode<'q, DB> + for<'r> Decode<'r, DB> {}

/// The table of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    schema: Option<&'static str>,
    name: &'static str,
}

impl Table {
    /// A table in the connection's own schema.
    pub const fn new(name: &'static str) -> Self {
        Self { schema: None, name }
    }

    /// The same in this schema (in MySQL: this database; in SQLite: this attached database).
    #[must_use]
    pub const fn schema(self, schema: &'static str) -> Self {
        Self { schema: Some(schema), ..self }
    }

    /// The name, as it was written: not quoted.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The schema's name, if one was given.
    pub const fn schema_name(&self) -> Option<&'static str> {
        self.schema
    }
}

/// A column of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    name: &'static str,
    key: bool,
    generated: bool,
    version: bool,
}

impl Column {
    /// A column of this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name, key: false, generated: false, version: false }
    }

    /// The same as a part of the key.
    #[must_use]
    pub const fn key(self) -> Self {
        Self { key: true, ..self }
    }

    /// The same with a value that the database generates.
    #[must_use]
    pub const fn generated(self) -> Self {
        Self { generated: true, ..self }
    }

    /// The same as the optimistic version.
    #[must_use]
    pub const fn version(self) -> Self {
        Self { version: true, ..self }
    }

    /// The name, as it was written: not quoted.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the column is a part of the key.
    pub const fn is_key(&self) -> bool {
        self.key
    }

    /// Whether the database generates its value.
    pub const fn is_generated(&self) -> bool {
        self.generated
    }

    /// Whether the column is the optimistic version.
    pub const fn is_version(&self) -> bool {
        self.version
    }
}

/// Binds one value of an entity.
#[doc(hidden)]
pub fn bind<DB: Backend, T: ColumnType<DB>>(
    arguments: &mut DB::Arguments,
    value: &T,
) -> Result<(), BoxDynError> {
    arguments.add(value)
}
