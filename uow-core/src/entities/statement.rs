//! The statements of an entity set, sent on their way.

use sqlx_core::Error as SqlxError;
use sqlx_core::arguments::Arguments;
use sqlx_core::error::BoxDynError;

use super::Entities;
use crate::backend::{Backend, Query};
use crate::entity::{Entity, Values};
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
        self.session.shared().select(Query::with_arguments(text, arguments), each).await?;
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
                entity.bind(column, &mut Values::bound(arguments))?;
            }
        }
    }
    Ok(())
}
