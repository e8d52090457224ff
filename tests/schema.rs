//! The check of the entities against the live schema: every kind of mismatch, on every engine, and none where all is well.

mod common;
mod schema {
    pub(crate) mod peculiar;
}

use common::*;
use unit_of_work::{Dialect, Entities, MismatchKind, SchemaMismatch};

#[derive(Debug, Clone, PartialEq, Entity)]
struct Item {
    #[uow(key, generated)]
    id: i64,
    #[uow(unique)]
    name: String,
}

/// What is usual, and what sqlx calls by other names than the database.
#[derive(Debug, Clone, PartialEq, Entity)]
struct Usual {
    #[uow(key, generated)]
    id: i64,
    number: i32,
    small: i16,
    flag: bool,
    name: String,
    note: Option<String>,
    ratio: f64,
    bytes: Vec<u8>,
    #[uow(read_only)]
    stamp: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Entity)]
#[uow(table = "order")]
struct Line {
    #[uow(key)]
    order_id: i64,
    #[uow(key, column = "group")]
    group: i32,
    #[uow(column = "say \"when\" `now`")]
    when: String,
}

/// What the unit and the schema do not agree in.
async fn mismatch<U: UnitOfWork>(lab: &Lab<U::Database>) -> std::sync::Arc<SchemaMismatch>
where
    U::Database: Engine,
{
    let error = U::check_schema(&lab.pool).await.expect_err("they do not agree");
    assert!(error.is_schema_mismatch(), "{error}");
    lab.settled().await;
    std::sync::Arc::clone(error.schema_mismatch().unwrap())
}

/// The kinds of the mismatches of one entity.
async fn kinds<E, DB>(lab: &Lab<DB>) -> Vec<MismatchKind>
where
    E: Entity<DB> + 'static,
    DB: Engine,
{
    let found = mismatch::<One<E, DB>>(lab).await;
    found.mismatches().iter().map(|mismatch| mismatch.kind().clone()).collect()
}

/// What there is to say on each engine.
fn words<DB: Engine>(sqlite: &'static str, postgres: &'static str, mysql: &'static str) -> &'static str {
    match DB::DIALECT {
        Dialect::Sqlite => sqlite,
        Dialect::Postgres => postgres,
        _ => mysql,
    }
}

/// The columns of an item as they are expected.
fn item<DB: Engine>() -> String {
    format!("id {}, name VARCHAR(20) NOT NULL UNIQUE", DB::GENERATED_KEY)
}

engines! {
    async fn a_schema_that_is_right_passes(lab) {
        Shelf::<Db>::check_schema(&lab.pool).await.unwrap();
        lab.script(&format!(
            "CREATE TABLE usual (id {}, number INT NOT NULL, small SMALLINT NOT NULL, flag BOOLEAN NOT NULL, \
             name VARCHAR(20) NOT NULL, note TEXT, ratio DOUBLE PRECISION NOT NULL, bytes {} NOT NULL, stamp VARCHAR(20), \
             more INT, filled INT NOT NULL DEFAULT 1)",
            Db::GENERATED_KEY, words::<Db>("BLOB", "BYTEA", "BLOB"),
        )).await;
        One::<Usual, Db>::check_schema(&lab.pool).await.unwrap();
        lab.settled().await;
        // NOT NULL behind an `Option` is fine.
        lab.script("DROP TABLE usual").await;
        lab.script(&format!(
            "CREATE TABLE usual (id {}, number INT NOT NULL, small SMALLINT NOT NULL, flag BOOLEAN NOT NULL, \
             name TEXT NOT NULL, note TEXT NOT NULL, ratio FLOAT8 NOT NULL, bytes {} NOT NULL, stamp CHAR(3) NOT NULL)",
            Db::GENERATED_KEY, words::<Db>("BLOB", "BYTEA", "VARBINARY(9)"),
        ).replace("FLOAT8", words::<Db>("REAL", "FLOAT8", "DOUBLE"))).await;
        One::<Usual, Db>::check_schema(&lab.pool).await.unwrap();
    }

    async fn a_unit_without_entities_agrees(lab) {
        Library::<Db>::check_schema(&lab.pool).await.unwrap();
    }

    async fn a_table_that_is_missing_is_told(lab) {
        let found = mismatch::<One<Item, Db>>(lab).await;
        let [missing] = found.mismatches() else { panic!("{found}") };
        assert_eq!((missing.entity(), missing.table().name(), missing.column()), ("Item", "item", None));
        assert_eq!(missing.kind(), &MismatchKind::NoTable);
        assert_eq!(
            found.to_string(),
            "Item: there is no table or view `item` that this user may see; run the migrations, or name it with \
             `#[uow(table = \"…\")]`"
        );
    }

    async fn a_column_that_is_missing_is_told(lab) {
        lab.script(&format!("CREATE TABLE item (id {})", Db::GENERATED_KEY)).await;
        assert_eq!(kinds::<Item, Db>(lab).await, [MismatchKind::NoColumn { column: "name" }]);
        lab.script("DROP TABLE item; CREATE TABLE item (name VARCHAR(20) NOT NULL UNIQUE)").await;
        assert_eq!(kinds::<Item, Db>(lab).await, [MismatchKind::NoColumn { column: "id" }]);
        lab.script("DROP TABLE item; CREATE TABLE item (other INT)").await;
        let both = [MismatchKind::NoColumn { column: "id" }, MismatchKind::NoColumn { column: "name" }];
        assert_eq!(kinds::<Item, Db>(lab).await, both);
    }

    async fn a_column_that_may_be_null_is_told(lab) {
        lab.script(&format!("CREATE TABLE item (id {}, name VARCHAR(20) UNIQUE)", Db::GENERATED_KEY)).await;
        assert_eq!(kinds::<Item, Db>(lab).await, [MismatchKind::Nullable { column: "name" }]);
    }

    async fn another_type_is_told(lab) {
        lab.script(&format!("CREATE TABLE item (id {}, name BIGINT NOT NULL UNIQUE)", Db::GENERATED_KEY)).await;
        let found = kinds::<Item, Db>(lab).await;
        let other = MismatchKind::OtherType {
            column: "name",
            expected: words::<Db>("TEXT", "TEXT", "VARCHAR").into(),
            found: words::<Db>("INTEGER", "INT8", "BIGINT").into(),
        };
        assert_eq!(found, [other]);
    }

    async fn another_key_is_told(lab) {
        let generated = words::<Db>("DEFAULT 1", "GENERATED ALWAYS AS IDENTITY", "AUTO_INCREMENT, INDEX (id)");
        let create = format!("CREATE TABLE item (name VARCHAR(20) NOT NULL PRIMARY KEY, id BIGINT NOT NULL {generated})");
        lab.script(&create).await;
        let other = MismatchKind::OtherKey { expected: vec!["id"], found: vec!["name".into()] };
        assert_eq!(kinds::<Item, Db>(lab).await, [other]);
        // A unique index over the columns of the key is as good.
        lab.script("CREATE UNIQUE INDEX item_id ON item (id)").await;
        One::<Item, Db>::check_schema(&lab.pool).await.unwrap();
        lab.script(&format!("DROP TABLE item; {}", create.replace("PRIMARY KEY", "UNIQUE"))).await;
        let found = mismatch::<One<Item, Db>>(lab).await;
        assert!(found.to_string().contains("the entity's key is (id) and the primary key of `item` is missing"), "{found}");
    }

    async fn a_part_of_the_key_is_not_the_key(lab) {
        // The names need quotes, and one has them.
        let create = |key: &str| {
            let create = format!("CREATE TABLE [order] (order_id BIGINT NOT NULL, [group] INT NOT NULL, [when] VARCHAR(9) NOT NULL, PRIMARY KEY ({key}))");
            let when = words::<Db>(r#""say ""when"" `now`""#, r#""say ""when"" `now`""#, r#"`say "when" ``now```"#);
            let quote = words::<Db>("\"", "\"", "`");
            create.replace("[when]", when).replace(['[', ']'], quote)
        };
        lab.script(&create("order_id")).await;
        let other = MismatchKind::OtherKey { expected: vec!["order_id", "group"], found: vec!["order_id".into()] };
        assert_eq!(kinds::<Line, Db>(lab).await, [other]);
        // In any order.
        lab.script(&create("[group], order_id").replace("CREATE", words::<Db>("DROP TABLE \"order\"; CREATE", "DROP TABLE \"order\"; CREATE", "DROP TABLE `order`; CREATE"))).await;
        One::<Line, Db>::check_schema(&lab.pool).await.unwrap();
    }

    async fn a_key_that_nothing_generates_is_told(lab) {
        lab.script("CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE)").await;
        assert_eq!(kinds::<Item, Db>(lab).await, [MismatchKind::NotGenerated { column: "id" }]);
        // Any default is something.
        lab.script("DROP TABLE item; CREATE TABLE item (id BIGINT NOT NULL DEFAULT 7 PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE)").await;
        One::<Item, Db>::check_schema(&lab.pool).await.unwrap();
    }

    async fn a_column_that_is_not_unique_is_told(lab) {
        lab.script(&format!("CREATE TABLE item (id {}, name VARCHAR(20) NOT NULL)", Db::GENERATED_KEY)).await;
        let not_unique = [MismatchKind::NotUnique { column: "name" }];
        assert_eq!(kinds::<Item, Db>(lab).await, not_unique);
        // Not with another one, either.
        lab.script("CREATE UNIQUE INDEX both_of_them ON item (name, id); CREATE INDEX plain ON item (name)").await;
        assert_eq!(kinds::<Item, Db>(lab).await, not_unique);
        lab.script("CREATE UNIQUE INDEX alone ON item (name)").await;
        One::<Item, Db>::check_schema(&lab.pool).await.unwrap();
    }

    async fn a_column_that_inserts_would_miss_is_told(lab) {
        lab.script(&format!("CREATE TABLE item ({}, Tax INT NOT NULL, note TEXT)", item::<Db>())).await;
        let column = words::<Db>("Tax", "tax", "Tax");
        assert_eq!(kinds::<Item, Db>(lab).await, [MismatchKind::NotInEntity { column: column.into() }]);
    }

    async fn all_mismatches_of_all_entities_are_in_one_error(lab) {
        lab.script(&format!(
            "DROP TABLE blog; DROP TABLE post; CREATE TABLE blog (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20), extra INT NOT NULL); \
             CREATE TABLE post (id {}, blog_id VARCHAR(20) NOT NULL)", Db::GENERATED_KEY,
        )).await;
        let found = mismatch::<Shelf<Db>>(lab).await;
        let all: Vec<_> = found.mismatches().iter().map(|found| (found.entity(), found.column().unwrap())).collect();
        assert_eq!(all, [
            ("Post", "title"), ("Post", "blog_id"),
            ("Blog", "id"), ("Blog", "name"), ("Blog", "name"), ("Blog", "version"), ("Blog", "extra"),
        ]);
        let lines = found.to_string();
        assert_eq!(lines.lines().count(), 7, "{lines}");
        assert!(lines.lines().all(|line| line.contains("; ")), "each says what to do: {lines}");
        let error = Error::SchemaMismatch(found).to_string();
        assert!(error.starts_with("the entities and the schema of the database do not agree:\nPost: "), "{error}");
    }

    async fn an_entity_of_two_repositories_is_told_once(lab) {
        #[derive(UnitOfWork)]
        struct Twice<DB: Backend> where Item: Entity<DB> {
            session: Session<DB>,
            items: Lazy<Entities<Item, DB>>,
            again: Lazy<Entities<Item, DB>>,
        }
        assert_eq!(mismatch::<Twice<Db>>(lab).await.mismatches().len(), 1);
    }

    async fn a_view_has_its_columns_and_types_checked(lab) {
        let name = words::<Db>("CAST(7 AS TEXT)", "7::text", "CAST(7 AS CHAR)");
        lab.script(&format!("CREATE VIEW item AS SELECT id, {name} AS name FROM blog")).await;
        One::<Item, Db>::check_schema(&lab.pool).await.unwrap();
        lab.script("DROP VIEW item; CREATE VIEW item AS SELECT name AS id FROM blog").await;
        let found = kinds::<Item, Db>(lab).await;
        assert!(
            matches!(&*found, [MismatchKind::NoColumn { column: "name" }, MismatchKind::OtherType { column: "id", .. }]),
            "{found:?}"
        );
    }

    async fn the_connection_comes_back_clean(lab) {
        Shelf::<Db>::check_schema(&lab.pool).await.unwrap();
        lab.settled().await;
        assert!(One::<Item, Db>::check_schema(&lab.pool).await.unwrap_err().is_schema_mismatch());
        assert_eq!(lab.settled().await, 1, "it was handed back, not closed and made anew");
        lab.no_open_transactions().await;
        // Nobody is in the way of the next migration.
        lab.script("DROP TABLE blog; DROP TABLE post").await;
    }
}
