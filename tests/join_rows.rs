//! Rows that may be there already, and rows that go without being read: those of join tables, tags, marks of what was done.

mod common;

use common::*;
use unit_of_work::Entities;
use uow_test_support::servers;

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Link {
    #[uow(key, references = Blog)]
    blog_id: i64,
    #[uow(key)]
    tag_id: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Tag {
    #[uow(key, generated)]
    id: i64,
    #[uow(unique)]
    name: String,
    note: Option<String>,
}

#[derive(Debug, UnitOfWork)]
struct Tags<DB: Backend>
where
    Blog: Entity<DB>,
    Link: Entity<DB>,
    Tag: Entity<DB>,
{
    session: Session<DB>,
    links: Lazy<Entities<Link, DB>>,
    tags: Lazy<Entities<Tag, DB>>,
    blogs: Lazy<Entities<Blog, DB>>,
}

fn link(blog_id: i64, tag_id: i64) -> Link {
    Link { blog_id, tag_id }
}

fn tag(name: &str) -> Tag {
    Tag { id: 0, name: name.into(), note: None }
}

/// The tables; an update of a link is told by `touched`.
async fn tables<DB: Engine>(lab: &Lab<DB>) {
    let (touched, trigger) = match DB::NAME {
        "PostgreSQL" => (
            "touched INT NOT NULL DEFAULT 0",
            "CREATE FUNCTION touch() RETURNS trigger AS $$ begin NEW.touched = OLD.touched + 1; return NEW; end $$ \
             LANGUAGE plpgsql; \
             CREATE TRIGGER touch BEFORE UPDATE ON link FOR EACH ROW EXECUTE FUNCTION touch()",
        ),
        // Here a trigger fires all the same; a row that is written is seen by this.
        "MySQL" => ("touched TIMESTAMP(6) NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(6)", "SELECT 1"),
        _ => (
            "touched INT NOT NULL DEFAULT 0",
            "CREATE TRIGGER touch AFTER UPDATE ON link BEGIN UPDATE link SET touched = touched + 1; END",
        ),
    };
    lab.script(&format!(
        "CREATE TABLE link (blog_id BIGINT NOT NULL, tag_id BIGINT NOT NULL, {touched}, PRIMARY KEY (blog_id, tag_id), \
         CONSTRAINT of_blog FOREIGN KEY (blog_id) REFERENCES blog (id)); \
         CREATE TABLE tag (id {}, name VARCHAR(60) NOT NULL UNIQUE, note VARCHAR(60)); {trigger}",
        DB::GENERATED_KEY
    ))
    .await;
    lab.script("INSERT INTO blog (name) VALUES ('a')").await;
    lab.script("INSERT INTO link (blog_id, tag_id) VALUES (1, 1)").await;
}

/// The links that are stored, and those of them that were written over.
async fn links<DB: Engine>(lab: &Lab<DB>) -> Vec<String> {
    let text = match DB::NAME {
        "MySQL" => {
            "SELECT concat(blog_id, '-', tag_id, if(touched IS NULL, '', ' touched')) FROM link ORDER BY blog_id, tag_id"
        }
        _ => {
            "SELECT blog_id || '-' || tag_id || CASE touched WHEN 0 THEN '' ELSE ' touched' END FROM link ORDER BY blog_id, tag_id"
        }
    };
    DB::texts(&lab.outside, text).await
}

async fn names<DB: Engine>(lab: &Lab<DB>) -> Vec<String> {
    DB::texts(&lab.outside, "SELECT name FROM tag ORDER BY name").await
}

engines! {
    async fn an_upsert_of_what_is_all_key_leaves_the_row_that_is_there_alone(lab) {
        tables(lab).await;
        for _ in 0..2 {
            let mut db = Tags::new(&lab.pool);
            assert_eq!(*db.links().upsert(link(1, 1)).await.unwrap(), link(1, 1));
            assert_eq!(*db.links().upsert(link(1, 2)).await.unwrap(), link(1, 2));
            assert_eq!(db.links().len(), 2);
            db.commit().await.unwrap();
        }
        assert_eq!(links(lab).await, ["1-1", "1-2"]);
    }

    async fn what_is_added_or_ignored_is_inserted_where_it_is_not_there(lab) {
        tables(lab).await;
        let mut db = Tags::new(&lab.pool);
        for tag_id in [1, 2, 3, 2] {
            db.links().add_or_ignore(link(1, tag_id)).unwrap();
        }
        assert!(db.links().is_empty(), "they are not tracked");
        db.commit().await.unwrap();
        assert_eq!(links(lab).await, ["1-1", "1-2", "1-3"]);
        assert!(db.links().is_empty() && db.links().take_undone().is_empty());
        // Alone, behind a parent that is new, and by a unique value.
        db.links().add_or_ignore(link(1, 1)).unwrap();
        db.commit().await.unwrap();
        db.blogs().add(Blog { id: 7, name: "b".into(), version: 0 }).unwrap();
        db.links().add_or_ignore(link(7, 1)).unwrap();
        db.tags().add(tag("new")).unwrap();
        db.tags().add_or_ignore(tag("new")).unwrap();
        db.tags().add_or_ignore(tag("newer")).unwrap();
        db.commit().await.unwrap();
        db.tags().add_or_ignore(tag("newer")).unwrap();
        db.tags().add_or_ignore(tag("newest")).unwrap();
        db.commit().await.unwrap();
        assert_eq!(links(lab).await, ["1-1", "1-2", "1-3", "7-1"]);
        assert_eq!(names(lab).await, ["new", "newer", "newest"]);
    }

    async fn whoever_inserts_or_ignores_hears_whether_it_was_new(lab) {
        tables(lab).await;
        let mut db = Tags::new(&lab.pool);
        for (tag_id, new) in [(1, false), (2, true), (2, false)] {
            assert_eq!(db.links().insert_or_ignore(link(1, tag_id)).await.unwrap(), new, "{tag_id}");
        }
        for (name, new) in [("a", true), ("a", false), ("b", true), ("a", false)] {
            assert_eq!(db.tags().insert_or_ignore(tag(name)).await.unwrap(), new, "{name}");
        }
        // One that was removed here is there again.
        db.links().require((1, 2)).await.unwrap();
        assert!(!db.links().insert_or_ignore(link(1, 2)).await.unwrap());
        db.links().remove(&(1, 2)).unwrap();
        db.links().insert_or_ignore(link(1, 2)).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(links(lab).await, ["1-1", "1-2"]);
        assert_eq!(names(lab).await, ["a", "b"]);
    }

    async fn only_what_is_there_is_ignored(lab) {
        tables(lab).await;
        let mut db = Tags::new(&lab.pool);
        let stale = db.links().insert_or_ignore(link(404, 1)).await.unwrap_err();
        assert!(stale.is_foreign_key_violation(), "{stale}");
        db.rollback().await.unwrap();
        db.links().add_or_ignore(link(1, 2)).unwrap();
        db.links().add_or_ignore(link(404, 1)).unwrap();
        let error = db.commit().await.unwrap_err();
        assert!(error.is_foreign_key_violation(), "{error}");
        let Error::NotStored { entity, key, .. } = &error else { panic!("{error}") };
        assert_eq!((*entity, key.as_str()), ("Link", "(404, 1)"));
        // It can be mended: the parent comes.
        db.blogs().add(Blog { id: 404, name: "late".into(), version: 0 }).unwrap();
        db.commit().await.unwrap();
        assert_eq!(links(lab).await, ["1-1", "1-2", "404-1"]);
    }

    async fn what_is_added_or_ignored_goes_with_its_scope_and_its_transaction(lab) {
        tables(lab).await;
        let mut db = Tags::new(&lab.pool);
        db.links().add_or_ignore(link(1, 2)).unwrap();
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                db.links().add_or_ignore(link(1, 3)).unwrap();
                db.flush().await?;
                Err(Error::Busy)
            })
            .await;
        undone.unwrap_err();
        assert_eq!(db.links().take_undone(), [link(1, 3)]);
        db.commit().await.unwrap();
        assert_eq!(links(lab).await, ["1-1", "1-2"]);

        db.links().add_or_ignore(link(1, 4)).unwrap();
        db.flush().await.unwrap();
        db.links().add_or_ignore(link(1, 5)).unwrap();
        db.rollback().await.unwrap();
        assert_eq!(db.links().take_undone(), [link(1, 4), link(1, 5)]);
        db.commit().await.unwrap();
        assert_eq!(links(lab).await, ["1-1", "1-2"]);
    }

    async fn rows_are_deleted_without_being_read(lab) {
        tables(lab).await;
        lab.script("INSERT INTO link (blog_id, tag_id) VALUES (1, 2), (1, 3), (1, 4), (1, 5)").await;
        let mut db = Tags::new(&lab.pool);
        assert!(db.links().delete((1, 1)).await.unwrap());
        assert!(!db.links().delete((1, 1)).await.unwrap());
        assert_eq!(db.links().delete_where(sql::<Db>("tag_id = ?")).bind(2).execute().await.unwrap(), 1);
        assert_eq!(db.links().delete_where(sql::<Db>("tag_id = ?")).bind(2).execute().await.unwrap(), 0);
        // What is tracked knows of it, and what is not concerned stays.
        db.links().all().fetch().await.unwrap();
        db.links().add(link(1, 9)).unwrap();
        db.links().add(link(1, 8)).unwrap();
        assert!(db.links().delete((1, 8)).await.unwrap(), "one that was only added is taken back");
        assert_eq!(db.links().delete_where(sql::<Db>("tag_id > ?")).bind(3).execute().await.unwrap(), 2);
        assert_eq!(db.links().iter().map(|link| link.tag_id).collect::<Vec<_>>(), [3, 9]);
        assert!(db.links().get((1, 4)).await.unwrap().is_none());
        db.commit().await.unwrap();
        assert_eq!(links(lab).await, ["1-3", "1-9"]);
    }

    async fn a_scope_that_is_undone_brings_back_what_was_deleted_in_it(lab) {
        tables(lab).await;
        let mut db = Tags::new(&lab.pool);
        db.links().require((1, 1)).await.unwrap();
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                db.links().delete((1, 1)).await?;
                assert!(db.links().is_empty());
                Err(Error::Busy)
            })
            .await;
        undone.unwrap_err();
        assert!(db.links().contains(&(1, 1)));
        db.commit().await.unwrap();
        assert_eq!(links(lab).await, ["1-1"]);
    }

    async fn rows_are_counted_and_looked_for_by_the_database(lab) {
        tables(lab).await;
        lab.script("INSERT INTO tag (name) VALUES ('a'), ('b'), ('c'), ('d')").await;
        let mut db = Tags::new(&lab.pool);
        assert_eq!(db.tags().all().count().await.unwrap(), 4);
        assert_eq!(db.tags().query(sql::<Db>("name > ? ORDER BY name")).bind("b").count().await.unwrap(), 2);
        assert_eq!(db.tags().query(sql::<Db>("name > ?")).bind("a").limit(2).count().await.unwrap(), 2);
        assert!(db.tags().query(sql::<Db>("name = ?")).bind("b").exists().await.unwrap());
        assert!(!db.tags().query(sql::<Db>("name = ?")).bind("z").exists().await.unwrap());
        assert!(db.links().all().exists().await.unwrap());
        assert!(db.tags().is_empty(), "nothing is tracked");
    }

    async fn pages_come_by_number_and_behind_a_key(lab) {
        tables(lab).await;
        lab.script("INSERT INTO tag (name) VALUES ('a'), ('b'), ('c'), ('d'), ('e')").await;
        lab.script("INSERT INTO blog (name) VALUES ('b')").await;
        lab.script("INSERT INTO link (blog_id, tag_id) VALUES (2, 0), (2, 2), (1, 3)").await;
        let mut db = Tags::new(&lab.pool);
        let text = |tags: Vec<&mut Tag>| tags.iter().map(|tag| tag.name.as_str()).collect::<String>();
        let tags = db.tags();
        assert_eq!(text(tags.query("1 = 1 ORDER BY name").limit(2).fetch().await.unwrap()), "ab");
        assert_eq!(text(tags.query("1 = 1 ORDER BY name").limit(2).offset(3).fetch().await.unwrap()), "de");
        assert_eq!(text(tags.query("1 = 1 ORDER BY name DESC").offset(3).fetch().await.unwrap()), "ba");
        assert_eq!(text(tags.all().after(None).limit(2).fetch().await.unwrap()), "ab");
        assert_eq!(text(tags.all().after(Some(2)).limit(2).fetch().await.unwrap()), "cd");
        let or = sql::<Db>("name = ? OR name > ?");
        assert_eq!(text(tags.query(or.clone()).bind("a").bind("c").after(None).fetch().await.unwrap()), "ade");
        assert_eq!(text(tags.query(or).bind("a").bind("c").after(Some(1)).limit(1).fetch().await.unwrap()), "d");
        assert_eq!(tags.all().after(Some(3)).first().await.unwrap().unwrap().name, "d");
        let behind = db.links().all().after(Some((1, 1))).limit(2).fetch().await.unwrap();
        assert_eq!(behind.iter().map(|link| (link.blog_id, link.tag_id)).collect::<Vec<_>>(), [(1, 3), (2, 0)]);
    }
}

mod wire {
    use super::*;

    servers! {
        async fn a_batch_of_what_may_be_there_is_one_statement(lab) {
            tables(lab).await;
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Tags::new(&pool);
            proxy.sent();
            for tag_id in 1..=100 {
                db.links().add_or_ignore(link(1, tag_id)).unwrap();
            }
            db.commit().await.unwrap();
            let texts = Db::statements(&proxy.sent());
            assert_eq!(texts.iter().filter(|text| text.contains("INSERT")).count(), 1, "{texts:#?}");
            assert!(!texts.iter().any(|text| text.contains("SELECT") && text.contains("link") && !text.contains("INSERT")));
            assert_eq!(links(lab).await.len(), 100);

            // None of these reads before it writes.
            db.links().insert_or_ignore(link(1, 1)).await.unwrap();
            db.links().delete((1, 1)).await.unwrap();
            db.links().delete_where("tag_id > 50").execute().await.unwrap();
            db.links().upsert(link(1, 101)).await.unwrap();
            let texts = Db::statements(&proxy.sent());
            let reads: Vec<&String> = texts.iter().filter(|text| text.starts_with("SELECT")).collect();
            assert_eq!(reads.len(), usize::from(!lab.has_returning()), "{texts:#?}");
            db.commit().await.unwrap();
        }
    }
}
