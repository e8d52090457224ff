//! Entities in a schema that is not the connection's own: another schema of PostgreSQL, another database of MySQL, an
//! attached one of SQLite. A table of the same name in its own one stays as it is.

mod common;

use std::path::Path;

use common::*;
use unit_of_work::Entities;

/// In a schema whose name no other test uses.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
#[uow(table = "thing", schema = "uow \"entities\" test")]
struct Thing {
    #[uow(key, generated)]
    id: i64,
    #[uow(unique)]
    name: String,
    #[uow(read_only)]
    note: String,
    #[uow(version)]
    version: i64,
}

#[derive(Debug, UnitOfWork)]
struct Attic<DB: Backend>
where
    Thing: Entity<DB>,
{
    session: Session<DB>,
    things: Lazy<Entities<Thing, DB>>,
}

fn thing(at: i64) -> Thing {
    Thing { id: 0, name: format!("thing {at}"), note: String::new(), version: 0 }
}

/// The schema's name, in quotes.
fn schema<DB: Engine>() -> &'static str {
    if DB::NAME == "MySQL" { "`uow \"entities\" test`" } else { "\"uow \"\"entities\"\" test\"" }
}

async fn make_tables<DB: Engine>(lab: &Lab<DB>, folder: &Path) {
    let thing = format!(
        "thing (id {}, name VARCHAR(50) NOT NULL UNIQUE, note VARCHAR(20) NOT NULL DEFAULT 'by default', version BIGINT NOT NULL)",
        DB::GENERATED_KEY
    );
    let schema = schema::<DB>();
    // One run at a time: the name is the same in all. (What SQLite attaches is one connection's.)
    lab.script(&match DB::NAME {
        "PostgreSQL" => format!(
            "SELECT pg_advisory_lock(470816); DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}"
        ),
        "MySQL" => format!(
            "DO get_lock('uow entities test', 60); DROP DATABASE IF EXISTS {schema}; CREATE DATABASE {schema}"
        ),
        _ => attach::<DB>(folder),
    })
    .await;
    lab.script(&format!("CREATE TABLE {schema}.{thing}; CREATE TABLE {thing}")).await;
}

/// In a file, which more than one connection can attach.
fn attach<DB: Engine>(folder: &Path) -> String {
    format!("ATTACH '{}' AS {}", folder.join("attached").display(), schema::<DB>())
}

async fn drop_tables<DB: Engine>(lab: &Lab<DB>) {
    let schema = schema::<DB>();
    lab.script(&match DB::NAME {
        "PostgreSQL" => format!("DROP SCHEMA {schema} CASCADE; SELECT pg_advisory_unlock(470816)"),
        "MySQL" => format!("DROP DATABASE {schema}; DO release_lock('uow entities test')"),
        _ => format!("DETACH {schema}"),
    })
    .await;
}

/// All that entities do, with things that are elsewhere.
async fn are_written_and_read<DB: Engine>(lab: &Lab<DB>, pool: &sqlx::Pool<DB>)
where
    Thing: Entity<DB, Key = i64>,
    for<'q> String: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
{
    let mut db = Attic::new(pool);
    let added: Vec<_> = (0..20).map(|at| db.things().add(thing(at)).unwrap()).collect();
    db.commit().await.unwrap();
    let ids: Vec<i64> = added.iter().map(|added| added.key().unwrap()).collect();
    assert!(db.things().iter().all(|thing| thing.note == "by default"));
    let mut fresh = Attic::new(&lab.outside);
    for (at, &id) in (0..).zip(&ids) {
        let expected = Thing { id, note: "by default".into(), ..thing(at) };
        assert_eq!(*fresh.things().require(id).await.unwrap(), expected);
    }
    fresh.rollback().await.unwrap();

    // Changed in one statement; upserted by the unique column and by the key; and one more.
    let mut db = Attic::new(pool);
    let like = sql::<DB>("name LIKE ? ORDER BY id");
    let found = db.things().query(like).bind("thing 1%".to_owned()).fetch().await.unwrap();
    assert_eq!(found.len(), 11);
    found.into_iter().for_each(|thing| thing.name.push_str(" changed"));
    db.commit().await.unwrap();
    let upserted = db.things().upsert(thing(0)).await.unwrap();
    assert_eq!((upserted.id, upserted.version), (ids[0], 1));
    let upserted = db.things().upsert(Thing { id: ids[2], name: "by key".into(), ..thing(2) }).await.unwrap();
    assert_eq!((upserted.name.as_str(), upserted.version), ("by key", 1));
    let upserted = db.things().upsert(thing(20)).await.unwrap();
    assert_eq!((upserted.version, upserted.note.as_str()), (0, "by default"));
    db.commit().await.unwrap();

    let changed =
        format!("UPDATE {}.thing SET note = 'of others', version = 7 WHERE id = {}", schema::<DB>(), ids[1]);
    lab.script(&changed).await;
    let refreshed = db.things().refresh(ids[1]).await.unwrap();
    assert_eq!((refreshed.note.as_str(), refreshed.version), ("of others", 7));
    let mut detached = Thing { id: ids[1], ..thing(1) };
    db.refresh(&mut detached).await.unwrap();
    assert_eq!(detached, *db.things().require(ids[1]).await.unwrap());

    // Those that are stale are found out there as well.
    let mut db = Attic::new(pool);
    db.things().all().fetch().await.unwrap().into_iter().for_each(|thing| thing.name.push('!'));
    let stale = format!("UPDATE {}.thing SET version = 9 WHERE id = {}", schema::<DB>(), ids[5]);
    sqlx::raw_sql(sqlx::AssertSqlSafe(stale)).execute(db.session()).await.unwrap();
    let error = db.commit().await.unwrap_err();
    assert_eq!(error.conflict().unwrap().rows()[0].key(), ids[5].to_string(), "{error}");
    db.rollback().await.unwrap();

    let mut db = Attic::new(pool);
    db.things().all().fetch().await.unwrap();
    ids[3..].iter().for_each(|id| db.things().remove(id).unwrap());
    db.commit().await.unwrap();
    let names = format!("SELECT name FROM {}.thing ORDER BY id", schema::<DB>());
    assert_eq!(DB::texts(&lab.outside, &names).await, ["thing 0", "thing 1 changed", "by key", "thing 20"]);
    lab.script(&format!("DELETE FROM {}.thing", schema::<DB>())).await;
    assert_eq!(
        DB::texts(&lab.outside, "SELECT name FROM thing").await,
        [""; 0],
        "of the connection's own schema"
    );
}

engines! {
    async fn entities_of_another_schema_are_written_and_read(lab) {
        let folder = tempfile::tempdir().unwrap();
        make_tables(lab, folder.path()).await;
        let pool = lab.pool_of(1).await;
        if <Db as sqlx::Database>::NAME == "SQLite" {
            sqlx::raw_sql(sqlx::AssertSqlSafe(attach::<Db>(folder.path()))).execute(&pool).await.unwrap();
        }
        are_written_and_read(lab, &pool).await;
        pool.close().await;
        drop_tables(lab).await;
    }
}

// What MySQL does: to it `RETURNING` is a comment, and the keys are told from the first; unless a trigger of that other database
// may have given them.
uow_test_support::mysql_claim! {
    sqlx::MySql, entities_of_another_database_without_returning, lab, {
        let folder = tempfile::tempdir().unwrap();
        make_tables(lab, folder.path()).await;
        let (pool, proxy) = lab.through_proxy(1).await;
        proxy.rewrite("/*M!100500", "/*M!999999");
        are_written_and_read(lab, &pool).await;
        let thing_there = format!("{}.thing", schema::<sqlx::MySql>());
        let own_keys = "BEFORE INSERT ON thing FOR EACH ROW SET NEW.id = floor(rand() * 1e15)".replace("thing", &thing_there);
        lab.script(&format!("CREATE TRIGGER {}.own_keys {own_keys}", schema::<sqlx::MySql>())).await;
        let mut db = Attic::new(&pool);
        let added: Vec<_> = (0..20).map(|at| db.things().add(thing(at)).unwrap()).collect();
        db.commit().await.unwrap();
        let mut fresh = Attic::new(&lab.outside);
        for (at, added) in (0..).zip(&added) {
            let id = added.key().unwrap();
            assert_eq!(fresh.things().require(id).await.unwrap().name, thing(at).name);
        }
        fresh.rollback().await.unwrap();
        pool.close().await;
        drop_tables(lab).await;
    }
}
