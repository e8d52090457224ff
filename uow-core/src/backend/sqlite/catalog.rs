//! What SQLite's pragmas tell of a table.

use sqlx_core::Error as SqlxError;
use sqlx_core::executor::Executor;
use sqlx_core::query::query;
use sqlx_core::row::Row;
use sqlx_core::types::Type;
use sqlx_sqlite::{Sqlite, SqliteConnection, SqliteTypeInfo};

use crate::backend::Dialect;
use crate::entity::Table;
use crate::schema::{LiveColumn, LiveTable};

// A name is looked up where a statement would find it: in `temp`, in `main`, then in what is attached.
//
// A column that is the table's rowid, under another name, is filled. It is the one column of the primary key, an INTEGER, and
// there is no index for that key. Generated columns are hidden ones, of kinds 2 and 3.
const COLUMNS: &str = "\
    SELECT t.schema, t.type = 'view', x.name, x.\"notnull\", x.pk, \
    x.dflt_value IS NOT NULL OR x.hidden > 1 OR (x.pk = 1 AND lower(x.type) = 'integer' AND NOT t.wr \
    AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(t.name, t.schema) o WHERE o.pk > 1) \
    AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name, t.schema) i WHERE i.origin = 'pk')) \
    FROM (SELECT l.schema, l.name, l.type, l.wr FROM pragma_table_list(?1) l \
    JOIN pragma_database_list d ON d.name = l.schema \
    WHERE ?2 IS NULL OR l.schema = ?2 COLLATE NOCASE ORDER BY d.seq <> 1, d.seq LIMIT 1) t \
    JOIN pragma_table_xinfo(t.name, t.schema) x ORDER BY x.cid";

// An expression's, and the rowid's, place in an index has no name.
const UNIQUE: &str = "\
    SELECT i.seq, coalesce(c.name, '') FROM pragma_index_list(?1, ?2) i \
    JOIN pragma_index_info(i.name, ?2) c \
    WHERE i.\"unique\" AND NOT i.partial ORDER BY i.seq, c.seqno";

pub(super) async fn live_table(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Option<LiveTable>, SqlxError> {
    let mut known: Option<(String, LiveTable)> = None;
    let columns = query::<Sqlite>(COLUMNS).bind(table.name()).bind(table.schema_name());
    for row in Executor::fetch_all(&mut *connection, columns).await? {
        let (schema, is_view) = (row.try_get(0)?, row.try_get(1)?);
        let (_, live) = known.get_or_insert_with(|| (schema, LiveTable::new(Dialect::Sqlite, is_view)));
        let name: String = row.try_get(2)?;
        let is_key = row.try_get::<i64, _>(4)? > 0;
        if is_key {
            live.primary_key.push(name.clone());
        }
        // SQLite lets NULL into a primary key for the sake of old mistakes. To ask for NOT NULL there would be no help.
        let nullable = !row.try_get::<bool, _>(3)? && !is_key;
        live.columns.push(LiveColumn { name, nullable, filled: row.try_get(5)? });
    }
    let Some((schema, mut live)) = known else { return Ok(None) };
    let unique = query::<Sqlite>(UNIQUE).bind(table.name()).bind(schema);
    let mut last: Option<i64> = None;
    for row in Executor::fetch_all(connection, unique).await? {
        let (index, column): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        match live.unique.last_mut().filter(|_| last == Some(index)) {
            Some(columns) => columns.push(column),
            None => live.unique.push(vec![column]),
        }
        last = Some(index);
    }
    Ok(Some(live))
}

/// Whether a column of this declared type may hold what a field can decode. The types that SQLite does not know itself hold
/// numbers or texts, as they are given, and sqlx goes by the values then.
pub(super) fn fits(declared: &SqliteTypeInfo, compatible: &dyn Fn(&SqliteTypeInfo) -> bool) -> bool {
    use sqlx_core::type_info::TypeInfo as _;
    let held = match declared.name() {
        // No type, or one sqlx has no name for.
        "NULL" => return true,
        "BOOLEAN" => vec![<i64 as Type<Sqlite>>::type_info()],
        "DATE" | "TIME" | "DATETIME" => vec![
            <String as Type<Sqlite>>::type_info(),
            <i64 as Type<Sqlite>>::type_info(),
            <f64 as Type<Sqlite>>::type_info(),
        ],
        _ => Vec::new(),
    };
    compatible(declared) || held.iter().any(compatible)
}
