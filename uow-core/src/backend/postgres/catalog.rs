//! What PostgreSQL's catalog tells of a table.

use sqlx_core::Error as SqlxError;
use sqlx_core::executor::Executor;
use sqlx_core::query::query;
use sqlx_core::row::Row;
use sqlx_postgres::{PgConnection, Postgres};

use crate::backend::Dialect;
use crate::entity::Table;
use crate::schema::{LiveColumn, LiveTable};

// A name is looked up where a statement would find it: by the search path, temporary tables first.
//
// Foreign tables are taken as views: what they say of NULL is not enforced, and they have no indexes. A row trigger before
// INSERT (bits 1, 2 and 4) may fill any column.
const COLUMNS: &str = "\
    SELECT c.relkind IN ('v', 'm', 'f'), a.attname::text, NOT (a.attnotnull OR t.typnotnull), \
    a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL OR EXISTS (\
    SELECT 1 FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND g.tgtype & 7 = 7 AND NOT g.tgisinternal) \
    FROM pg_catalog.pg_class c \
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    WHERE c.oid = to_regclass(coalesce(quote_ident($1::text) || '.', '') || quote_ident($2::text)) \
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY a.attnum";

// Columns that an index only includes stand behind those it is on. An expression's number is 0, and it has no name: such an
// index is left out, as one of some rows only is.
const UNIQUE: &str = "\
    SELECT i.indisprimary, ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a \
    WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) \
    FROM pg_catalog.pg_index i \
    WHERE i.indrelid = to_regclass(coalesce(quote_ident($1::text) || '.', '') || quote_ident($2::text)) \
    AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL";

pub(super) async fn live_table(
    connection: &mut PgConnection,
    table: &Table,
) -> Result<Option<LiveTable>, SqlxError> {
    let mut live = None;
    let columns = query::<Postgres>(COLUMNS).bind(table.schema_name()).bind(table.name());
    for row in Executor::fetch_all(&mut *connection, columns).await? {
        let is_view = row.try_get(0)?;
        let live = live.get_or_insert_with(|| LiveTable::new(Dialect::Postgres, is_view));
        // A table may have no columns at all.
        if let Some(name) = row.try_get(1)? {
            live.columns.push(LiveColumn { name, nullable: row.try_get(2)?, filled: row.try_get(3)? });
        }
    }
    let Some(mut live) = live else { return Ok(None) };
    let unique = query::<Postgres>(UNIQUE).bind(table.schema_name()).bind(table.name());
    for row in Executor::fetch_all(connection, unique).await? {
        let columns: Vec<String> = row.try_get(1)?;
        if row.try_get(0)? {
            live.primary_key = columns;
        } else {
            live.unique.push(columns);
        }
    }
    Ok(Some(live))
}
