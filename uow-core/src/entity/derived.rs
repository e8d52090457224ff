//! What the output of `#[derive(Entity)]` calls: what two expansions have in common.

use std::any::Any;

use sqlx_core::error::BoxDynError;
use sqlx_core::types::Type;

use super::{ColumnType, Values};
use crate::backend::Backend;

/// Binds one value of an entity.
pub fn bind<DB: Backend, T: ColumnType<DB>>(
    values: &mut Values<'_, DB>,
    value: &T,
) -> Result<(), BoxDynError> {
    values.add(value)
}

/// Whether a column has to be written again. Floats are compared by their bits: a NaN that stayed is no change, and a zero
/// that lost its sign is one.
pub(super) fn differs<T: PartialEq + 'static>(now: &T, before: &T) -> bool {
    fn both<'a, T: 'static>(now: &'a dyn Any, before: &'a dyn Any) -> Option<(&'a T, &'a T)> {
        Some((now.downcast_ref()?, before.downcast_ref()?))
    }
    if let Some((now, before)) = both::<f64>(now, before) {
        return now.to_bits() != before.to_bits();
    }
    if let Some((now, before)) = both::<f32>(now, before) {
        return now.to_bits() != before.to_bits();
    }
    if let Some((now, before)) = both::<Option<f64>>(now, before) {
        return now.map(f64::to_bits) != before.map(f64::to_bits);
    }
    if let Some((now, before)) = both::<Option<f32>>(now, before) {
        return now.map(f32::to_bits) != before.map(f32::to_bits);
    }
    now != before
}

/// What sqlx calls the type.
pub fn type_info<DB: Backend, T: ColumnType<DB>>() -> DB::TypeInfo {
    <T as Type<DB>>::type_info()
}

/// Whether sqlx can decode a type of the database to this one.
pub fn compatible<DB: Backend, T: ColumnType<DB>>(info: &DB::TypeInfo) -> bool {
    <T as Type<DB>>::compatible(info)
}

#[cfg(feature = "postgres")]
pub use arrays::{Arrays, NoArrays, PgColumn, as_postgres};

/// Arrays of a column's values, where sqlx has them: told by the type, at compile time, by which of two methods of the same
/// name is nearer.
#[cfg(feature = "postgres")]
mod arrays {
    use std::any::Any;
    use std::marker::PhantomData;

    use sqlx_core::arguments::Arguments;
    use sqlx_core::encode::Encode;
    use sqlx_core::error::BoxDynError;
    use sqlx_core::types::Type;
    use sqlx_postgres::{PgArguments, PgBindIterExt, PgHasArrayType, Postgres};

    use crate::backend::Backend;

    /// The arguments, if they are PostgreSQL's.
    pub fn as_postgres<DB: Backend>(arguments: &mut DB::Arguments) -> Option<&mut PgArguments> {
        (arguments as &mut dyn Any).downcast_mut()
    }

    /// A column whose type may have an array type.
    #[derive(Debug)]
    pub struct PgColumn<T>(PhantomData<fn() -> T>);

    impl<T> PgColumn<T> {
        /// The column of a field of this type.
        #[expect(
            clippy::new_without_default,
            reason = "it stands in generated code, where `new` reads better"
        )]
        pub fn new() -> Self {
            Self(PhantomData)
        }
    }

    /// What a type with arrays does.
    pub trait Arrays<T> {
        /// Whether there are arrays.
        fn has_array(&self) -> bool {
            true
        }

        /// Binds the values as an array.
        fn bind_array<'v>(
            &self,
            values: impl Iterator<Item = &'v T>,
            arguments: &mut PgArguments,
        ) -> Result<(), BoxDynError>
        where
            T: 'v;
    }

    impl<T> Arrays<T> for PgColumn<T>
    where
        T: PgHasArrayType + Type<Postgres> + for<'q> Encode<'q, Postgres>,
    {
        fn bind_array<'v>(
            &self,
            values: impl Iterator<Item = &'v T>,
            arguments: &mut PgArguments,
        ) -> Result<(), BoxDynError>
        where
            T: 'v,
        {
            arguments.add(values.bind_iter())
        }
    }

    /// What a type without does.
    pub trait NoArrays<T> {
        /// Whether there are arrays.
        fn has_array(&self) -> bool {
            false
        }

        /// Never asked for.
        fn bind_array<'v>(
            &self,
            _values: impl Iterator<Item = &'v T>,
            _arguments: &mut PgArguments,
        ) -> Result<(), BoxDynError>
        where
            T: 'v,
        {
            Err("this column has no array type".into())
        }
    }

    impl<T> NoArrays<T> for &PgColumn<T> {}
}

/// Keeps what concerns PostgreSQL out of an expansion where its feature is off.
#[doc(hidden)]
#[cfg(feature = "postgres")]
#[macro_export]
macro_rules! __postgres_only {
    ($($tokens:tt)*) => { $($tokens)* };
}

/// Keeps what concerns PostgreSQL out of an expansion where its feature is off.
#[doc(hidden)]
#[cfg(not(feature = "postgres"))]
#[macro_export]
macro_rules! __postgres_only {
    ($($tokens:tt)*) => {};
}
