//! What each engine has of its own: types, schemas, and ways to fill a column.

use sqlx::{MySql, Postgres, Sqlite};
use unit_of_work::{Entity, MismatchKind, UnitOfWork};
use uow_test_support::{Engine as _, claims};

use crate::common::One;
use crate::{Item, kinds};

/// In a schema of its own, whose name no other test uses.
#[derive(Debug, Clone, PartialEq, Entity)]
#[uow(table = "elsewhere", schema = "uow schema test")]
struct Elsewhere {
    #[uow(key)]
    id: i64,
    #[uow(unique)]
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
enum Mood {
    Glad,
    Sad,
}

#[derive(Debug, Clone, PartialEq, Entity)]
struct Person {
    #[uow(key)]
    id: i64,
    mood: Mood,
    short: String,
    other: Option<Mood>,
}

/// Names of types that SQLite does not know.
#[derive(Debug, Clone, PartialEq, Entity)]
struct Loose {
    #[uow(key)]
    id: String,
    stamp: String,
    unix: i64,
    flag: i64,
    price: f64,
    any: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Entity)]
struct Counted {
    #[uow(key, generated)]
    id: u64,
    signed: i64,
    tiny: bool,
    mood: String,
}

const RIGHT: &str = "(id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE)";
const WRONG: &str = "(id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20) NOT NULL)";

claims! { claim, Sqlite,
    async fn an_attached_database_is_a_schema_of_sqlite(lab) {
        // An attached database is one of its connection.
        let attach = format!(
            "ATTACH ':memory:' AS \"uow schema test\"; CREATE TABLE main.elsewhere {WRONG}; \
             CREATE TABLE \"uow schema test\".elsewhere {RIGHT}"
        );
        let pool = uow_test_support::pool_options::<Sqlite>().max_connections(1).connect_with(lab.connect.clone()).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(attach)).execute(&pool).await.unwrap();
        One::<Elsewhere, Sqlite>::check_schema(&pool).await.unwrap();
        sqlx::raw_sql("DROP TABLE \"uow schema test\".elsewhere").execute(&pool).await.unwrap();
        assert!(One::<Elsewhere, Sqlite>::check_schema(&pool).await.unwrap_err().is_schema_mismatch());
        // Without a schema's name it is found where a statement would find it: first of all among the temporary tables.
        let shadows = "CREATE TABLE \"uow schema test\".item (id INT); CREATE TEMP TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE); \
                       CREATE TABLE main.item (id INTEGER PRIMARY KEY, name TEXT NOT NULL)";
        sqlx::raw_sql(shadows).execute(&pool).await.unwrap();
        One::<Item, Sqlite>::check_schema(&pool).await.unwrap();
        sqlx::raw_sql("DROP TABLE temp.item").execute(&pool).await.unwrap();
        let error = One::<Item, Sqlite>::check_schema(&pool).await.unwrap_err();
        assert_eq!(error.schema_mismatch().unwrap().mismatches()[0].kind(), &MismatchKind::NotUnique { column: "name" });
        pool.close().await;
    }

    async fn types_that_sqlite_does_not_know_hold_what_they_are_given(lab) {
        lab.script("CREATE TABLE loose (id TEXT PRIMARY KEY, stamp DATETIME NOT NULL, unix TIMESTAMP NOT NULL, \
                    flag BOOLEAN NOT NULL, price DECIMAL(10, 2) NOT NULL, any NOT NULL)").await;
        One::<Loose, Sqlite>::check_schema(&lab.pool).await.unwrap();
        // With rows, too, whose values are of whatever type.
        lab.script("INSERT INTO loose VALUES ('a', 1, 'x', 2, 'free', 3)").await;
        One::<Loose, Sqlite>::check_schema(&lab.pool).await.unwrap();
        lab.script("DROP TABLE loose; CREATE TABLE LOOSE (ID BLOB PRIMARY KEY, Stamp INT NOT NULL, unix TEXT NOT NULL, \
                    flag REAL NOT NULL, price BOOLEAN NOT NULL, any DATE NOT NULL)").await;
        let found = kinds::<Loose, Sqlite>(lab).await;
        let others = found.iter().filter(|kind| matches!(kind, MismatchKind::OtherType { .. })).count();
        // Bytes can be read from a text, which a DATE may hold.
        assert_eq!((found.len(), others), (5, 5), "{found:?}");
    }

    async fn only_the_rowid_is_generated_on_sqlite(lab) {
        for (key, is) in [
            ("id integer PRIMARY KEY, name TEXT NOT NULL UNIQUE)", true),
            ("id INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, PRIMARY KEY (id))", true),
            ("id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT", true),
            ("id INTEGER PRIMARY KEY DESC, name TEXT NOT NULL UNIQUE)", false),
            ("id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID", false),
            ("id INT PRIMARY KEY, name TEXT NOT NULL UNIQUE)", false),
        ] {
            lab.script(&format!("DROP TABLE IF EXISTS item; CREATE TABLE item ({key}")).await;
            let found = if is { Vec::new() } else { kinds::<Item, Sqlite>(lab).await };
            assert_eq!(One::<Item, Sqlite>::check_schema(&lab.pool).await.is_ok(), is, "{key}");
            assert!(is || found == [MismatchKind::NotGenerated { column: "id" }], "{key}: {found:?}");
        }
    }

    async fn an_index_of_some_rows_or_of_an_expression_is_not_unique_on_sqlite(lab) {
        lab.script("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL); \
                    CREATE UNIQUE INDEX a ON item (name) WHERE id > 3; CREATE UNIQUE INDEX b ON item (lower(name)); \
                    CREATE UNIQUE INDEX c ON item (name, id + 1)").await;
        assert_eq!(kinds::<Item, Sqlite>(lab).await, [MismatchKind::NotUnique { column: "name" }]);
    }
}

claims! { postgres_claim, Postgres,
    async fn a_table_in_another_schema_of_postgres(lab) {
        // One run at a time: the name is the same in all.
        lab.script(&format!(
            "SELECT pg_advisory_lock(470815); DROP SCHEMA IF EXISTS \"uow schema test\" CASCADE; \
             CREATE SCHEMA \"uow schema test\"; CREATE TABLE \"uow schema test\".elsewhere {RIGHT}; CREATE TABLE elsewhere {WRONG}"
        )).await;
        let right = One::<Elsewhere, Postgres>::check_schema(&lab.pool).await;
        lab.script("DROP TABLE \"uow schema test\".elsewhere").await;
        let no_table = kinds::<Elsewhere, Postgres>(lab).await;
        lab.script("DROP SCHEMA \"uow schema test\"").await;
        let no_schema = kinds::<Elsewhere, Postgres>(lab).await;
        lab.script("SELECT pg_advisory_unlock(470815)").await;
        right.unwrap();
        assert_eq!((no_table, no_schema), (vec![MismatchKind::NoTable], vec![MismatchKind::NoTable]));
    }

    async fn enums_and_domains_of_postgres(lab) {
        lab.script("CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN short AS VARCHAR(9) NOT NULL; \
                    CREATE DOMAIN seven AS INT NOT NULL DEFAULT 7; \
                    CREATE TABLE person (id BIGINT PRIMARY KEY, mood mood NOT NULL, short short, other mood, filled seven)").await;
        One::<Person, Postgres>::check_schema(&lab.pool).await.unwrap();
        lab.script("ALTER TABLE person ALTER mood TYPE TEXT, ADD missed short").await;
        let other = MismatchKind::OtherType { column: "mood", expected: "mood".into(), found: "TEXT".into() };
        let missed = MismatchKind::NotInEntity { column: "missed".into() };
        assert_eq!(kinds::<Person, Postgres>(lab).await, [other, missed]);
    }

    async fn many_ways_to_a_key_on_postgres(lab) {
        for key in ["BIGSERIAL PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BIGINT DEFAULT 7 PRIMARY KEY"] {
            lab.script(&format!("DROP TABLE IF EXISTS item; CREATE TABLE item (id {key}, name TEXT NOT NULL UNIQUE)")).await;
            One::<Item, Postgres>::check_schema(&lab.pool).await.expect(key);
        }
        // A trigger may do it, and fill what the entity does not have.
        lab.script("DROP TABLE item; CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, more INT NOT NULL)").await;
        assert_eq!(kinds::<Item, Postgres>(lab).await.len(), 2);
        lab.script("CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id := 1; NEW.more := 2; RETURN NEW; END'; \
                    CREATE TRIGGER fill BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION fill()").await;
        One::<Item, Postgres>::check_schema(&lab.pool).await.unwrap();
        lab.script("DROP TABLE item; CREATE TABLE item (id BIGSERIAL, name TEXT NOT NULL, PRIMARY KEY (id)) PARTITION BY RANGE (id)").await;
        assert_eq!(kinds::<Item, Postgres>(lab).await, [MismatchKind::NotUnique { column: "name" }]);
    }

    async fn what_an_index_of_postgres_is_on(lab) {
        lab.script("CREATE TABLE item (id BIGSERIAL PRIMARY KEY, name TEXT NOT NULL, gone INT, \"Name\" INT); ALTER TABLE item DROP gone; \
                    CREATE UNIQUE INDEX ON item (name) WHERE id > 3; CREATE UNIQUE INDEX ON item (lower(name)); \
                    CREATE UNIQUE INDEX ON item (\"Name\")").await;
        assert_eq!(kinds::<Item, Postgres>(lab).await, [MismatchKind::NotUnique { column: "name" }]);
        lab.script("CREATE UNIQUE INDEX ON item (name) INCLUDE (id)").await;
        One::<Item, Postgres>::check_schema(&lab.pool).await.unwrap();
    }
}

claims! { mysql_claim, MySql,
    async fn a_table_in_another_database_of_mysql(lab) {
        // One run at a time: the name is the same in all.
        lab.script(&format!(
            "DO get_lock('uow schema test', 60); DROP DATABASE IF EXISTS `uow schema test`; \
             CREATE DATABASE `uow schema test`; CREATE TABLE `uow schema test`.elsewhere {RIGHT}; CREATE TABLE elsewhere {WRONG}"
        )).await;
        let right = One::<Elsewhere, MySql>::check_schema(&lab.pool).await;
        lab.script("DROP TABLE `uow schema test`.elsewhere").await;
        let no_table = kinds::<Elsewhere, MySql>(lab).await;
        lab.script("DROP DATABASE `uow schema test`").await;
        let no_schema = kinds::<Elsewhere, MySql>(lab).await;
        lab.script("DO release_lock('uow schema test')").await;
        right.unwrap();
        assert_eq!((no_table, no_schema), (vec![MismatchKind::NoTable], vec![MismatchKind::NoTable]));
    }

    async fn unsigned_numbers_booleans_and_enums_of_mysql(lab) {
        lab.script("CREATE TABLE counted (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, signed BIGINT NOT NULL, \
                    tiny BOOLEAN NOT NULL, mood ENUM ('glad', 'sad') NOT NULL, left_out ENUM ('a', 'b') NOT NULL, \
                    stamp TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, \
                    twice BIGINT AS (signed * 2) STORED)").await;
        One::<Counted, MySql>::check_schema(&lab.pool).await.unwrap();
        lab.script("INSERT INTO counted (signed, tiny, mood) VALUES (1, TRUE, 'sad')").await;
        lab.script("ALTER TABLE counted MODIFY id BIGINT NOT NULL AUTO_INCREMENT, MODIFY signed BIGINT UNSIGNED NOT NULL, \
                    MODIFY mood VARBINARY(20) NOT NULL").await;
        let other = |column, expected: &str, found: &str| MismatchKind::OtherType { column, expected: expected.into(), found: found.into() };
        assert_eq!(kinds::<Counted, MySql>(lab).await, [
            other("id", "BIGINT UNSIGNED", "BIGINT"),
            other("signed", "BIGINT", "BIGINT UNSIGNED"),
            other("mood", "VARCHAR", "VARBINARY"),
        ]);
    }

    async fn a_trigger_of_mysql_may_fill_a_column(lab) {
        lab.script("CREATE TABLE item (ID BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, Name VARCHAR(20) NOT NULL UNIQUE, more INT NOT NULL)").await;
        assert_eq!(kinds::<Item, MySql>(lab).await, [MismatchKind::NotInEntity { column: "more".into() }]);
        lab.script("CREATE TRIGGER fill BEFORE INSERT ON item FOR EACH ROW SET NEW.more = 2").await;
        One::<Item, MySql>::check_schema(&lab.pool).await.unwrap();
    }

    async fn no_transaction_is_left_where_mysql_does_not_autocommit(lab) {
        let pool = uow_test_support::pool_options::<MySql>().max_connections(1).connect_with(lab.connect.clone()).await.unwrap();
        sqlx::raw_sql("SET autocommit = 0").execute(&pool).await.unwrap();
        assert!(One::<Item, MySql>::check_schema(&pool).await.unwrap_err().is_schema_mismatch());
        assert!(!MySql::is_in_transaction(&mut *pool.acquire().await.unwrap()).await);
        pool.close().await;
    }
}
