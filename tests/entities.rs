//! Entities: the identity map, and what memory says after the end of a transaction.

mod common;

use common::*;
use unit_of_work::Entities;

/// What belongs to a post, which belongs to a blog.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Remark {
    #[uow(key, generated)]
    id: i64,
    #[uow(references = Post)]
    post_id: i64,
    text: String,
}

#[derive(UnitOfWork)]
struct Threads<DB: Backend>
where
    Blog: Entity<DB>,
    Post: Entity<DB>,
    Remark: Entity<DB>,
{
    session: Session<DB>,
    remarks: Lazy<Entities<Remark, DB>>,
    posts: Lazy<Entities<Post, DB>>,
    blogs: Lazy<Entities<Blog, DB>>,
}

/// Found by what it belongs to, and its place there.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Line {
    #[uow(key, references = Blog)]
    blog_id: i64,
    #[uow(key)]
    place: i32,
    text: String,
    #[uow(read_only)]
    note: String,
    #[uow(version)]
    version: i64,
}

#[derive(UnitOfWork)]
struct Sheets<DB: Backend>
where
    Blog: Entity<DB>,
    Line: Entity<DB>,
{
    session: Session<DB>,
    lines: Lazy<Entities<Line, DB>>,
    blogs: Lazy<Entities<Blog, DB>>,
}

fn line(place: i32, text: &str) -> Line {
    Line { blog_id: 0, place, text: text.into(), note: String::new(), version: 0 }
}

const LINES: &str = "CREATE TABLE line (blog_id BIGINT NOT NULL, place INTEGER NOT NULL, text VARCHAR(50) NOT NULL, \
                     note VARCHAR(50) NOT NULL DEFAULT 'noted', version BIGINT NOT NULL, PRIMARY KEY (blog_id, place))";
const SHEETS: &str = "SELECT concat(blog.name, ' ', place, ' ', text, ' ', note, ' ', line.version) FROM line \
                      JOIN blog ON blog.id = line.blog_id ORDER BY blog.name, place";

engines! {
    async fn what_is_added_is_inserted_at_commit_with_its_key(lab) {
        let mut db = Shelf::new(&lab.pool);
        let added = db.blogs().add(Blog::named("a")).unwrap();
        assert_eq!(added.key(), None);
        assert_eq!(db.session().state(), SessionState::Idle);
        db.commit().await.unwrap();
        let id = added.key().unwrap();
        assert!(id > 0);
        assert_eq!(lab.blogs().await, ["a"]);
        let blog = db.blogs().refresh(id).await.unwrap();
        assert_eq!(*blog, Blog { id, name: "a".into(), version: 0 });
        drop(db);
        lab.settled().await;
    }

    async fn a_key_asked_for_twice_is_the_same_entity(lab) {
        let mut db = Shelf::new(&lab.pool);
        let id = db.blogs().insert(Blog::named("a")).await.unwrap().id;
        db.commit().await.unwrap();
        let mut db = Shelf::new(&lab.pool);
        db.blogs().get(id).await.unwrap().unwrap().name = "changed here".into();
        sqlx::raw_sql("UPDATE blog SET name = 'changed there'").execute(db.session()).await.unwrap();
        assert_eq!(db.blogs().get(id).await.unwrap().unwrap().name, "changed here");
        assert_eq!(db.blogs().query("name LIKE 'c%'").fetch().await.unwrap()[0].name, "changed here");
        assert!(db.blogs().get(id + 1).await.unwrap().is_none());
        assert!(matches!(db.blogs().require(id + 1).await, Err(Error::NotFound { entity: "Blog", .. })));
    }

    async fn only_what_changed_is_written(lab) {
        let mut db = Shelf::new(&lab.pool);
        for name in ["a", "b", "c"] {
            db.blogs().add(Blog::named(name)).unwrap();
        }
        db.commit().await.unwrap();
        let mut db = Shelf::new(&lab.pool);
        let mut blogs = db.blogs().query("1 = 1 ORDER BY id").fetch().await.unwrap();
        blogs[0].name = "x".into();
        blogs[1].name = "y".into();
        blogs[1].name = "b".into();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(name, ' ', version) FROM blog ORDER BY id").await, ["x 1", "b 0", "c 0"]);
        // Nothing changed since: no statement.
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(name, ' ', version) FROM blog ORDER BY id").await, ["x 1", "b 0", "c 0"]);
    }

    async fn children_get_the_keys_of_parents_that_are_new_themselves(lab) {
        lab.script(&format!("CREATE TABLE remark (id {}, post_id BIGINT NOT NULL, text VARCHAR(50) NOT NULL)", Db::GENERATED_KEY)).await;
        let mut db = Threads::new(&lab.pool);
        let mut added = Vec::new();
        for blog in 0..13 {
            let parent = db.blogs().add(Blog::named(&format!("{blog}"))).unwrap();
            for post in 0..13 {
                let child = db.posts().add_to(&parent, Post::titled(&format!("{blog}.{post}"))).unwrap();
                for remark in 0..3 {
                    let remark = Remark { id: 0, post_id: 0, text: format!("{blog}.{post}.{remark}") };
                    let text = remark.text.clone();
                    added.push((parent.clone(), child.clone(), db.remarks().add_to(&child, remark).unwrap(), text));
                }
            }
        }
        db.commit().await.unwrap();
        for (blog, post, remark, text) in &added {
            let remark = db.remarks().added(remark).unwrap();
            assert_eq!((&remark.text, Some(remark.post_id)), (text, post.key()));
            assert_eq!(Some(db.posts().added(post).unwrap().blog_id), blog.key());
        }
        // What is stored says of itself to whom it belongs.
        let stored = "SELECT concat(remark.id, ' ', blog.name, ' ', post.title, ' ', remark.text) FROM remark \
                      JOIN post ON post.id = remark.post_id JOIN blog ON blog.id = post.blog_id ORDER BY remark.id";
        let mut expected: Vec<(i64, String)> = Vec::new();
        for (_, _, remark, text) in &added {
            let post = text.rsplit_once('.').unwrap().0;
            let blog = post.split_once('.').unwrap().0;
            let id = remark.key().unwrap();
            expected.push((id, format!("{id} {blog} {post} {text}")));
        }
        expected.sort();
        let expected: Vec<String> = expected.into_iter().map(|(_, text)| text).collect();
        assert_eq!(Db::texts(&lab.outside, stored).await, expected);
    }

    async fn a_key_that_holds_a_reference_is_known_with_it(lab) {
        lab.script(LINES).await;
        let mut db = Sheets::new(&lab.pool);
        for attempt in 0..2 {
            let blogs = ["a", "b"].map(|name| db.blogs().add(Blog::named(name)).unwrap());
            let lines: Vec<_> = (0..6).map(|at| db.lines().add_to(&blogs[at % 2], line(at as i32 / 2, "new")).unwrap()).collect();
            assert!(lines.iter().all(|line| line.key().is_none()), "not the placeholder");
            assert!(!db.lines().contains(&(0, 0)));
            db.lines().remove_added(&lines[5]);
            db.flush().await.unwrap();
            for (at, line) in lines.iter().enumerate().take(5) {
                let key = (blogs[at % 2].key().unwrap(), at as i32 / 2);
                assert_eq!(line.key(), Some(key));
                assert_eq!(db.lines().get(key).await.unwrap().map(|line| line.note.clone()), Some("noted".into()));
            }
            // Where the other's key is known, so is this one.
            let twice = db.lines().add_to(&blogs[0], line(1, "twice")).unwrap_err();
            assert!(matches!(twice, Error::AlreadyTracked { .. }), "{twice}");
            if attempt == 0 {
                db.rollback().await.unwrap();
                assert!(lines.iter().all(|line| line.key().is_none()), "no phantom key");
                assert_eq!(db.lines().take_undone(), [0, 0, 1, 1, 2].map(|place| line(place, "new")));
            }
        }
        db.commit().await.unwrap();
        let rows = ["a 0 new noted 0", "a 1 new noted 0", "a 2 new noted 0", "b 0 new noted 0", "b 1 new noted 0"];
        assert_eq!(Db::texts(&lab.outside, SHEETS).await, rows);
    }

    async fn what_takes_the_place_of_a_removed_row_is_written_over_it(lab) {
        lab.script(LINES).await;
        let mut db = Sheets::new(&lab.pool);
        let old = db.blogs().insert(Blog::named("old")).await.unwrap().id;
        for place in 0..5 {
            db.lines().add(Line { blog_id: old, ..line(place, "old") }).unwrap();
        }
        db.commit().await.unwrap();
        lab.script("UPDATE line SET note = 'by hand'").await;

        let mut db = Sheets::new(&lab.pool);
        db.lines().all().fetch().await.unwrap();
        (0..4).for_each(|place| db.lines().remove(&(old, place)).unwrap());
        db.lines().add(Line { blog_id: old, ..line(0, "added") }).unwrap();
        let inserted = db.lines().insert(Line { blog_id: old, ..line(1, "inserted") }).await.unwrap();
        assert_eq!((inserted.version, inserted.note.as_str()), (1, "by hand"));
        let unchanged = db.lines().insert(Line { blog_id: old, ..line(2, "old") }).await.unwrap();
        assert_eq!(unchanged.version, 0);
        db.commit().await.unwrap();
        let rows = ["old 0 added by hand 1", "old 1 inserted by hand 1", "old 2 old by hand 0", "old 4 old by hand 0"];
        assert_eq!(Db::texts(&lab.outside, SHEETS).await, rows);
        assert!(db.lines().iter().all(|line| line.note == "by hand"));
    }

    async fn what_takes_the_place_of_a_removed_row_refers_to_what_is_new(lab) {
        let mut db = Shelf::new(&lab.pool);
        let old = db.blogs().add(Blog::named("old")).unwrap();
        let post = db.posts().add_to(&old, Post::titled("post")).unwrap();
        db.commit().await.unwrap();
        let id = post.key().unwrap();
        let pairs = "SELECT concat(blog.name, ' ', post.title) FROM post JOIN blog ON blog.id = post.blog_id";
        let mut db = Shelf::new(&lab.pool);
        for title in ["post", "another"] {
            db.posts().require(id).await.unwrap();
            db.posts().remove(&id).unwrap();
            let new = db.blogs().add(Blog::named(&format!("of {title}"))).unwrap();
            let successor = db.posts().add_to(&new, Post { id, ..Post::titled(title) }).unwrap();
            // A flush that is undone leaves the reference to the next one.
            for _ in 0..2 {
                let undone: Result<(), Error> = db
                    .savepoint(async |db| {
                        db.flush().await?;
                        assert_eq!(db.posts().added(&successor).unwrap().blog_id, new.key().unwrap());
                        Err(Error::Busy)
                    })
                    .await;
                undone.unwrap_err();
                assert_eq!(db.posts().added(&successor).unwrap().blog_id, 0);
            }
            db.commit().await.unwrap();
            assert_eq!(Db::texts(&lab.outside, pairs).await, [format!("of {title} {title}")]);
            db.commit().await.unwrap();
        }
    }

    async fn an_insert_over_a_removed_row_that_fails_leaves_it_removed(lab) {
        let mut db = Shelf::new(&lab.pool);
        db.blogs().insert(Blog::named("taken")).await.unwrap();
        let id = db.blogs().insert(Blog::named("a")).await.unwrap().id;
        db.commit().await.unwrap();
        // Its row is another one by now.
        lab.script("UPDATE blog SET version = 7 WHERE name = 'a'").await;
        db.blogs().remove(&id).unwrap();
        let error = db.blogs().insert(Blog { id, ..Blog::named("b") }).await.unwrap_err();
        let conflict = error.conflict().unwrap_or_else(|| panic!("{error}"));
        assert_eq!(conflict.rows()[0].to_string(), format!("Blog {id} (version 0 expected, 7 found)"));
        assert!(!db.blogs().contains(&id));
        db.blogs().take_theirs(conflict).await.unwrap();
        db.blogs().remove(&id).unwrap();
        let refused: Result<(), Error> = db
            .savepoint(async |db| db.blogs().insert(Blog { id, ..Blog::named("taken") }).await.map(drop))
            .await;
        refused.unwrap_err();
        assert!(!db.blogs().contains(&id));
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["taken"]);
    }

    async fn rollback_forgets_and_hands_back_what_was_added(lab) {
        let mut db = Shelf::new(&lab.pool);
        let added = db.blogs().add(Blog::named("a")).unwrap();
        db.flush().await.unwrap();
        let id = added.key().unwrap();
        db.blogs().added(&added).unwrap().name = "edited".into();
        db.flush().await.unwrap();
        assert_eq!(db.blogs().added(&added).unwrap().version, 1);
        db.blogs().add(Blog::named("b")).unwrap();
        db.rollback().await.unwrap();
        assert_eq!(added.key(), None, "no phantom key");
        assert!(db.blogs().is_empty());
        assert!(!db.blogs().contains(&id));
        let undone = db.blogs().take_undone();
        assert_eq!(undone, [Blog::named("edited"), Blog::named("b")], "no phantom key or version");
        for blog in undone {
            db.blogs().add(blog).unwrap();
        }
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["b", "edited"]);
    }

    async fn a_scope_that_is_undone_takes_the_entities_back(lab) {
        let mut db = Shelf::new(&lab.pool);
        let first = db.blogs().insert(Blog::named("first")).await.unwrap().id;
        let second = db.blogs().add(Blog::named("second")).unwrap();
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                db.blogs().get(first).await?.unwrap().name = "renamed".into();
                db.blogs().added(&second).unwrap().name = "renamed too".into();
                db.blogs().add(Blog::named("third"))?;
                db.flush().await?;
                let names: i64 = sqlx::query_scalar("SELECT count(*) FROM blog WHERE name IN ('renamed', 'renamed too', 'third')")
                    .fetch_one(db.session()).await?;
                assert_eq!(names, 3);
                db.blogs().remove(&first)?;
                Err(Error::Busy)
            })
            .await;
        assert!(undone.unwrap_err().is_busy());
        assert_eq!(db.blogs().get(first).await.unwrap().unwrap(), &Blog { id: first, name: "first".into(), version: 0 });
        assert_eq!(db.blogs().added(&second).unwrap(), &Blog::named("second"));
        assert_eq!(db.blogs().take_undone(), [Blog::named("third")]);
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["first", "second"]);
        let version = "SELECT concat(max(version)) FROM blog";
        assert_eq!(Db::texts(&lab.outside, version).await, ["0"]);
        // What is stored and what is remembered agree, so the next change is not stale.
        db.blogs().get(first).await.unwrap().unwrap().name = "renamed again".into();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["renamed again", "second"]);
        assert_eq!(Db::texts(&lab.outside, version).await, ["1"]);
    }

    async fn a_scope_that_flushed_and_is_undone_leaves_children_to_their_parents(lab) {
        let mut db = Shelf::new(&lab.pool);
        let blog = db.blogs().add(Blog::named("parent")).unwrap();
        let post = db.posts().add_to(&blog, Post::titled("child")).unwrap();
        for _ in 0..2 {
            let undone: Result<(), Error> = db
                .savepoint(async |db| {
                    db.flush().await?;
                    Err(Error::Busy)
                })
                .await;
            undone.unwrap_err();
            assert_eq!((blog.key(), post.key()), (None, None));
            assert_eq!(*db.posts().added(&post).unwrap(), Post::titled("child"));
        }
        db.savepoint(async |db| db.flush().await).await.unwrap();
        db.commit().await.unwrap();
        let pairs = "SELECT concat(blog.name, ' of ', post.title) FROM post JOIN blog ON blog.id = post.blog_id";
        assert_eq!(Db::texts(&lab.outside, pairs).await, ["parent of child"]);
    }

    async fn what_a_scope_added_is_handed_back_in_its_order(lab) {
        let mut db = Shelf::new(&lab.pool);
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                for at in 0..50 {
                    db.blogs().add(Blog::named(&format!("{at}")))?;
                }
                db.flush().await?;
                db.blogs().add(Blog::named("50"))?;
                Err(Error::Busy)
            })
            .await;
        undone.unwrap_err();
        let expected: Vec<Blog> = (0..=50).map(|at| Blog::named(&format!("{at}"))).collect();
        assert_eq!(db.blogs().take_undone(), expected);
        drop(db);
        lab.settled().await;
    }

    async fn what_was_inserted_twice_in_a_transaction_goes_back_to_what_it_was_at_first(lab) {
        let mut db = Shelf::new(&lab.pool);
        let a = db.blogs().add(Blog::named("a")).unwrap();
        db.blogs().add(Blog::named("b")).unwrap();
        db.flush().await.unwrap();
        let id = a.key().unwrap();
        sqlx::raw_sql("DELETE FROM blog WHERE name = 'a'").execute(db.session()).await.unwrap();
        db.blogs().added(&a).unwrap().name = "b".into();
        let error = db.flush().await.unwrap_err();
        db.blogs().keep_mine(error.conflict().unwrap()).await.unwrap();
        // It is inserted again, by its key; and first in vain.
        assert!(matches!(db.flush().await.unwrap_err(), Error::NotStored { .. }));
        assert_eq!((a.key(), db.blogs().added(&a).unwrap().id), (Some(id), id));
        db.blogs().added(&a).unwrap().name = "c".into();
        db.flush().await.unwrap();
        assert_eq!(db.blogs().get(id).await.unwrap().unwrap().name, "c");
        db.rollback().await.unwrap();
        assert_eq!(a.key(), None);
        assert_eq!(db.blogs().take_undone(), [Blog::named("c"), Blog::named("b")]);
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_scope_that_is_kept_keeps_what_it_changed(lab) {
        let mut db = Shelf::new(&lab.pool);
        let first = db.blogs().insert(Blog::named("first")).await.unwrap().id;
        db.savepoint(async |db| {
            db.blogs().get(first).await?.unwrap().name = "renamed".into();
            db.blogs().add(Blog::named("second"))?;
            db.flush().await
        })
        .await
        .unwrap();
        assert_eq!(db.blogs().get(first).await.unwrap().unwrap().name, "renamed");
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["renamed", "second"]);
    }

    async fn several_are_lent_at_once(lab) {
        let mut db = Shelf::new(&lab.pool);
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            ids.push(db.blogs().insert(Blog::named(name)).await.unwrap().id);
        }
        db.commit().await.unwrap();
        let mut db = Shelf::new(&lab.pool);
        let [c, a] = db.blogs().get_many([ids[2], ids[0]]).await.unwrap();
        assert_eq!((c.name.as_str(), a.name.as_str()), ("c", "a"));
        std::mem::swap(&mut c.name, &mut a.name);
        c.name.push('!');
        a.name.push('!');
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT name FROM blog ORDER BY id").await, ["c!", "b", "a!"]);
        let twice = db.blogs().get_many([ids[0], ids[0]]).await.unwrap_err();
        assert!(matches!(twice, Error::SameKeyTwice { .. }), "{twice}");
        let missing = db.blogs().get_many([ids[0], 4711]).await.unwrap_err();
        assert!(matches!(missing, Error::NotFound { .. }) && missing.to_string().contains("4711"), "{missing}");
    }

    async fn the_first_of_a_query_is_lent_if_there_is_one(lab) {
        let mut db = Shelf::new(&lab.pool);
        for name in ["b", "a", "c"] {
            db.blogs().add(Blog::named(name)).unwrap();
        }
        db.flush().await.unwrap();
        assert!(db.blogs().query("name = 'd'").first().await.unwrap().is_none());
        let first = db.blogs().query("1 = 1 ORDER BY name").first().await.unwrap().unwrap();
        assert_eq!(first.name, "a");
        first.name.push('!');
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["a!", "b", "c"]);
    }

    async fn a_second_entity_of_a_key_is_refused_and_the_first_stays(lab) {
        let mut db = Shelf::new(&lab.pool);
        let id = db.blogs().insert(Blog::named("first")).await.unwrap().id;
        let error = db.blogs().add(Blog { id, ..Blog::named("second") }).unwrap_err();
        assert!(matches!(error, Error::AlreadyTracked { entity: "Blog", .. }), "{error}");
        assert!(error.to_string().contains(&id.to_string()), "{error}");
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["first"]);
        assert!(matches!(db.blogs().remove(&4711), Err(Error::NotTracked { .. })));
    }

    async fn what_is_removed_is_deleted_children_first(lab) {
        let mut db = Shelf::new(&lab.pool);
        let blog = db.blogs().add(Blog::named("a")).unwrap();
        let post = db.posts().add_to(&blog, Post::titled("p")).unwrap();
        let taken_back = db.posts().add_to(&blog, Post::titled("never stored")).unwrap();
        db.posts().remove_added(&taken_back);
        db.commit().await.unwrap();
        let (blog, post) = (blog.key().unwrap(), post.key().unwrap());
        db.blogs().remove(&blog).unwrap();
        db.blogs().remove(&blog).unwrap();
        db.posts().remove(&post).unwrap();
        assert!(db.blogs().get(blog).await.unwrap().is_none());
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, [""; 0]);
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM post").await, ["0"]);
        assert!(db.blogs().get(blog).await.unwrap().is_none());
    }

    async fn a_row_that_is_gone_is_told_at_refresh_and_no_longer_tracked(lab) {
        let mut db = Shelf::new(&lab.pool);
        let id = db.blogs().insert(Blog::named("a")).await.unwrap().id;
        db.commit().await.unwrap();
        lab.script("DELETE FROM blog").await;
        let error = db.blogs().refresh(id).await.unwrap_err();
        assert!(error.is_row_gone(), "{error}");
        assert!(!db.blogs().contains(&id));
    }

    async fn a_row_that_was_gone_only_in_a_scope_is_tracked_again(lab) {
        let mut db = Shelf::new(&lab.pool);
        let id = db.blogs().insert(Blog::named("a")).await.unwrap().id;
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                sqlx::query("DELETE FROM blog").execute(db.session()).await?;
                // What is tracked is not asked for again; what is asked for is gone.
                assert_eq!(db.blogs().get(id).await?.unwrap().name, "a");
                assert!(db.blogs().refresh(id).await.unwrap_err().is_row_gone());
                assert!(!db.blogs().contains(&id));
                Err(Error::Busy)
            })
            .await;
        assert!(undone.unwrap_err().is_busy());
        assert!(db.blogs().contains(&id));
        db.blogs().get(id).await.unwrap().unwrap().name.push('!');
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["a!"]);
    }

    async fn rows_that_are_streamed_are_not_tracked(lab) {
        use futures_util::TryStreamExt as _;
        let mut db = Shelf::new(&lab.pool);
        for at in 0..100 {
            db.blogs().add(Blog::named(&format!("{at:03}"))).unwrap();
        }
        db.commit().await.unwrap();
        let mut db = Shelf::new(&lab.pool);
        let blogs: Vec<Blog> = db.blogs().query("name >= '050' ORDER BY name").stream().try_collect().await.unwrap();
        assert_eq!(blogs.len(), 50);
        assert!(db.blogs().is_empty());
    }

    async fn upsert_inserts_or_writes_over_the_row_that_is_there(lab) {
        let mut db = Shelf::new(&lab.pool);
        // By its unique column, where the key is left to the database.
        let id = db.blogs().upsert(Blog::named("a")).await.unwrap().id;
        assert_eq!(db.blogs().upsert(Blog::named("a")).await.unwrap(), &Blog { id, name: "a".into(), version: 1 });
        // By its key.
        let blog = Blog { id, name: "b".into(), version: 0 };
        assert_eq!(db.blogs().upsert(blog).await.unwrap(), &Blog { id, name: "b".into(), version: 2 });
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["b"]);
    }
}
