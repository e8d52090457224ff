//! The flush: in which order, in how many statements, and what becomes of it if a row is refused.

mod common;

use common::*;
use futures_util::FutureExt as _;
use sqlx::error::ErrorKind;

engines! {
    async fn a_batch_that_a_row_spoils_names_the_row_and_stores_nothing(lab) {
        let mut db = Shelf::new(&lab.pool);
        let taken = db.blogs().insert(Blog::named("taken")).await.unwrap().id;
        db.commit().await.unwrap();
        for at in 0..300 {
            db.blogs().add(Blog::named(&format!("new {at}"))).unwrap();
        }
        let culprit = db.blogs().add(Blog::named("taken")).unwrap();
        for at in 300..600 {
            db.blogs().add(Blog::named(&format!("new {at}"))).unwrap();
        }
        for _ in 0..2 {
            let error = db.commit().await.unwrap_err();
            let Error::NotStored { entity: "Blog", during: "inserted", source, .. } = &error else { panic!("{error}") };
            assert_eq!(source.as_database_error().unwrap().kind(), ErrorKind::UniqueViolation);
            assert!(error.to_string().contains("number 301 of those added"), "{error}");
            assert!(std::error::Error::source(&error).unwrap().downcast_ref::<sqlx::Error>().is_some());
            assert_eq!(culprit.key(), None);
        }
        db.rollback().await.unwrap();
        assert_eq!(lab.blogs().await, ["taken"]);
        assert_eq!(db.blogs().take_undone().len(), 601);

        // An update is named by its key; and mended, the same unit commits.
        db.blogs().add(Blog::named("other")).unwrap();
        db.blogs().require(taken).await.unwrap().name = "x".repeat(if <Db as sqlx::Database>::NAME == "SQLite" { 1 } else { 300 });
        if <Db as sqlx::Database>::NAME != "SQLite" {
            let error = db.commit().await.unwrap_err();
            assert!(error.to_string().contains(&format!("`Blog` {taken} could not be updated")), "{error}");
            db.blogs().require(taken).await.unwrap().name = "x".into();
        }
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["other", "x"]);
    }

    async fn unique_values_move_from_row_to_row(lab) {
        let mut db = Shelf::new(&lab.pool);
        let added = ["a", "b", "c"].map(|name| db.blogs().add(Blog::named(name)).unwrap());
        db.commit().await.unwrap();
        let [a, b, c] = added.map(|added| added.key().unwrap());

        // One takes the value of another that takes the value of a third, which gets a new one; a new row takes the first.
        let [first, second, third] = db.blogs().get_many([a, b, c]).await.unwrap();
        first.name = "b".into();
        second.name = "c".into();
        third.name = "d".into();
        db.blogs().add(Blog::named("a")).unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT name FROM blog ORDER BY id").await, ["b", "c", "d", "a"]);

        // The value of a row that is deleted goes to one that is changed, and to one that is new.
        db.blogs().remove(&a).unwrap();
        db.blogs().remove(&b).unwrap();
        db.blogs().require(c).await.unwrap().name = "b".into();
        db.blogs().add(Blog::named("c")).unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["a", "b", "c"]);
    }

    async fn values_that_are_swapped_are_refused_by_name(lab) {
        let mut db = Shelf::new(&lab.pool);
        let added = ["a", "b"].map(|name| db.blogs().add(Blog::named(name)).unwrap());
        db.commit().await.unwrap();
        let [a, b] = added.map(|added| added.key().unwrap());
        let [first, second] = db.blogs().get_many([a, b]).await.unwrap();
        std::mem::swap(&mut first.name, &mut second.name);
        let error = db.commit().await.unwrap_err();
        assert!(matches!(error, Error::NotStored { .. }), "{error}");
        assert_eq!(db.blogs().require(a).await.unwrap(), &Blog { id: a, name: "b".into(), version: 0 });
        // With a value in between it can be done.
        db.blogs().require(b).await.unwrap().name = "in between".into();
        db.flush().await.unwrap();
        db.blogs().require(b).await.unwrap().name = "a".into();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT name FROM blog ORDER BY id").await, ["b", "a"]);
    }

    async fn a_removed_row_and_its_successor_are_an_update(lab) {
        let mut db = Shelf::new(&lab.pool);
        let id = db.blogs().insert(Blog::named("old")).await.unwrap().id;
        db.commit().await.unwrap();
        db.blogs().remove(&id).unwrap();
        db.blogs().add(Blog { id, ..Blog::named("new") }).unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(name, ' ', version) FROM blog").await, ["new 1"]);
    }

    async fn a_flush_that_is_dropped_anywhere_leaves_nothing_committable(lab) {
        for polls in 0..40 {
            let mut db = Shelf::new(&lab.pool);
            let blog = db.blogs().add(Blog::named(&format!("blog {polls}"))).unwrap();
            db.posts().add_to(&blog, Post::titled("post")).unwrap();
            let mut done = false;
            {
                let mut flush = Box::pin(db.flush());
                for _ in 0..=polls {
                    if let Some(flushed) = flush.as_mut().now_or_never() {
                        flushed.unwrap();
                        done = true;
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_micros(200)).await;
                }
            }
            if !done {
                assert!(db.commit().await.is_err(), "after {polls} polls");
            }
            db.rollback().await.unwrap();
            assert_eq!(blog.key(), None);
            assert_eq!(db.blogs().take_undone(), [Blog::named(&format!("blog {polls}"))]);
            assert_eq!(db.posts().take_undone(), [Post::titled("post")]);
        }
        // (A quick server may have answered each poll at once. Here it waits for another one's row.)
        let mut other = lab.outside.begin().await.unwrap();
        sqlx::raw_sql("INSERT INTO blog (name) VALUES ('held')").execute(&mut *other).await.unwrap();
        let mut db = Shelf::new(&lab.pool);
        let blog = db.blogs().add(Blog::named("held")).unwrap();
        tokio::time::timeout(std::time::Duration::from_millis(100), db.flush()).await.unwrap_err();
        assert!(db.commit().await.is_err());
        db.rollback().await.unwrap();
        assert_eq!((blog.key(), db.blogs().take_undone()), (None, vec![Blog::named("held")]));
        other.rollback().await.unwrap();
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_commit_that_is_dropped_while_it_waits_for_the_pool_leaves_no_trace(lab) {
        let pool = lab.pool_of(1).await;
        let mut db = Shelf::new(&pool);
        let blog = db.blogs().add(Blog::named("a")).unwrap();
        db.commit().await.unwrap();
        let id = blog.key().unwrap();
        let taken = pool.acquire().await.unwrap();
        db.blogs().require(id).await.unwrap().name = "b".into();
        assert!(db.commit().now_or_never().is_none());
        let second = db.posts().add_to(&blog, Post::titled("p")).unwrap();
        drop(taken);
        // Where it would have been a statement without a transaction, nothing had begun yet, and the unit goes on.
        if db.session().state() == SessionState::Idle {
            let found = db.blogs().require(id).await.unwrap();
            assert_eq!(*found, Blog { id, name: "b".into(), version: 0 });
            found.name = "a".into();
            let taken = pool.acquire().await.unwrap();
            assert!(db.commit().now_or_never().is_none());
            drop(taken);
            let post = db.posts().added(&second).unwrap();
            assert_eq!(*post, Post::titled("p"));
            post.title = "changed since".into();
            db.commit().await.unwrap();
            assert_eq!(*db.blogs().require(id).await.unwrap(), Blog { id, name: "a".into(), version: 0 });
            assert_eq!(Db::texts(&lab.outside, "SELECT concat(title, ' ', blog_id) FROM post").await, [format!("changed since {id}")]);
        }
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(name, ' ', version) FROM blog").await, ["a 0"]);
    }

    async fn units_that_clear_and_refill_at_the_same_time_all_finish(lab) {
        let mut db = Shelf::new(&lab.pool);
        let blogs: Vec<_> = (0..4).map(|at| db.blogs().add(Blog::named(&format!("{at}"))).unwrap()).collect();
        for at in 0..24 {
            db.posts().add_to(&blogs[at % 4], Post::titled(&format!("{at}"))).unwrap();
        }
        db.commit().await.unwrap();
        let blogs: Vec<i64> = blogs.iter().map(|blog| blog.key().unwrap()).collect();
        let tasks = (0..40).map(|task: usize| {
            let (pool, blog) = (lab.pool.clone(), blogs[task % 4]);
            tokio::spawn(async move {
                Shelf::options(&pool)
                    .retry(unit_of_work::Retry::attempts(200).on_conflicts(true))
                    .run(async |db: &mut unit_of_work::Scope<Shelf<Db>>| {
                        // The blog's version keeps two of them from refilling at once.
                        db.blogs().require(blog).await?.name = format!("{blog} by {task}");
                        let filter = sql::<Db>("blog_id = ? ORDER BY id");
                        let posts: Vec<i64> = db.posts().query(filter).bind(blog).fetch().await?.iter().map(|post| post.id).collect();
                        for post in posts {
                            db.posts().remove(&post)?;
                        }
                        for at in 0..6 {
                            db.posts().add(Post { blog_id: blog, ..Post::titled(&format!("{task} {at}")) })?;
                        }
                        Ok::<_, Error>(())
                    })
                    .await
            })
        });
        for task in futures_util::future::join_all(tasks).await {
            task.unwrap().unwrap();
        }
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM post").await, ["24"]);
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(sum(version)) FROM blog").await, ["40"]);
    }

    async fn many_rows_get_their_own_keys(lab) {
        for rows in [1, 2, 15, 16, 17, 1000, 2500] {
            let mut db = Shelf::new(&lab.pool);
            let added: Vec<_> = (0..rows).map(|at| db.blogs().add(Blog::named(&format!("{rows} {at}"))).unwrap()).collect();
            db.commit().await.unwrap();
            // By another unit, on another connection: memory would agree with itself.
            let mut fresh = Shelf::new(&lab.outside);
            let mut last = 0;
            for (at, added) in added.iter().enumerate() {
                let id = added.key().unwrap();
                assert!(id > last, "keys ascend in the order of adding");
                last = id;
                assert_eq!(fresh.blogs().require(id).await.unwrap().name, format!("{rows} {at}"));
                assert_eq!(db.blogs().get(id).await.unwrap().unwrap().name, format!("{rows} {at}"));
            }
            fresh.rollback().await.unwrap();
        }
    }

    async fn every_changed_row_gets_its_version_wherever_a_batch_ends(lab) {
        for rows in [1, 2, 127, 128, 129, 257, 385] {
            let mut db = Shelf::new(&lab.pool);
            for at in 0..rows {
                db.blogs().add(Blog::named(&format!("{rows} {at}"))).unwrap();
            }
            db.commit().await.unwrap();
            db.blogs().iter_mut().for_each(|blog| blog.name.push_str(" changed"));
            db.commit().await.unwrap();
            let raised = format!("SELECT concat(count(*)) FROM blog WHERE version = 1 AND name LIKE '{rows} % changed'");
            assert_eq!(Db::texts(&lab.outside, &raised).await, [rows.to_string()], "of {rows}");
            // And memory says the same: the next change meets no conflict.
            db.blogs().iter_mut().for_each(|blog| blog.name.push_str(" twice"));
            db.commit().await.unwrap();
        }
    }

    async fn a_row_that_is_refused_in_a_later_batch_leaves_no_key_behind(lab) {
        for (rows, given) in [(600, false), (2500, false), (40, true)] {
            let mut db = Shelf::new(&lab.pool);
            db.blogs().insert(Blog::named("taken")).await.unwrap();
            db.commit().await.unwrap();
            let named = |at: i64| Blog { id: if given && at % 2 == 0 { 100_000 + at } else { 0 }, ..Blog::named(&format!("new {at}")) };
            let added: Vec<_> = (0..rows).map(|at| db.blogs().add(named(at)).unwrap()).collect();
            db.blogs().add(Blog::named("taken")).unwrap();
            let error = db.commit().await.unwrap_err();
            assert!(error.to_string().contains(&format!("number {} of those added", rows + 1)), "{error}");
            for (at, added) in (0..).zip(&added) {
                assert_eq!(*db.blogs().added(added).unwrap(), named(at), "no phantom key");
                assert_eq!(added.key(), (named(at).id != 0).then(|| named(at).id));
            }
            db.rollback().await.unwrap();
            let undone = db.blogs().take_undone();
            let expected: Vec<Blog> = (0..rows).map(named).chain([Blog::named("taken")]).collect();
            assert_eq!(undone, expected);
            lab.script("DELETE FROM blog").await;
        }
    }

    async fn what_a_careful_flush_stored_is_handed_back_whole_after_a_rollback(lab) {
        let mut db = Shelf::new(&lab.pool);
        let id = db.blogs().insert(Blog::named("moves")).await.unwrap().id;
        db.commit().await.unwrap();
        let mut db = Shelf::new(&lab.pool);
        db.blogs().require(id).await.unwrap().name = "moved".into();
        let names: Vec<String> = (0..700).map(|at| format!("{at}")).chain(["moves".into()]).chain((701..710).map(|at| format!("{at}"))).collect();
        for name in &names {
            db.blogs().add(Blog::named(name)).unwrap();
        }
        // Only row by row is there an order in which it can be written.
        db.flush().await.unwrap();
        db.rollback().await.unwrap();
        let undone = db.blogs().take_undone();
        assert_eq!(undone, names.iter().map(|name| Blog::named(name)).collect::<Vec<_>>());
        lab.settled().await;
    }

    async fn many_rows_are_changed_and_removed(lab) {
        let mut db = Shelf::new(&lab.pool);
        let added: Vec<_> = (0..1000).map(|at| db.blogs().add(Blog::named(&format!("{at}"))).unwrap()).collect();
        db.commit().await.unwrap();
        for (at, blog) in db.blogs().iter_mut().enumerate() {
            if at % 3 == 0 {
                blog.name.push_str(" changed");
            }
        }
        for added in added.iter().skip(1).step_by(3) {
            db.blogs().remove(&added.key().unwrap()).unwrap();
        }
        db.commit().await.unwrap();
        let count = "SELECT concat(count(*)) FROM blog WHERE version = 1 AND name LIKE '% changed'";
        assert_eq!(Db::texts(&lab.outside, count).await, ["334"]);
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM blog").await, ["667"]);
        let wrong = "SELECT concat(count(*)) FROM blog WHERE version = 0 AND name LIKE '% changed'";
        assert_eq!(Db::texts(&lab.outside, wrong).await, ["0"]);
    }
}

mod on_the_wire {
    use super::*;
    use uow_test_support::Trigger;

    uow_test_support::servers! {
        async fn what_is_written_behind_takes_few_round_trips(lab) {
            let (pool, proxy) = lab.through_proxy(1).await;
            let postgres = <Db as sqlx::Database>::NAME == "PostgreSQL";
            let mut db = Shelf::new(&pool);
            let add = |db: &mut Shelf<Db>, round: usize| {
                for at in 0..1000 {
                    db.blogs().add(Blog::named(&format!("{round} {at}"))).unwrap();
                }
            };
            add(&mut db, 0);
            db.commit().await.unwrap(); // Prepares.
            let before = proxy.round_trips();
            add(&mut db, 1);
            db.commit().await.unwrap();
            let round_trips = proxy.round_trips() - before;
            // A long message may reach the proxy in parts, with an answer in between.
            assert!(round_trips <= if postgres { 4 } else { 16 }, "{round_trips}");
        }

        async fn the_story_of_the_seed_takes_two_statements(lab) {
            let (pool, proxy) = lab.through_proxy(1).await;
            proxy.sent();
            let mut db = Shelf::new(&pool);
            let added = db.blogs().add(Blog::named("a")).unwrap();
            db.commit().await.unwrap();
            let mut blog = Blog { id: added.key().unwrap(), ..Blog::named("") };
            db.refresh(&mut blog).await.unwrap();
            assert_eq!(blog.name, "a");
            let sent = Db::statements(&proxy.sent());
            let kinds: Vec<&str> = sent.iter().filter_map(|text| text.split([' ', ';']).next()).collect();
            if <Db as sqlx::Database>::NAME == "PostgreSQL" {
                assert_eq!(kinds, ["INSERT", "SELECT"], "{sent:?}");
            } else {
                assert_eq!(kinds, ["START", "INSERT", "COMMIT", "SELECT"], "{sent:?}");
            }
        }
    }

    uow_test_support::postgres_claim! {
        sqlx::Postgres, a_lone_write_whose_answer_is_lost_is_unknown, lab, {
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Shelf::new(&pool);
            db.blogs().add(Blog::named("a")).unwrap();
            db.commit().await.unwrap(); // Prepares: from now on the statement's name is all that is sent.
            db.blogs().add(Blog::named("the answer is lost")).unwrap();
            proxy.cut(Trigger::BeforeClientHears(b"the answer is lost".to_vec()));
            let error = db.commit().await.unwrap_err();
            assert!(error.is_outcome_unknown(), "{error}");
            let text = error.to_string();
            assert!(text.contains("one statement, sent without BEGIN and COMMIT"), "{text}");
            assert!(text.contains("the lone statement failed") && !text.contains("COMMIT was sent"), "{text}");
            assert!(db.rollback().await.unwrap_err().is_outcome_unknown());
            db.blogs().add(Blog::named("b")).unwrap();
            db.commit().await.unwrap();
            assert_eq!(lab.blogs().await, ["a", "b", "the answer is lost"]);
        }
    }

    // What MySQL does: to it `RETURNING` is a comment. An unknown version makes it one to MariaDB as well.
    uow_test_support::mysql_claim! {
        sqlx::MySql, without_returning_the_keys_are_told_from_the_first, lab, {
            let (pool, proxy) = lab.through_proxy(1).await;
            proxy.rewrite("/*M!100500", "/*M!999999");
            for step in [1, 5] {
                let mut db = Shelf::new(&pool);
                let set = format!("SET auto_increment_increment = {step}");
                sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&pool).await.unwrap();
                let blogs: Vec<_> = (0..100).map(|at| db.blogs().add(Blog::named(&format!("{step} {at}"))).unwrap()).collect();
                for blog in &blogs {
                    db.posts().add_to(blog, Post::titled("p")).unwrap();
                }
                db.commit().await.unwrap();
                for (at, blog) in blogs.iter().enumerate() {
                    let found = db.blogs().refresh(blog.key().unwrap()).await.unwrap();
                    assert_eq!(found.name, format!("{step} {at}"));
                }
                let upserted = db.blogs().upsert(Blog::named(&format!("{step} 7"))).await.unwrap();
                assert_eq!((Some(upserted.id), upserted.version), (blogs[7].key(), 1));
                db.rollback().await.unwrap();
            }
        }
    }
}
