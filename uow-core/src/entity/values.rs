//! Where an entity's values go.

use std::fmt;

use sqlx_core::arguments::Arguments;
use sqlx_core::error::BoxDynError;

use super::ColumnType;
use crate::backend::Backend;

/// Where the values of an entity go that are [bound](super::Entity::bind): into the arguments of a statement; or they
/// are only measured, to see how many of them a message can carry, or looked at.
pub struct Values<'v, DB: Backend>(To<'v, DB>);

enum To<'v, DB: Backend> {
    Arguments(&'v mut DB::Arguments),
    Length(&'v mut usize),
    IsNull(&'v mut bool),
}

impl<'v, DB: Backend> Values<'v, DB> {
    /// They become arguments of a statement.
    pub fn bound(arguments: &'v mut DB::Arguments) -> Self {
        Self(To::Arguments(arguments))
    }

    /// Their bytes are counted.
    pub(crate) fn measured(bytes: &'v mut usize) -> Self {
        Self(To::Length(bytes))
    }

    /// It is seen whether the last one is NULL.
    pub(crate) fn looked_at(is_null: &'v mut bool) -> Self {
        Self(To::IsNull(is_null))
    }

    /// One more value.
    ///
    /// # Errors
    ///
    /// A value that does not encode.
    pub fn add<T: ColumnType<DB>>(&mut self, value: &T) -> Result<(), BoxDynError> {
        match &mut self.0 {
            To::Arguments(arguments) => arguments.add(value),
            To::Length(bytes) => {
                **bytes += DB::encoded_len(value);
                Ok(())
            }
            To::IsNull(is_null) => {
                **is_null = value.encode_by_ref(&mut DB::ArgumentBuffer::default())?.is_null();
                Ok(())
            }
        }
    }
}

impl<DB: Backend> fmt::Debug for Values<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Values")
    }
}
