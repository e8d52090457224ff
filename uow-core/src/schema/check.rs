//! The comparison of the entities with the live schema.

use std::sync::Arc;
use std::time::Duration;

use sqlx_core::Error as SqlxError;
use sqlx_core::column::Column as _;
use sqlx_core::connection::Connection as _;
use sqlx_core::pool::Pool;
use sqlx_core::sql_str::{AssertSqlSafe, SqlSafeStr};
use sqlx_core::statement::Statement as _;
use sqlx_core::type_info::TypeInfo as _;

use super::live::{LiveColumn, LiveTable};
use super::mismatch::{Mismatch, MismatchKind, SchemaMismatch};
use super::{Described, Schema};
use crate::backend::{Backend, Query, no_answer, send};
use crate::clock;
use crate::connection::Held;
use crate::entity::Column;
use crate::error::Error;
use crate::sql::Text;

/// How long the catalog may take to answer. A table that somebody alters at this moment is locked.
const LIMIT: Duration = Duration::from_secs(20);

/// Compares all entities with their tables, on one connection.
pub(crate) async fn check<DB: Backend>(pool: &Pool<DB>, schema: Schema<DB>) -> Result<(), Error> {
    let mut held = Held::acquire(pool).await?;
    let compared = clock::timeout(LIMIT, compare(held.get()?, schema)).await;
    let found = compared.unwrap_or_else(|| Err(no_answer("the catalog", LIMIT)))?;
    held.release();
    match SchemaMismatch::of(found) {
        Some(mismatch) => Err(Error::SchemaMismatch(Arc::new(mismatch))),
        None => Ok(()),
    }
}

async fn compare<DB: Backend>(
    connection: &mut DB::Connection,
    schema: Schema<DB>,
) -> Result<Vec<Mismatch>, SqlxError> {
    // Of a statement that it prepared before, sqlx would tell the types that the columns had then.
    connection.clear_cached_statements().await?;
    let mut found = Vec::new();
    for entity in &schema.entities {
        let kinds = entity.mismatches(connection).await?;
        found.extend(kinds.into_iter().map(|kind| Mismatch {
            entity: entity.name,
            table: entity.table,
            kind,
        }));
    }
    if !DB::AUTOCOMMITS {
        // Reading the catalog may have begun a transaction.
        send::<DB>(connection, Query::fixed(DB::ROLLBACK)).await.outcome?;
    }
    // None of those prepared for this is run again.
    connection.clear_cached_statements().await?;
    Ok(found)
}

impl<DB: Backend> Described<DB> {
    async fn mismatches(&self, connection: &mut DB::Connection) -> Result<Vec<MismatchKind>, SqlxError> {
        let Some(table) = DB::live_table(connection, &self.table).await? else {
            return Ok(vec![MismatchKind::NoTable]);
        };
        let mut found = Vec::new();
        let mut present = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            match table.column(column.name()) {
                Some(live) => {
                    present.push(at);
                    found.extend(column_mismatches(column, live, &table));
                }
                None => found.push(MismatchKind::NoColumn { column: column.name() }),
            }
        }
        found.extend(self.other_types(connection, &present).await?);
        found.extend(self.other_key(&table));
        found.extend(self.missed(&table));
        Ok(found)
    }

    /// The columns that sqlx cannot decode to their fields. What it goes by is told of a statement that is prepared and never
    /// run: to describe one makes SQLite run it, and go by the values of the first row.
    async fn other_types(
        &self,
        connection: &mut DB::Connection,
        present: &[usize],
    ) -> Result<Vec<MismatchKind>, SqlxError> {
        if present.is_empty() {
            return Ok(Vec::new());
        }
        let columns = present.iter().filter_map(|&at| Some((at, self.columns.get(at)?)));
        let mut text = Text::new(DB::DIALECT, "SELECT ");
        text.list(", ", columns.clone(), |text, (_, column)| text.column(column));
        let text = text.sql(" FROM ").table(&self.table).finish();
        let statement = DB::prepare_with(connection, AssertSqlSafe(text).into_sql_str(), &[]).await?;
        let pairs = columns.zip(statement.columns());
        Ok(pairs
            .filter_map(|((at, column), live)| {
                let found = live.type_info();
                let fits = DB::live_type_fits(found, &|info| (self.compatible)(at, info));
                (!fits).then(|| MismatchKind::OtherType {
                    column: column.name(),
                    expected: (self.type_info)(at).map(|info| info.name().to_owned()).unwrap_or_default(),
                    found: found.name().to_owned(),
                })
            })
            .collect())
    }

    fn other_key(&self, table: &LiveTable) -> Option<MismatchKind> {
        let keys = self.columns.iter().filter(|column| column.is_key());
        let expected: Vec<_> = keys.map(Column::name).collect();
        // A key column that is missing has been told.
        let known = expected.iter().all(|name| table.column(name).is_some());
        (known && !table.is_view && !table.is_unique(&expected))
            .then(|| MismatchKind::OtherKey { expected, found: table.primary_key.clone() })
    }

    /// The columns an INSERT would have to write and does not know of.
    fn missed(&self, table: &LiveTable) -> impl Iterator<Item = MismatchKind> {
        let columns = table.columns.iter().filter(|live| !table.is_view && !live.nullable && !live.filled);
        let unknown = columns
            .filter(|live| !self.columns.iter().any(|column| table.is_same(&live.name, column.name())));
        unknown.map(|live| MismatchKind::NotInEntity { column: live.name.clone() })
    }
}

/// What of a column can be told without its type. Of a view's column nothing can.
fn column_mismatches(column: &Column, live: &LiveColumn, table: &LiveTable) -> Vec<MismatchKind> {
    let name = column.name();
    let all = [
        (live.nullable && !column.is_nullable(), MismatchKind::Nullable { column: name }),
        (column.is_generated() && !live.filled, MismatchKind::NotGenerated { column: name }),
        (column.is_unique() && !table.is_unique(&[name]), MismatchKind::NotUnique { column: name }),
    ];
    all.into_iter().filter(|(is, _)| *is && !table.is_view).map(|(_, kind)| kind).collect()
}
