//! Locked rows of tracked entities: what is taken over from them, and what is a conflict.

mod common;

use common::*;
use sqlx::types::chrono::{DateTime, Utc};
use unit_of_work::{Entities, Lock, Retry};

#[derive(Debug, UnitOfWork)]
struct Desk<DB: Backend>
where
    Note: Entity<DB>,
    Blog: Entity<DB>,
{
    session: Session<DB>,
    notes: Lazy<Entities<Note, DB>>,
    blogs: Lazy<Entities<Blog, DB>>,
}

/// No version; a time that two of the engines store less exactly than it is given; and a column of the database's own.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Note {
    #[uow(key)]
    id: i64,
    text: String,
    noted_at: DateTime<Utc>,
    #[uow(read_only)]
    stamp: i64,
}

fn note(id: i64) -> Note {
    let noted_at = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    Note { id, text: "as it was".into(), noted_at, stamp: 0 }
}

async fn make_table<DB: Engine>(lab: &Lab<DB>) {
    let time = if DB::NAME == "PostgreSQL" { "TIMESTAMPTZ" } else { "TIMESTAMP" };
    lab.script(&format!(
        "CREATE TABLE note (id BIGINT NOT NULL PRIMARY KEY, text VARCHAR(50) NOT NULL, noted_at {time} NOT NULL, \
         stamp BIGINT NOT NULL DEFAULT 7)"
    ))
    .await;
}

async fn behind<DB: Backend>(session: &mut Session<DB>, text: &'static str)
where
    for<'c> &'c mut Session<DB>: sqlx::Executor<'c, Database = DB>,
{
    session.execute(sqlx::raw_sql(text)).await.unwrap();
}

engines! {
    async fn a_lock_takes_no_offence_at_what_the_unit_wrote_itself(lab) {
        make_table(lab).await;
        let mut db = Desk::new(&lab.pool);
        db.notes().add(note(1)).unwrap();
        db.commit().await.unwrap();
        db.notes().require(1).await.unwrap().text = "changed".into();
        let locked = db.notes().lock(1, Lock::Wait).await.unwrap().unwrap();
        assert_eq!((locked.text.as_str(), locked.noted_at.timestamp()), ("changed", note(1).noted_at.timestamp()));
        // As a trigger would, that says when a row was changed.
        behind(db.session(), "UPDATE note SET stamp = 8").await;
        let locked = db.notes().lock(1, Lock::Wait).await.unwrap().unwrap();
        assert_eq!((locked.text.as_str(), locked.stamp), ("changed", 8));
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT text FROM note").await, ["changed"]);
        // Once it was read, a change of another's is one.
        db.notes().refresh(1).await.unwrap().text = "mine".into();
        behind(db.session(), "UPDATE note SET text = 'theirs'").await;
        let error = db.notes().lock(1, Lock::Wait).await.unwrap_err();
        assert!(error.to_string().contains("Note 1 (changed)"), "{error}");
        let conflict = error.conflict().unwrap();
        db.notes().take_theirs(conflict).await.unwrap();
        assert_eq!(db.notes().lock(1, Lock::Wait).await.unwrap().unwrap().text, "theirs");
    }

    async fn what_is_locked_and_not_edited_is_as_it_is_stored(lab) {
        make_table(lab).await;
        let mut db = Desk::new(&lab.pool);
        db.notes().add(note(1)).unwrap();
        db.commit().await.unwrap();
        db.notes().refresh(1).await.unwrap();
        behind(db.session(), "UPDATE note SET text = 'theirs'").await;
        assert_eq!(db.notes().lock(1, Lock::Wait).await.unwrap().unwrap().text, "theirs");
        behind(db.session(), "UPDATE note SET text = 'theirs again'").await;
        let locked = db.notes().query("id = 1").lock(Lock::Wait).fetch().await.unwrap();
        assert_eq!(locked[0].text, "theirs again");
    }

    async fn a_removal_stands_when_its_row_is_locked(lab) {
        make_table(lab).await;
        let mut db = Desk::new(&lab.pool);
        db.notes().add(note(1)).unwrap();
        db.commit().await.unwrap();
        db.notes().refresh(1).await.unwrap();
        db.notes().remove(&1).unwrap();
        behind(db.session(), "UPDATE note SET text = 'theirs'").await;
        assert!(db.notes().lock(1, Lock::Wait).await.unwrap().is_none());
        assert!(db.notes().query("id = 1").lock(Lock::Wait).fetch().await.unwrap().is_empty());
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT text FROM note").await, [""; 0]);
    }

    async fn a_lock_in_a_scope_that_is_undone_leaves_the_entity_as_it_was(lab) {
        make_table(lab).await;
        let mut db = Desk::new(&lab.pool);
        db.notes().add(note(1)).unwrap();
        db.commit().await.unwrap();
        let before = db.notes().refresh(1).await.unwrap().clone();
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                behind(db.session(), "UPDATE note SET text = 'in the scope'").await;
                assert_eq!(db.notes().lock(1, Lock::Wait).await?.unwrap().text, "in the scope");
                Err(Error::Busy)
            })
            .await;
        assert!(undone.unwrap_err().is_busy());
        assert_eq!(*db.notes().require(1).await.unwrap(), before);
        db.notes().require(1).await.unwrap().text = "after it".into();
        assert_eq!(db.notes().lock(1, Lock::Wait).await.unwrap().unwrap().text, "after it");
    }

    async fn a_locking_query_names_every_row_that_is_stale_and_run_may_try_again(lab) {
        let mut db = Desk::new(&lab.pool);
        for name in ["a", "b", "c"] {
            db.blogs().add(Blog::named(name)).unwrap();
        }
        db.commit().await.unwrap();
        let attempts = std::sync::atomic::AtomicU32::new(0);
        Desk::options(&lab.pool)
            .retry(Retry::attempts(2).on_conflicts(true))
            .run(async |db: &mut unit_of_work::Scope<Desk<Db>>| {
                let first = attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                db.blogs().all().fetch().await?;
                if first {
                    behind(db.session(), "UPDATE blog SET version = 5, name = concat(name, '!') WHERE name <> 'c'").await;
                }
                let locked = db.blogs().query("1 = 1 ORDER BY id").lock(Lock::Wait).fetch().await;
                if first {
                    let error = locked.unwrap_err();
                    assert_eq!(error.conflict().unwrap().rows().len(), 2, "{error}");
                    // None of them was taken over.
                    assert!(db.blogs().iter().all(|blog| blog.version == 0));
                    return Err(error);
                }
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(attempts.into_inner(), 2);
    }
}
