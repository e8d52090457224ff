//! Tables and columns: what an entity is stored in.

use std::any::TypeId;

use sqlx_core::decode::Decode;
use sqlx_core::encode::Encode;
use sqlx_core::types::Type;

use crate::backend::Backend;

/// A type that can be a column of an entity: sqlx can encode and decode it for the database. Never implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column of an entity in `{DB}`",
    label = "sqlx has to encode and decode this type for `{DB}`",
    note = "if sqlx supports it behind a feature (`uuid`, `chrono`, `json`, …) turn that on; for a type of your own \
            derive `sqlx::Type`, `Clone` and `PartialEq`; for a field that is no column write `#[uow(skip)]`"
)]
pub trait ColumnType<DB: Backend>:
    Type<DB> + for<'q> Encode<'q, DB> + for<'r> Decode<'r, DB> + Send + Sync + 'static
{
}

#[diagnostic::do_not_recommend]
impl<DB: Backend, T> ColumnType<DB> for T where
    T: Type<DB> + for<'q> Encode<'q, DB> + for<'r> Decode<'r, DB> + Send + Sync + 'static
{
}

/// A value that can be copied and compared, which is how a change is found. Never implemented by hand.
// No supertrait of `ColumnType`, nor a bound of the derives' impls: whoever uses an entity would be told of its fields, at each
// place. It is asked for where the derive stands, of each type once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column of an entity: it is not `Clone + PartialEq`",
    label = "a unit keeps a copy of this and compares with it, to find what changed",
    note = "derive `sqlx::Type`, `Clone` and `PartialEq` for it; for a field that is no column write `#[uow(skip)]`"
)]
#[doc(hidden)]
pub trait ColumnValue: Sized + 'static {
    /// The same value again.
    fn copied(&self) -> Self;

    /// Whether a column has to be written again. Floats are compared by their bits: a NaN that stayed is no change, and a zero
    /// that lost its sign is one.
    fn differs(&self, before: &Self) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T: Clone + PartialEq + 'static> ColumnValue for T {
    fn copied(&self) -> Self {
        self.clone()
    }

    fn differs(&self, before: &Self) -> bool {
        super::derived::differs(self, before)
    }
}

/// A type that can be the optimistic version of an entity: an integer. Never implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the version of an entity",
    label = "a version is an `i16`, `i32`, `i64`, `u16` or `u32`"
)]
pub trait VersionType: Copy {
    /// The version as a number.
    #[doc(hidden)]
    fn number(self) -> i64;

    /// The version behind this one. Behind the greatest comes the least: versions are only ever compared for equality.
    #[doc(hidden)]
    fn next(self) -> Self;

    /// The version of this number, which [`number`](Self::number) gave.
    #[doc(hidden)]
    fn of(number: i64) -> Self;
}

macro_rules! version_types {
    ($($ty:ty)*) => {$(
        impl VersionType for $ty {
            fn number(self) -> i64 {
                self.into()
            }

            fn next(self) -> Self {
                self.wrapping_add(1)
            }

            fn of(number: i64) -> Self {
                number.try_into().unwrap_or_default()
            }
        }
    )*};
}
version_types!(i16 i32 i64 u16 u32);

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
    read_only: bool,
    unique: bool,
    nullable: bool,
    references: Option<TypeId>,
}

impl Column {
    /// A column of this name.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            key: false,
            generated: false,
            version: false,
            read_only: false,
            unique: false,
            nullable: false,
            references: None,
        }
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

    /// The same with a value that only the database writes.
    #[must_use]
    pub const fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// The same with values of which no two are alike.
    #[must_use]
    pub const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    /// The same as one that may be NULL.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The same as a reference to the key of this other entity.
    #[must_use]
    pub const fn references<E: 'static>(self) -> Self {
        Self { references: Some(TypeId::of::<E>()), ..self }
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

    /// Whether only the database writes it.
    pub const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether no two of its values are alike.
    pub const fn is_unique(&self) -> bool {
        self.unique
    }

    /// Whether it may be NULL.
    pub const fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// The entity it refers to.
    pub const fn referred(&self) -> Option<TypeId> {
        self.references
    }
}

/// Some of an entity's columns, by their positions. There are 128 at the most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnSet(u128);

impl ColumnSet {
    /// None of them.
    pub const EMPTY: Self = Self(0);

    /// All of them.
    pub const ALL: Self = Self(u128::MAX);

    /// Those of these columns that are of a kind.
    pub(crate) fn of(columns: &[Column], is: impl Fn(&Column) -> bool) -> Self {
        columns.iter().enumerate().filter(|(_, column)| is(column)).map(|(at, _)| at).collect()
    }

    /// Puts in the column at this position.
    pub fn insert(&mut self, column: usize) {
        self.0 |= Self::bit(column);
    }

    /// Whether the column at this position is in it.
    pub fn contains(self, column: usize) -> bool {
        self.0 & Self::bit(column) != 0
    }

    /// Whether no column is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The columns that are in this set and not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The columns that are in this set or in the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a column is in both.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The positions of the columns in it.
    pub fn iter(self) -> impl Iterator<Item = usize> + Clone {
        // From bit to bit, and not over all 128 of them: it is done for every row that is written.
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let column = rest.trailing_zeros();
            rest &= rest.checked_sub(1)?;
            usize::try_from(column).ok()
        })
    }

    fn bit(column: usize) -> u128 {
        u32::try_from(column).ok().and_then(|column| 1_u128.checked_shl(column)).unwrap_or(0)
    }
}

impl FromIterator<usize> for ColumnSet {
    fn from_iter<I: IntoIterator<Item = usize>>(columns: I) -> Self {
        let mut set = Self::EMPTY;
        columns.into_iter().for_each(|column| set.insert(column));
        set
    }
}
