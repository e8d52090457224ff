//! What a flush makes of the database's answer: that cannot be read, or tells of fewer rows than were sent; and of what it
//! cannot even ask.

mod common;

use common::*;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Decode, Encode, Type};
use unit_of_work::{Entities, Retry, Scope};

/// Rows with keys of the application's own.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Item {
    #[uow(key)]
    id: i64,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Noted {
    #[uow(key, generated)]
    id: i64,
    name: String,
    #[uow(read_only)]
    note: String,
}

#[derive(UnitOfWork)]
struct Store<DB: Backend>
where
    Item: Entity<DB>,
    Noted: Entity<DB>,
{
    session: Session<DB>,
    items: Lazy<Entities<Item, DB>>,
    noted: Lazy<Entities<Noted, DB>>,
}

fn item(id: i64) -> Item {
    Item { id, name: format!("{id}") }
}

fn noted(name: &str) -> Noted {
    Noted { id: 0, name: name.into(), note: String::new() }
}

/// A text that not every value of can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Picky(String);

impl<DB: sqlx::Database> Type<DB> for Picky
where
    String: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        String::type_info()
    }

    fn compatible(info: &DB::TypeInfo) -> bool {
        String::compatible(info)
    }
}

impl<'q, DB: sqlx::Database> Encode<'q, DB> for Picky
where
    String: Encode<'q, DB>,
{
    fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        if self.0 == "unspeakable" { Err("it is unspeakable".into()) } else { self.0.encode_by_ref(buffer) }
    }
}

impl<'r, DB: sqlx::Database> Decode<'r, DB> for Picky
where
    String: Decode<'r, DB>,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
        String::decode(value).map(Self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Label {
    #[uow(key, generated)]
    id: i64,
    name: Picky,
}

#[derive(UnitOfWork)]
struct Labels<DB: Backend>
where
    Label: Entity<DB>,
{
    session: Session<DB>,
    labels: Lazy<Entities<Label, DB>>,
}

engines! {
    async fn an_insert_whose_answer_cannot_be_read_is_told_as_what_it_is(lab) {
        let key = Db::GENERATED_KEY;
        lab.script(&format!("CREATE TABLE noted (id {key}, name VARCHAR(50) NOT NULL, note INTEGER DEFAULT 5)")).await;
        let stored = async || Db::texts(&lab.outside, "SELECT concat(count(*)) FROM noted").await.remove(0);
        // MySQL sends no write without a transaction.
        let alone = <Db as sqlx::Database>::NAME != "MySQL";

        // `note` is a number, and no `String`. Sent alone the row is stored, and that is said, until the rollback.
        let mut db = Store::new(&lab.pool);
        db.noted().add(noted("a")).unwrap();
        let error = db.commit().await.unwrap_err();
        assert_eq!(error.is_ended_early(), alone, "{error}");
        assert!(!error.is_transient() && matches!(error.sqlx(), Some(sqlx::Error::ColumnDecode { .. })));
        if alone {
            assert!(error.to_string().contains("what the INSERT wrote is stored"), "{error}");
            assert!(matches!(error.cause(), Some(Cause::Stored { .. })));
            assert!(db.commit().await.unwrap_err().is_ended_early());
            assert!(Error::from(sqlx::raw_sql("SELECT 1").execute(db.session()).await.unwrap_err()).is_ended_early());
            assert!(db.rollback().await.unwrap_err().is_ended_early());
        } else {
            db.rollback().await.unwrap();
        }
        assert_eq!(db.noted().take_undone(), [noted("a")]);
        let mut expected = i32::from(alone);
        assert_eq!(stored().await, expected.to_string());

        // It is not tried again.
        let error = Store::options(&lab.pool)
            .retry(Retry::attempts(5).on_conflicts(true))
            .run(async |db: &mut Scope<Store<Db>>| db.noted().add(noted("b")).map(drop))
            .await
            .unwrap_err();
        assert_eq!(error.is_ended_early(), alone, "{error}");
        expected *= 2;
        assert_eq!(stored().await, expected.to_string());

        // In a transaction it is undone: by the flush, by the scope, or by the rollback of the unit.
        let mut db = Store::new(&lab.pool);
        sqlx::raw_sql("SELECT 1").execute(db.session()).await.unwrap();
        db.noted().add(noted("c")).unwrap();
        assert!(matches!(db.commit().await.unwrap_err(), Error::Sqlx(sqlx::Error::ColumnDecode { .. })));
        db.rollback().await.unwrap();
        assert!(matches!(db.noted().insert(noted("d")).await.unwrap_err(), Error::Sqlx(sqlx::Error::ColumnDecode { .. })));
        assert!(db.noted().is_empty());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        db.rollback().await.unwrap();
        let undone: Result<(), Error> = db.savepoint(async |db| db.noted().insert(noted("e")).await.map(drop)).await;
        undone.unwrap_err();
        db.items();
        db.commit().await.unwrap();
        assert_eq!(stored().await, expected.to_string());
        lab.settled().await;
    }

    async fn a_value_that_cannot_be_sent_names_its_entity(lab) {
        lab.script(&format!("CREATE TABLE label (id {}, name VARCHAR(50) NOT NULL)", Db::GENERATED_KEY)).await;
        let mut db = Labels::new(&lab.pool);
        let added: Vec<_> = ["a", "b", "unspeakable", "d"].map(|name| db.labels().add(Label { id: 0, name: Picky(name.into()) }).unwrap()).into();
        for _ in 0..2 {
            let error = db.commit().await.unwrap_err();
            assert!(error.to_string().contains("`Label` (new, number 3 of those added) could not be inserted"), "{error}");
            assert!(matches!(error.sqlx(), Some(sqlx::Error::Encode(_))));
        }
        db.labels().added(&added[2]).unwrap().name = Picky("c".into());
        db.commit().await.unwrap();
        db.labels().added(&added[0]);
        let keys: Vec<i64> = db.labels().iter().map(|label| label.id).collect();
        db.labels().iter_mut().for_each(|label| label.name.0.push('!'));
        db.labels().require(keys[1]).await.unwrap().name = Picky("unspeakable".into());
        let error = db.commit().await.unwrap_err();
        assert!(error.to_string().contains(&format!("`Label` {} could not be updated", keys[1])), "{error}");
        db.rollback().await.unwrap();
        // Nothing was sent, so nothing is spoiled.
        assert!(matches!(db.labels().insert(Label { id: 0, name: Picky("unspeakable".into()) }).await, Err(Error::NotStored { .. })));
        db.labels().insert(Label { id: 0, name: Picky("e".into()) }).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT name FROM label ORDER BY name").await, ["a", "b", "c", "d", "e"]);
    }
}

mod rows_that_are_left_out {
    use super::*;

    async fn left_out<DB: Engine>(lab: &Lab<DB>)
    where
        Item: Entity<DB, Key = i64>,
        Noted: Entity<DB, Key = i64>,
        Blog: Entity<DB, Key = i64>,
        Post: Entity<DB, Key = i64>,
    {
        let stored = async || DB::texts(&lab.outside, "SELECT count(*) || '' FROM item").await.remove(0);
        let mut db = Store::new(&lab.pool);
        db.noted().add(Noted { note: "made".into(), ..noted("begins a transaction") }).unwrap();
        db.flush().await.unwrap();
        for id in [1, 2, 13, 4, 5] {
            db.items().add(item(id)).unwrap();
        }
        for _ in 0..2 {
            let error = db.commit().await.unwrap_err();
            assert!(matches!(error, Error::NotStored { entity: "Item", during: "inserted", .. }), "{error}");
            assert!(error.to_string().contains("`Item` 13 could not be inserted"), "{error}");
            assert!(error.sqlx().unwrap().to_string().contains("answered with 0 rows"), "{error}");
        }
        db.items().remove(&13).unwrap();
        db.commit().await.unwrap();
        assert_eq!(stored().await, "4");

        // Without a transaction the others are stored.
        db.items().add(item(6)).unwrap();
        db.items().add(Item { id: 13, ..item(13) }).unwrap();
        let error = db.commit().await.unwrap_err();
        assert!(error.is_ended_early(), "{error}");
        assert!(db.rollback().await.unwrap_err().is_ended_early());
        assert_eq!(stored().await, "5");

        // One that was wanted now.
        assert!(db.items().insert(item(13)).await.is_err());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        assert_eq!(stored().await, "5");

        // Rows whose keys the database makes.
        let mut db = Shelf::new(&lab.pool);
        sqlx::Executor::execute(&mut *db.session(), sqlx::raw_sql("SELECT 1")).await.map(drop).unwrap();
        let added: Vec<_> =
            (0..30).map(|at| db.blogs().add(Blog::named(&format!("{at}"))).unwrap()).collect();
        let error = db.commit().await.unwrap_err();
        assert!(error.to_string().contains("number 14 of those added"), "{error}");
        db.blogs().remove_added(&added[13]);
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await.len(), 29);
    }

    uow_test_support::postgres_claim! {
        sqlx::Postgres, by_a_trigger, lab, {
            let key = <sqlx::Postgres as Engine>::GENERATED_KEY;
            lab.script(&format!(
                "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT NOT NULL); \
                 CREATE TABLE noted (id {key}, name TEXT NOT NULL, note TEXT NOT NULL DEFAULT ''); \
                 CREATE FUNCTION leave_out() RETURNS trigger AS \
                 'BEGIN IF NEW.name = ''13'' THEN RETURN NULL; END IF; RETURN NEW; END' LANGUAGE plpgsql; \
                 CREATE TRIGGER leave_out BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION leave_out(); \
                 CREATE TRIGGER leave_out BEFORE INSERT ON blog FOR EACH ROW EXECUTE FUNCTION leave_out()"
            ))
            .await;
            left_out(lab).await;
        }
    }

    #[test]
    fn by_a_conflict_clause() {
        Lab::<sqlx::Sqlite>::run("ignored", async |lab: &mut Lab<sqlx::Sqlite>| {
            lab.script(
                "CREATE TABLE item (id INTEGER PRIMARY KEY ON CONFLICT IGNORE, name TEXT NOT NULL); \
                 CREATE TABLE noted (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL DEFAULT ''); \
                 CREATE TRIGGER leave_out BEFORE INSERT ON item WHEN NEW.name = '13' BEGIN SELECT RAISE(IGNORE); END; \
                 CREATE TRIGGER leave_out_too BEFORE INSERT ON blog WHEN NEW.name = '13' BEGIN SELECT RAISE(IGNORE); END",
            )
            .await;
            left_out(lab).await;
            // Nor are those of an idle unit stored, which knows from the one before that their keys have to be returned.
            let mut db = Shelf::new(&lab.pool);
            for at in 0..30 {
                let name = if at == 13 { "13".to_owned() } else { format!("again {at}") };
                db.blogs().add(Blog::named(&name)).unwrap();
            }
            let error = db.commit().await.unwrap_err();
            assert!(error.to_string().contains("number 14 of those added"), "{error}");
            db.rollback().await.unwrap();
            assert_eq!(lab.blogs().await.len(), 29);
            // The row that is there is somebody else's.
            let mut db = Store::new(&lab.pool);
            db.items().add(item(1)).unwrap();
            assert!(db.commit().await.unwrap_err().is_ended_early());
        });
    }
}
