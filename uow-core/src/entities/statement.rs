//! The statements of an entity set, sent on their way.

use sqlx_core::Error as SqlxError;
use sqlx_core::arguments::Arguments;
use sqlx_core::error::BoxDynError;

use super::Entities;
use crate::backend::{Backend, Query};
use crate::entity::Entity;
use crate::sql::Form;

/// On which way a statement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// Inside the unit's transaction.
    Transaction,
    /// On its own: the unit is idle, this is all there is to write, and one statement is atomic.
    Alone,
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    pub(super) async fn send(
        &self,
        via: Via,
        text: String,
        arguments: DB::Arguments,
        each: impl FnMut(DB::Row) + Send,
    ) -> Result<DB::QueryResult, SqlxError> {
        let query = Query::with_arguments(text, arguments);
        let shared = self.session.shared();
        match via {
            Via::Transaction => shared.send(query, each).await,
            Via::Alone => shared.send_alone(query, each).await,
        }
    }

    /// Reads entities; inside the transaction, which begins with it.
    pub(super) async fn load(&self, text: String, arguments: DB::Arguments) -> Result<Vec<E>, SqlxError> {
        let mut loaded = Vec::new();
        let mut broken = None;
        let each = |row: DB::Row| match E::load(&row) {
            Ok(entity) => loaded.push(entity),
            Err(error) => broken = broken.take().or(Some(error)),
        };
        self.send(Via::Transaction, text, arguments, each).await?;
        broken.map_or(Ok(loaded), Err)
    }
}

/// Binds these columns of a batch in the order its text asks for.
pub(super) fn bind_batch<E: Entity<DB>, DB: Backend>(
    form: Form,
    parts: &[(&[usize], &[&E])],
    arguments: &mut DB::Arguments,
) -> Result<(), SqlxError> {
    let bound = match form {
        Form::Arrays => bind_arrays::<E, DB>(parts, arguments),
        Form::Rows(rows) => bind_rows::<E, DB>(rows, parts, arguments),
    };
    bound.map_err(SqlxError::Encode)
}

fn bind_arrays<E: Entity<DB>, DB: Backend>(
    parts: &[(&[usize], &[&E])],
    arguments: &mut DB::Arguments,
) -> Result<(), BoxDynError> {
    for (columns, rows) in parts {
        for &column in *columns {
            E::bind_array(column, rows, arguments)?;
        }
    }
    Ok(())
}

fn bind_rows<E: Entity<DB>, DB: Backend>(
    rows: usize,
    parts: &[(&[usize], &[&E])],
    arguments: &mut DB::Arguments,
) -> Result<(), BoxDynError> {
    let values: usize = parts.iter().map(|(columns, _)| columns.len()).sum();
    arguments.reserve(rows * values, 0);
    for row in 0..rows {
        for (columns, entities) in parts {
            let Some(entity) = entities.get(row) else { continue };
            for &column in *columns {
                entity.bind(column, arguments)?;
            }
        }
    }
    Ok(())
}

/// The sizes of the statements that a batch is written in.
///
/// With arrays any size is the same text. Without, a size is a text to prepare, so they are numbers of one decimal digit and
/// zeros: 28 texts, and as many statements as the number of rows has digits. (One for the round numbers, which most batches
/// that are made by hand have.)
pub(super) fn sizes(arrays: bool, rows: usize, values_of_one: usize, most_values: usize) -> Vec<usize> {
    const MOST: usize = 1000;
    const MOST_IN_ARRAYS: usize = 2048;
    let most =
        if arrays { MOST_IN_ARRAYS } else { round((most_values / values_of_one.max(1)).clamp(1, MOST)) };
    let mut sizes = Vec::new();
    let mut left = rows;
    while left > 0 {
        let size = if arrays { left.min(most) } else { most.min(round(left)) };
        sizes.push(size);
        left -= size;
    }
    sizes
}

/// The highest decimal digit of a number, and zeros behind it.
fn round(number: usize) -> usize {
    let unit = 10_usize.pow(number.ilog10());
    number / unit * unit
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn arrays_take_any_number_in_one_statement() {
        assert_eq!(sizes(true, 1000, 3, 65_535), [1000]);
        assert_eq!(sizes(true, 10_000, 3, 65_535), [2048, 2048, 2048, 2048, 1808]);
    }

    #[test]
    fn rows_are_written_in_few_sizes_under_the_limit() {
        assert_eq!(sizes(false, 1000, 3, 32_766), [1000]);
        assert_eq!(sizes(false, 768, 3, 32_766), [700, 60, 8]);
        assert_eq!(sizes(false, 300, 200, 32_766), [100, 100, 100]);
        assert_eq!(sizes(false, 3001, 3, 32_766), [1000, 1000, 1000, 1]);
        assert_eq!(sizes(false, 2, 40_000, 32_766), [1, 1]);
        assert_eq!(sizes(false, 0, 3, 32_766), [0; 0]);
    }
}
