//! What is read, what is sent for it, and repositories that keep entities of their own.

mod common;

use common::*;
use unit_of_work::{Entities, EntitySets, Lock};

/// A repository written by hand, around entities.
#[derive(Debug)]
struct Drafts<DB: Backend, const HANDED_ON: bool>
where
    Blog: Entity<DB>,
{
    all: Entities<Blog, DB>,
    drafts: Vec<&'static str>,
}

impl<DB: Backend, const HANDED_ON: bool> Repository for Drafts<DB, HANDED_ON>
where
    Blog: Entity<DB, Key = i64>,
{
    type Database = DB;

    fn new(session: Session<DB>) -> Self {
        Self { all: Entities::new(session), drafts: Vec::new() }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.drafts.drain(..).try_for_each(|name| self.all.add(Blog::named(name)).map(drop))
    }

    fn entity_sets<'r>(&'r mut self, sets: &mut EntitySets<'r, DB>) {
        if HANDED_ON {
            self.all.entity_sets(sets);
        }
    }
}

#[derive(Debug, UnitOfWork)]
struct Desk<DB: Backend, const HANDED_ON: bool>
where
    Blog: Entity<DB, Key = i64>,
    Post: Entity<DB>,
{
    session: Session<DB>,
    drafts: Lazy<Drafts<DB, HANDED_ON>>,
    posts: Lazy<Entities<Post, DB>>,
}

engines! {
    async fn entities_in_a_repository_written_by_hand_are_written(lab) {
        let mut db: Desk<Db, true> = Desk::new(&lab.pool);
        db.drafts().drafts.push("a");
        db.posts().add(Post::titled("p")).unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["a"]);
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                db.drafts().all.add(Blog::named("b"))?;
                db.flush().await?;
                Err(Error::Busy)
            })
            .await;
        undone.unwrap_err();
        assert_eq!(db.drafts().all.len(), 1);
    }

    async fn entities_that_are_kept_from_the_unit_are_told(lab) {
        let mut db: Desk<Db, false> = Desk::new(&lab.pool);
        db.posts().add(Post::titled("p")).unwrap();
        db.commit().await.unwrap();
        db.drafts().drafts.push("a");
        for _ in 0..2 {
            let error = db.commit().await.unwrap_err();
            assert!(matches!(error, Error::EntitiesKeptBack), "{error}");
        }
        assert!(matches!(db.flush().await.unwrap_err(), Error::EntitiesKeptBack));
        db.rollback().await.unwrap();
        let run: Result<(), Error> = Desk::<Db, false>::options(&lab.pool)
            .run(async |db: &mut unit_of_work::Scope<Desk<Db, false>>| {
                db.drafts();
                Ok(())
            })
            .await;
        assert!(matches!(run.unwrap_err(), Error::EntitiesKeptBack));
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn refresh_takes_local_changes_back_and_later_ones_are_written(lab) {
        let mut db = Shelf::new(&lab.pool);
        let id = db.blogs().insert(Blog::named("stored")).await.unwrap().id;
        db.commit().await.unwrap();
        db.blogs().require(id).await.unwrap().name = "edited".into();
        assert_eq!(db.blogs().refresh(id).await.unwrap().name, "stored");
        db.commit().await.unwrap();
        let stored = "SELECT concat(name, ' ', version) FROM blog";
        assert_eq!(Db::texts(&lab.outside, stored).await, ["stored 0"], "it is not changed any more");
        db.blogs().require(id).await.unwrap().name = "edited again".into();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, stored).await, ["edited again 1"]);
    }

    async fn what_was_only_added_stays_when_it_is_refreshed(lab) {
        let mut db = Shelf::new(&lab.pool);
        db.blogs().add(Blog { id: 7, ..Blog::named("a") }).unwrap();
        assert!(db.blogs().refresh(7).await.unwrap_err().is_row_gone());
        lab.script("INSERT INTO blog (id, name) VALUES (7, 'theirs')").await;
        assert!(matches!(db.blogs().refresh(7).await.unwrap_err(), Error::AlreadyTracked { .. }));
        lab.script("DELETE FROM blog").await;
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["a"]);
    }

    async fn an_entity_is_as_it_was_until_it_is_refreshed(lab) {
        let mut first = Shelf::new(&lab.pool);
        let id = first.blogs().insert(Blog::named("ed")).await.unwrap().id;
        first.commit().await.unwrap();
        let mut second = Shelf::new(&lab.pool);
        second.blogs().require(id).await.unwrap().name = "will".into();
        second.commit().await.unwrap();
        assert_eq!(first.blogs().require(id).await.unwrap().name, "ed");
        assert_eq!(first.blogs().refresh(id).await.unwrap().name, "will");
        // And what is taken out of a unit outlives it.
        let kept = first.blogs().iter().next().cloned().unwrap();
        drop(first);
        assert_eq!(kept.name, "will");
    }

    async fn many_rows_are_read_by_key_at_once(lab) {
        let mut db = Shelf::new(&lab.pool);
        let added: Vec<_> = (0..1200).map(|at| db.blogs().add(Blog::named(&at.to_string())).unwrap()).collect();
        db.commit().await.unwrap();
        let mut keys = [0; 1200];
        keys.iter_mut().zip(&added).for_each(|(key, added)| *key = added.key().unwrap());
        keys.reverse();
        let mut db = Shelf::new(&lab.pool);
        let blogs = Box::pin(db.blogs().get_many(keys)).await.unwrap();
        assert!(blogs.iter().zip(keys).all(|(blog, key)| blog.id == key));
        assert_eq!(blogs[1199].name, "0");
    }
}

mod on_the_wire {
    use super::*;

    uow_test_support::servers! {
        async fn what_is_tracked_is_not_asked_for_again(lab) {
            let mut db = Shelf::new(&lab.pool);
            let ids = ["a", "b"].map(|name| db.blogs().add(Blog::named(name)).unwrap());
            db.commit().await.unwrap();
            let [a, b] = ids.map(|added| added.key().unwrap());

            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Shelf::new(&pool);
            db.blogs().require(a).await.unwrap();
            let count = async |db: &mut Shelf<Db>, what: &str| {
                let before = proxy.round_trips();
                match what {
                    "get" => drop(db.blogs().get(a).await.unwrap().unwrap()),
                    "get_many" => drop(db.blogs().get_many([a]).await.unwrap()),
                    "lock" => drop(db.blogs().lock(a, Lock::Wait).await.unwrap().unwrap()),
                    "other" => drop(db.blogs().get(b).await.unwrap().unwrap()),
                    _ => db.flush().await.unwrap(),
                }
                proxy.round_trips() - before
            };
            for what in ["get", "get_many", "get", "flush"] {
                assert_eq!(count(&mut db, what).await, 0, "{what}");
            }
            // The first of its kind is prepared as well.
            count(&mut db, "lock").await;
            assert_eq!(count(&mut db, "lock").await, 1);
            assert_eq!(count(&mut db, "other").await, 1);
            assert_eq!(count(&mut db, "other").await, 0);
            db.rollback().await.unwrap();
            assert!(db.blogs().is_empty());
            assert!(count(&mut db, "get").await >= 1, "what is forgotten is asked for again");
        }
    }
}

mod on_sqlite {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Entity)]
    #[uow(table = "blog")]
    struct Misnamed {
        #[uow(key, generated)]
        id: i64,
        nick: String,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Entity)]
    #[uow(table = "blog")]
    struct Unkeyed {
        #[uow(key)]
        ident: String,
        name: String,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Entity)]
    #[uow(table = "blog")]
    struct Defaulted {
        #[uow(key, generated)]
        id: i64,
        name: String,
        #[uow(read_only)]
        nick: String,
    }

    #[derive(Debug, UnitOfWork)]
    struct Wrong {
        session: Session<sqlx::Sqlite>,
        misnamed: Lazy<Entities<Misnamed, sqlx::Sqlite>>,
        unkeyed: Lazy<Entities<Unkeyed, sqlx::Sqlite>>,
        defaulted: Lazy<Entities<Defaulted, sqlx::Sqlite>>,
    }

    #[test]
    fn a_column_that_does_not_exist_is_an_error() {
        Lab::<sqlx::Sqlite>::run("misnamed", async |lab: &mut Lab<sqlx::Sqlite>| {
            lab.script("INSERT INTO blog (name) VALUES ('a')").await;
            let mut db = Wrong::new(&lab.pool);
            let no_such = |error: Error| assert!(error.to_string().contains("no such column"), "{error}");
            no_such(db.misnamed().refresh(1).await.unwrap_err());
            no_such(db.misnamed().all().fetch().await.unwrap_err());
            db.rollback().await.unwrap();
            no_such(db.unkeyed().get("ident".into()).await.unwrap_err());
            db.rollback().await.unwrap();
            let new = Defaulted { id: 0, name: "b".into(), nick: String::new() };
            no_such(db.defaulted().insert(new.clone()).await.unwrap_err());
            db.rollback().await.unwrap();
            no_such(db.defaulted().upsert(Defaulted { id: 1, ..new }).await.unwrap_err());
            db.rollback().await.unwrap();
            assert_eq!(lab.blogs().await, ["a"]);
        });
    }
}
