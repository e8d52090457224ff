//! What the information schema of MySQL and MariaDB tells of a table.

use sqlx_core::Error as SqlxError;
use sqlx_core::executor::Executor;
use sqlx_core::query::query;
use sqlx_core::row::Row;
use sqlx_mysql::{MySql, MySqlConnection};

use crate::backend::Dialect;
use crate::entity::Table;
use crate::schema::{LiveColumn, LiveTable};

// The casts make the types the same on every server. An ENUM that is left out becomes its first value. A trigger before
// INSERT may fill any column.
const COLUMNS: &str = "\
    SELECT CAST(EXISTS (SELECT 1 FROM information_schema.views v \
    WHERE v.table_schema = c.table_schema AND v.table_name = c.table_name) AS SIGNED), \
    CAST(c.column_name AS CHAR), CAST(c.is_nullable = 'YES' AS SIGNED), \
    CAST(c.column_default IS NOT NULL OR c.extra LIKE '%auto_increment%' OR c.extra LIKE '%GENERATED%' \
    OR c.data_type = 'enum' OR EXISTS (SELECT 1 FROM information_schema.triggers g \
    WHERE g.event_object_schema = c.table_schema AND g.event_object_table = c.table_name \
    AND g.event_manipulation = 'INSERT' AND g.action_timing = 'BEFORE') AS SIGNED) \
    FROM information_schema.columns c \
    WHERE c.table_schema = coalesce(?, database()) AND c.table_name = ? ORDER BY c.ordinal_position";

// A part of an index that is an expression has no name.
const UNIQUE: &str = "\
    SELECT CAST(s.index_name AS CHAR), CAST(coalesce(s.column_name, '') AS CHAR) \
    FROM information_schema.statistics s \
    WHERE s.table_schema = coalesce(?, database()) AND s.table_name = ? AND s.non_unique = 0 \
    ORDER BY s.index_name, s.seq_in_index";

pub(super) async fn live_table(
    connection: &mut MySqlConnection,
    table: &Table,
) -> Result<Option<LiveTable>, SqlxError> {
    let mut live = None;
    let columns = query::<MySql>(COLUMNS).bind(table.schema_name()).bind(table.name());
    for row in Executor::fetch_all(&mut *connection, columns).await? {
        let is = |at| row.try_get::<i64, _>(at).map(|number| number != 0);
        let is_view = is(0)?;
        let live = live.get_or_insert_with(|| LiveTable::new(Dialect::MySql, is_view));
        live.columns.push(LiveColumn { name: row.try_get(1)?, nullable: is(2)?, filled: is(3)? });
    }
    let Some(mut live) = live else { return Ok(None) };
    let unique = query::<MySql>(UNIQUE).bind(table.schema_name()).bind(table.name());
    let mut last: Option<String> = None;
    for row in Executor::fetch_all(connection, unique).await? {
        let (index, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        if index == "PRIMARY" {
            live.primary_key.push(column);
            continue;
        }
        match live.unique.last_mut().filter(|_| last.as_ref() == Some(&index)) {
            Some(columns) => columns.push(column),
            None => live.unique.push(vec![column]),
        }
        last = Some(index);
    }
    Ok(Some(live))
}
