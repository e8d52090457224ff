//! Optimistic versions, and rows that are locked.

mod common;

use common::*;
use unit_of_work::{Found, Lock, Retry};

/// Three blogs, `a`, `b` and `c`, and their keys.
async fn three<DB: Engine>(lab: &Lab<DB>) -> [i64; 3]
where
    Blog: Entity<DB, Key = i64>,
    Post: Entity<DB, Key = i64>,
{
    let mut db = Shelf::new(&lab.pool);
    let added = ["a", "b", "c"].map(|name| db.blogs().add(Blog::named(name)).unwrap());
    db.commit().await.unwrap();
    added.map(|added| added.key().unwrap())
}

/// The names and versions that are stored.
async fn stored<DB: Engine>(lab: &Lab<DB>) -> Vec<String> {
    DB::texts(&lab.outside, "SELECT concat(name, ' ', version) FROM blog ORDER BY id").await
}

engines! {
    async fn every_stale_row_is_named_and_nothing_is_stored(lab) {
        let [_, b, c] = three(lab).await;
        let mut mine = Shelf::new(&lab.pool);
        for blog in mine.blogs().query("1 = 1 ORDER BY id").fetch().await.unwrap() {
            blog.name.push('!');
        }
        // What others do is done in the same transaction here, out of the entities' sight: SQLite has but one writer.
        let behind = format!("UPDATE blog SET version = version + 1, name = 'theirs' WHERE id = {b}; DELETE FROM blog WHERE id = {c}");
        for statement in behind.split("; ") {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(mine.session()).await.unwrap();
        }

        let error = mine.commit().await.unwrap_err();
        let conflict = error.conflict().unwrap_or_else(|| panic!("{error}")).clone();
        let named: Vec<_> = conflict.rows().iter().map(|row| (row.entity(), row.key().to_owned(), row.expected(), row.found())).collect();
        assert_eq!(named, [("Blog", b.to_string(), Some(0), Found::Version(1)), ("Blog", c.to_string(), Some(0), Found::Gone)]);
        assert!(error.to_string().contains(&format!("Blog {b} (version 0 expected, 1 found)")), "{error}");

        // Stale it stays, however often it is tried, and with whatever values.
        assert!(mine.commit().await.unwrap_err().is_conflict());
        mine.blogs().get(b).await.unwrap().unwrap().name = "b?".into();
        assert!(mine.commit().await.unwrap_err().is_conflict());

        mine.blogs().merge(&conflict, |mine, theirs| mine.name = format!("{} and {}", mine.name, theirs.name)).await.unwrap();
        mine.commit().await.unwrap();
        assert_eq!(stored(lab).await, ["a! 1", "b? and theirs 2", "c! 0"]);
    }

    async fn a_conflict_is_settled_by_keeping_either(lab) {
        let [a, b, _] = three(lab).await;
        for keep_mine in [true, false] {
            let mut db = Shelf::new(&lab.pool);
            for blog in db.blogs().get_many([a, b]).await.unwrap() {
                blog.name = format!("mine {keep_mine} {}", blog.id);
            }
            sqlx::raw_sql("UPDATE blog SET version = version + 1").execute(db.session()).await.unwrap();
            let error = db.commit().await.unwrap_err();
            let conflict = error.conflict().unwrap();
            assert_eq!(conflict.rows().len(), 2);
            if keep_mine {
                db.blogs().keep_mine(conflict).await.unwrap();
            } else {
                db.blogs().take_theirs(conflict).await.unwrap();
            }
            db.commit().await.unwrap();
            let name = format!("mine true {a}");
            assert_eq!(db.blogs().get(a).await.unwrap().unwrap().name, name);
            db.rollback().await.unwrap();
        }
        assert_eq!(stored(lab).await, [format!("mine true {a} 3"), format!("mine true {b} 3"), "c 2".to_owned()]);
    }

    async fn a_conflict_is_told_from_another_failure_and_can_be_let_be(lab) {
        let [a, b, _] = three(lab).await;
        let mut db = Shelf::new(&lab.pool);
        for taken in [true, false] {
            let outcome: Result<(), Error> = db
                .savepoint(async |db| {
                    db.blogs().require(a).await?.name = if taken { "b".into() } else { "late".into() };
                    if !taken {
                        sqlx::raw_sql("UPDATE blog SET version = version + 1 WHERE name = 'a'").execute(db.session()).await?;
                    }
                    db.flush().await
                })
                .await;
            let error = outcome.unwrap_err();
            assert_eq!((error.is_conflict(), error.conflict().is_some()), (!taken, !taken), "{error}");
            assert_eq!(matches!(error, Error::NotStored { .. }), taken, "{error}");
            if let Some(conflict) = error.conflict() {
                let rows: Vec<_> = conflict.rows().iter().map(|row| row.key().to_owned()).collect();
                assert_eq!(rows, [a.to_string()]);
            }
        }
        // Either is over with its scope, and what else the unit does is stored.
        db.blogs().require(b).await.unwrap().name.push('!');
        db.commit().await.unwrap();
        assert_eq!(stored(lab).await, ["a 0", "b! 1", "c 0"]);
    }

    async fn a_stale_row_is_not_deleted_and_its_companions_neither(lab) {
        let [a, b, _] = three(lab).await;
        let mut db = Shelf::new(&lab.pool);
        db.blogs().get_many([a, b]).await.unwrap();
        db.blogs().remove(&a).unwrap();
        db.blogs().remove(&b).unwrap();
        sqlx::query(sql::<Db>("UPDATE blog SET version = 9 WHERE id = ?")).bind(b).execute(db.session()).await.unwrap();
        let error = db.commit().await.unwrap_err();
        assert_eq!(error.conflict().unwrap().rows().len(), 1);
        db.blogs().take_theirs(error.conflict().unwrap()).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(stored(lab).await, ["b 9", "c 0"]);
    }

    async fn what_is_gone_already_need_not_be_deleted(lab) {
        let [a, b, c] = three(lab).await;
        let mut db = Shelf::new(&lab.pool);
        db.blogs().get_many([a, b]).await.unwrap();
        db.blogs().remove(&a).unwrap();
        db.blogs().remove(&b).unwrap();
        sqlx::query(sql::<Db>("DELETE FROM blog WHERE id = ?")).bind(b).execute(db.session()).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(stored(lab).await, ["c 0"]);

        // Nor is its key taken by it, before the commit as after.
        db.blogs().require(c).await.unwrap();
        db.blogs().remove(&c).unwrap();
        sqlx::raw_sql("DELETE FROM blog").execute(db.session()).await.unwrap();
        db.flush().await.unwrap();
        db.blogs().add(Blog { id: c, ..Blog::named("again") }).unwrap();
        db.commit().await.unwrap();
        assert_eq!(stored(lab).await, ["again 0"]);
    }

    async fn an_entity_without_a_version_that_vanished_is_told(lab) {
        let mut db = Shelf::new(&lab.pool);
        let post = db.posts().insert(Post::titled("p")).await.unwrap().id;
        db.commit().await.unwrap();
        db.posts().require(post).await.unwrap().title = "changed".into();
        lab.script("DELETE FROM post").await;
        let error = db.commit().await.unwrap_err();
        let rows = error.conflict().unwrap().rows();
        assert_eq!((rows[0].entity(), rows[0].found()), ("Post", Found::Gone));
        db.posts().keep_mine(error.conflict().unwrap()).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT title FROM post").await, ["changed"]);
    }

    async fn a_version_that_the_application_chose_is_stored(lab) {
        let [a, ..] = three(lab).await;
        let mut db = Shelf::new(&lab.pool);
        let blog = db.blogs().require(a).await.unwrap();
        blog.version = 40;
        blog.name = "mine".into();
        db.commit().await.unwrap();
        assert_eq!(stored(lab).await[0], "mine 40");
        db.blogs().require(a).await.unwrap().name = "mine again".into();
        db.commit().await.unwrap();
        assert_eq!(stored(lab).await[0], "mine again 41");
    }

    async fn what_follows_a_version_that_the_application_chose_still_matches(lab) {
        let [a, b, c] = three(lab).await;
        let mut db = Shelf::new(&lab.pool);
        db.blogs().get_many([a, b]).await.unwrap().into_iter().for_each(|blog| blog.version = 40);
        db.commit().await.unwrap();
        // A delete finds the row by the version that was stored, in whatever state the entity is.
        db.blogs().require(a).await.unwrap().version = 50;
        db.blogs().remove(&a).unwrap();
        // Numbers that others skipped are as good.
        db.blogs().require(c).await.unwrap();
        sqlx::raw_sql("UPDATE blog SET version = 1000 WHERE name = 'c'").execute(db.session()).await.unwrap();
        db.blogs().refresh(c).await.unwrap().name.push('!');
        db.commit().await.unwrap();
        assert_eq!(stored(lab).await, ["b 40", "c! 1001"]);
    }

    async fn a_change_of_the_children_is_none_of_the_parent(lab) {
        let [a, ..] = three(lab).await;
        let mut db = Shelf::new(&lab.pool);
        db.blogs().require(a).await.unwrap();
        let post = db.posts().add(Post { blog_id: a, ..Post::titled("p") }).unwrap();
        db.commit().await.unwrap();
        db.posts().require(post.key().unwrap()).await.unwrap().title.push('!');
        db.commit().await.unwrap();
        db.posts().remove(&post.key().unwrap()).unwrap();
        db.commit().await.unwrap();
        assert_eq!(stored(lab).await, ["a 0", "b 0", "c 0"]);
    }

    async fn what_has_no_version_and_is_gone_already_need_not_be_deleted(lab) {
        let mut db = Shelf::new(&lab.pool);
        let posts = ["a", "b"].map(|title| db.posts().add(Post::titled(title)).unwrap());
        db.commit().await.unwrap();
        for post in &posts {
            db.posts().remove(&post.key().unwrap()).unwrap();
        }
        lab.script("DELETE FROM post WHERE title = 'a'").await;
        db.commit().await.unwrap();
        assert!(db.posts().is_empty());
        assert_eq!(Db::texts(&lab.outside, "SELECT title FROM post").await, [""; 0]);
    }

    async fn one_stale_row_of_a_batch_keeps_the_others_from_being_stored(lab) {
        // Nothing is open when it is committed, and the batch would be one statement.
        let [a, b, c] = three(lab).await;
        let mut db = Shelf::new(&lab.pool);
        db.blogs().get_many([a, b, c]).await.unwrap();
        db.commit().await.unwrap();
        lab.script("UPDATE blog SET version = 7 WHERE name = 'b'").await;
        for blog in db.blogs().iter_mut() {
            blog.name.push('!');
        }
        let error = db.commit().await.unwrap_err();
        assert_eq!(error.conflict().unwrap().rows().len(), 1, "{error}");
        assert_eq!(stored(lab).await, ["a 0", "b 7", "c 0"]);
        db.rollback().await.unwrap();
        for removed in [a, b, c] {
            db.blogs().require(removed).await.unwrap();
        }
        db.commit().await.unwrap();
        lab.script("UPDATE blog SET version = 8 WHERE name = 'b'").await;
        for removed in [a, b, c] {
            db.blogs().remove(&removed).unwrap();
        }
        assert!(db.commit().await.unwrap_err().is_conflict());
        assert_eq!(stored(lab).await, ["a 0", "b 8", "c 0"]);
    }

    async fn a_conflict_of_one_row_alone_leaves_no_transaction_open(lab) {
        let [a, ..] = three(lab).await;
        let mut db = Shelf::new(&lab.pool);
        db.blogs().require(a).await.unwrap();
        db.commit().await.unwrap();
        lab.script("UPDATE blog SET version = 7").await;
        db.blogs().require(a).await.unwrap().name.push('!');
        let error = db.commit().await.unwrap_err();
        assert!(error.to_string().contains("version 0 expected, 7 found"), "{error}");
        // MySQL writes nothing without a transaction.
        let expected = if <Db as sqlx::Database>::NAME == "MySQL" { SessionState::Open } else { SessionState::Idle };
        assert_eq!(db.session().state(), expected);
        db.blogs().keep_mine(error.conflict().unwrap()).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(stored(lab).await[0], "a! 8");
    }

    async fn only_the_columns_that_changed_are_written(lab) {
        let mut db = Shelf::new(&lab.pool);
        let posts = ["a", "b"].map(|title| db.posts().add(Post::titled(title)).unwrap());
        db.commit().await.unwrap();
        for post in db.posts().iter_mut() {
            post.title.push('!');
        }
        // What is not changed here may be changed there.
        lab.script("UPDATE post SET blog_id = 9").await;
        db.commit().await.unwrap();
        let texts = Db::texts(&lab.outside, "SELECT concat(title, ' ', blog_id) FROM post ORDER BY id").await;
        assert_eq!(texts, ["a! 9", "b! 9"]);
        lab.script("UPDATE post SET blog_id = 10").await;
        db.posts().require(posts[0].key().unwrap()).await.unwrap().title.push('!');
        db.commit().await.unwrap();
        let texts = Db::texts(&lab.outside, "SELECT concat(title, ' ', blog_id) FROM post ORDER BY id").await;
        assert_eq!(texts, ["a!! 10", "b! 10"]);
    }

    async fn units_that_lock_a_row_count_every_one(lab) {
        let [a, ..] = three(lab).await;
        lab.script("UPDATE blog SET name = '1' WHERE name = 'a'").await;
        let start = std::sync::Arc::new(tokio::sync::Barrier::new(2));
        let tasks = (0..2).map(|_| {
            let (pool, start) = (lab.pool.clone(), std::sync::Arc::clone(&start));
            tokio::spawn(async move {
                let mut db = Shelf::new(&pool);
                // Both have read it before either locks it.
                db.blogs().require(a).await?;
                db.rollback().await?;
                start.wait().await;
                let blog = db.blogs().lock(a, Lock::Wait).await?.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                blog.name = (blog.name.parse::<i64>().unwrap() + 1).to_string();
                db.commit().await
            })
        });
        for task in futures_util::future::join_all(tasks).await {
            task.unwrap().unwrap();
        }
        assert_eq!(stored(lab).await[0], "3 2");
    }

    async fn a_conflict_may_be_a_reason_to_try_again(lab) {
        let [a, ..] = three(lab).await;
        let count = async |retry: Retry| {
            let attempts = std::sync::atomic::AtomicU32::new(0);
            let outcome: Result<(), Error> = Shelf::options(&lab.pool)
                .retry(retry)
                .run(async |db: &mut unit_of_work::Scope<Shelf<Db>>| {
                    let first = attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                    db.blogs().require(a).await?.name.push('+');
                    if first {
                        sqlx::raw_sql("UPDATE blog SET version = version + 1").execute(db.session()).await?;
                    }
                    Ok(())
                })
                .await;
            (outcome, attempts.into_inner())
        };
        let (outcome, attempts) = count(Retry::attempts(3)).await;
        assert!(outcome.unwrap_err().is_conflict());
        assert_eq!(attempts, 1);
        let (outcome, attempts) = count(Retry::attempts(3).on_conflicts(true)).await;
        outcome.unwrap();
        assert_eq!(attempts, 2);
        assert_eq!(stored(lab).await[0], "a+ 1");
    }

    async fn a_locked_row_that_is_not_as_it_was_read_is_told(lab) {
        let [a, ..] = three(lab).await;
        let mut db = Shelf::new(&lab.pool);
        assert_eq!(db.blogs().lock(a, Lock::Wait).await.unwrap().unwrap().name, "a");
        db.commit().await.unwrap();
        lab.script("UPDATE blog SET version = 7").await;
        let error = db.blogs().lock(a, Lock::Wait).await.unwrap_err();
        assert!(error.to_string().contains("version 0 expected, 7 found"), "{error}");
        db.blogs().refresh(a).await.unwrap();
        assert_eq!(db.blogs().lock(a, Lock::Wait).await.unwrap().unwrap().version, 7);
        assert!(db.blogs().lock(4711, Lock::Wait).await.unwrap().is_none());
    }
}

mod between_units {
    use super::*;

    uow_test_support::servers! {
        async fn two_units_on_one_row_one_is_told(lab) {
            let [a, b, _] = three(lab).await;
            let (mut first, mut second) = (Shelf::new(&lab.pool), Shelf::new(&lab.pool));
            for db in [&mut first, &mut second] {
                for blog in db.blogs().get_many([a, b]).await.unwrap() {
                    blog.name.push('+');
                }
            }
            second.blogs().require(b).await.unwrap().name = "b".into();
            second.commit().await.unwrap();
            let error = first.commit().await.unwrap_err();
            let rows = error.conflict().unwrap_or_else(|| panic!("{error}")).rows();
            assert_eq!((rows.len(), rows[0].key()), (1, a.to_string().as_str()));
            first.rollback().await.unwrap();
            first.blogs().require(a).await.unwrap().name.push('+');
            first.commit().await.unwrap();
            assert_eq!(stored(lab).await, ["a++ 2", "b 0", "c 0"]);
        }

        async fn a_row_that_one_unit_deletes_and_another_changes_is_told(lab) {
            let [a, b, c] = three(lab).await;
            // Deleted here and changed there.
            let (mut first, mut second) = (Shelf::new(&lab.pool), Shelf::new(&lab.pool));
            for db in [&mut first, &mut second] {
                db.blogs().get_many([a, b, c]).await.unwrap();
            }
            first.blogs().remove(&a).unwrap();
            second.blogs().require(a).await.unwrap().name.push('+');
            second.blogs().remove(&b).unwrap();
            second.commit().await.unwrap();
            let error = first.commit().await.unwrap_err();
            assert_eq!(error.conflict().unwrap().rows()[0].found(), Found::Version(1));
            first.rollback().await.unwrap();
            assert_eq!(first.blogs().require(a).await.unwrap().name, "a+");
            // Changed here and deleted there.
            assert!(first.blogs().get(b).await.unwrap().is_none());
            first.blogs().require(c).await.unwrap().name.push('+');
            second.blogs().remove(&c).unwrap();
            second.commit().await.unwrap();
            let error = first.commit().await.unwrap_err();
            let rows = error.conflict().unwrap().rows();
            assert_eq!((rows.len(), rows[0].found()), (1, Found::Gone));
            first.rollback().await.unwrap();
            assert!(first.blogs().get(c).await.unwrap().is_none());
        }

        async fn a_lock_that_does_not_wait_fails_or_leaves_the_row_out(lab) {
            let [a, b, _] = three(lab).await;
            let (mut first, mut second) = (Shelf::new(&lab.pool), Shelf::new(&lab.pool));
            first.blogs().lock(a, Lock::Wait).await.unwrap();
            assert!(second.blogs().lock(a, Lock::SkipLocked).await.unwrap().is_none());
            let free = second.blogs().query("name < 'c' ORDER BY id").lock(Lock::SkipLocked).fetch().await.unwrap();
            assert_eq!(free.iter().map(|blog| blog.id).collect::<Vec<_>>(), [b]);
            let refused: Result<(), Error> =
                second.savepoint(async |db| db.blogs().lock(a, Lock::NoWait).await.map(drop)).await;
            assert!(refused.unwrap_err().is_transient());
            first.commit().await.unwrap();
            second.blogs().lock(a, Lock::NoWait).await.unwrap();
            second.commit().await.unwrap();
        }
    }
}

mod on_postgres {
    use super::*;

    type Db = sqlx::Postgres;

    uow_test_support::postgres_claim! {
        sqlx::Postgres, at_repeatable_read_one_of_two_units_is_told, lab, {
            let [a, ..] = three(lab).await;
            let unit = || Shelf::<sqlx::Postgres>::options(&lab.pool).isolation(unit_of_work::Isolation::RepeatableRead);
            let (mut first, mut second) = (unit().build().unwrap(), unit().build().unwrap());
            for db in [&mut first, &mut second] {
                db.blogs().require(a).await.unwrap().name.push('+');
                db.posts().add(Post { blog_id: a, ..Post::titled("allocated") }).unwrap();
            }
            first.commit().await.unwrap();
            let error = second.commit().await.unwrap_err();
            assert!(error.is_transient(), "{error}");
            assert!(error.to_string().contains("could not serialize access due to concurrent update"), "{error}");
            second.rollback().await.unwrap();
            assert_eq!(stored(lab).await[0], "a+ 1");
            assert_eq!(Db::texts(&lab.outside, "SELECT title FROM post").await, ["allocated"]);
            second.blogs().require(a).await.unwrap();
            second.commit().await.unwrap();
        }
    }
}

mod on_sqlite {
    use super::*;

    #[test]
    fn a_lock_that_does_not_wait_is_refused_before_anything_is_sent() {
        Lab::<sqlx::Sqlite>::run("sqlite_lock", async |lab: &mut Lab<sqlx::Sqlite>| {
            let mut db = Shelf::new(&lab.pool);
            let error = db.blogs().lock(1, Lock::NoWait).await.unwrap_err();
            assert!(matches!(error, Error::Unsupported { .. }), "{error}");
            assert_eq!(db.session().state(), SessionState::Idle);
            let mut db: Shelf<sqlx::Sqlite> = Shelf::options(&lab.pool).read_only(true).build().unwrap();
            let error = db.blogs().lock(1, Lock::Wait).await.unwrap_err();
            assert!(error.to_string().contains("DEFERRED"), "{error}");
        });
    }
}
