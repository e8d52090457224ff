//! Entities that refer to each other, in tables with foreign keys: what is written in which order.

mod common;

use common::*;
use unit_of_work::Entities;

#[derive(Debug, UnitOfWork)]
struct Family<DB: Backend>
where
    Child: Entity<DB>,
    Parent: Entity<DB>,
    Branch: Entity<DB>,
    Link: Entity<DB>,
{
    session: Session<DB>,
    // Not in the order in which they can be written.
    children: Lazy<Children<DB>>,
    branches: Lazy<Entities<Branch, DB>>,
    parents: Lazy<Entities<Parent, DB>>,
    links: Lazy<Entities<Link, DB>>,
}

/// A repository of the application's own, with entities inside.
#[derive(Debug, Repository)]
struct Children<DB: Backend>
where
    Child: Entity<DB>,
{
    all: Entities<Child, DB>,
}

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Parent {
    #[uow(key)]
    id: i64,
    #[uow(unique)]
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Child {
    #[uow(key)]
    id: i64,
    #[uow(references = Parent)]
    parent_id: Option<i64>,
}

/// A tree: refers to its own kind.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Branch {
    #[uow(key, generated)]
    id: i64,
    #[uow(references = Branch)]
    trunk_id: Option<i64>,
}

/// Between a parent and a branch.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Link {
    #[uow(key, references = Parent)]
    parent_id: i64,
    #[uow(key, references = Branch)]
    branch_id: i64,
}

fn parent(id: i64, name: &str) -> Parent {
    Parent { id, name: name.into() }
}

async fn make_tables<DB: Engine>(lab: &Lab<DB>) {
    let key = DB::GENERATED_KEY;
    lab.script(&format!(
        "CREATE TABLE parent (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE); \
         CREATE TABLE child (id BIGINT NOT NULL PRIMARY KEY, parent_id BIGINT, FOREIGN KEY (parent_id) REFERENCES parent (id)); \
         CREATE TABLE branch (id {key}, trunk_id BIGINT, FOREIGN KEY (trunk_id) REFERENCES branch (id)); \
         CREATE TABLE link (parent_id BIGINT NOT NULL, branch_id BIGINT NOT NULL, PRIMARY KEY (parent_id, branch_id), \
            FOREIGN KEY (parent_id) REFERENCES parent (id), FOREIGN KEY (branch_id) REFERENCES branch (id))"
    ))
    .await;
}

async fn counts<DB: Engine>(lab: &Lab<DB>) -> Vec<String> {
    let text = "SELECT concat((SELECT count(*) FROM parent), ' ', (SELECT count(*) FROM child), ' ', (SELECT count(*) FROM branch))";
    DB::texts(&lab.outside, text).await
}

engines! {
    async fn parents_come_first_and_go_last(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        for id in 0..20 {
            db.children().all.add(Child { id, parent_id: Some(id % 5) }).unwrap();
        }
        for id in 0..5 {
            db.parents().add(parent(id, &format!("{id}"))).unwrap();
        }
        db.commit().await.unwrap();
        assert_eq!(counts(lab).await, ["5 20 0"]);
        for id in 0..5 {
            db.parents().remove(&id).unwrap();
        }
        for id in 0..20 {
            db.children().all.remove(&id).unwrap();
        }
        db.commit().await.unwrap();
        assert_eq!(counts(lab).await, ["0 0 0"]);
    }

    async fn a_parent_can_go_when_its_children_let_go_of_it(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        db.parents().add(parent(1, "old")).unwrap();
        db.children().all.add(Child { id: 1, parent_id: Some(1) }).unwrap();
        db.children().all.add(Child { id: 2, parent_id: Some(1) }).unwrap();
        db.commit().await.unwrap();
        db.children().all.require(1).await.unwrap().parent_id = None;
        // One of them moves to a parent that is new.
        db.children().all.require(2).await.unwrap().parent_id = Some(2);
        db.parents().add(parent(2, "new")).unwrap();
        db.parents().remove(&1).unwrap();
        db.commit().await.unwrap();
        let children = "SELECT concat(id, ' ', CASE WHEN parent_id IS NULL THEN '-' ELSE concat(parent_id) END) FROM child ORDER BY id";
        assert_eq!(Db::texts(&lab.outside, children).await, ["1 -", "2 2"]);
        assert_eq!(counts(lab).await, ["1 2 0"]);
    }

    async fn a_parent_that_is_still_referred_to_is_named(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        for id in 1..100 {
            db.parents().add(parent(id, &format!("{id}"))).unwrap();
        }
        db.children().all.add(Child { id: 1, parent_id: Some(77) }).unwrap();
        db.commit().await.unwrap();
        for id in 1..100 {
            db.parents().remove(&id).unwrap();
        }
        let error = db.commit().await.unwrap_err();
        assert!(error.to_string().contains("`Parent` 77 could not be deleted"), "{error}");
        db.children().all.remove(&1).unwrap();
        db.commit().await.unwrap();
        assert_eq!(counts(lab).await, ["0 0 0"]);
    }

    async fn a_tree_grows_from_its_root_and_is_felled_in_one_go(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        let root = db.branches().add(Branch { id: 0, trunk_id: None }).unwrap();
        let mut ends = vec![root.clone()];
        for _ in 0..4 {
            let mut next = Vec::new();
            for trunk in &ends {
                for _ in 0..3 {
                    next.push(db.branches().add_to(trunk, Branch { id: 0, trunk_id: None }).unwrap());
                }
            }
            ends = next;
        }
        db.commit().await.unwrap();
        assert_eq!(counts(lab).await, ["0 0 121"]);
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM branch WHERE trunk_id IS NULL").await, ["1"]);
        let three_each = "SELECT concat(count(*)) FROM (SELECT trunk_id FROM branch WHERE trunk_id IS NOT NULL \
                          GROUP BY trunk_id HAVING count(*) = 3) AS full_trunks";
        assert_eq!(Db::texts(&lab.outside, three_each).await, ["40"]);
        let ids: Vec<i64> = db.branches().iter().map(|branch| branch.id).collect();
        for id in ids {
            db.branches().remove(&id).unwrap();
        }
        db.commit().await.unwrap();
        assert_eq!(counts(lab).await, ["0 0 0"]);
    }

    async fn rows_of_one_kind_may_be_added_before_what_they_refer_to(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        for id in (1..=20).rev() {
            db.branches().add(Branch { id, trunk_id: (id > 1).then_some(id - 1) }).unwrap();
        }
        db.commit().await.unwrap();
        assert_eq!(counts(lab).await, ["0 0 20"]);
    }

    async fn a_unique_value_of_a_parent_that_children_leave_goes_to_their_new_one(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        db.parents().add(parent(1, "a")).unwrap();
        db.parents().add(parent(2, "b")).unwrap();
        db.children().all.add(Child { id: 1, parent_id: Some(1) }).unwrap();
        db.commit().await.unwrap();
        // The delete frees the name, but only the update of the child frees the parent.
        db.children().all.require(1).await.unwrap().parent_id = Some(2);
        db.parents().remove(&1).unwrap();
        db.parents().require(2).await.unwrap().name = "c".into();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT name FROM parent").await, ["c"]);
    }

    async fn a_child_of_a_parent_that_is_never_stored_is_told(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        let mut other = Family::new(&lab.pool);
        let root = other.branches().add(Branch { id: 0, trunk_id: None }).unwrap();
        db.branches().add_to(&root, Branch { id: 0, trunk_id: None }).unwrap();
        let error = db.commit().await.unwrap_err();
        assert!(matches!(error, Error::ParentNotStored { entity: "Branch" }), "{error}");
        assert_eq!(db.branches().len(), 1);
        db.rollback().await.unwrap();
        assert_eq!(db.branches().take_undone(), [Branch { id: 0, trunk_id: None }]);
        assert_eq!(counts(lab).await, ["0 0 0"]);
    }

    async fn what_links_two_others_is_written_last_and_left_alone_by_their_changes(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        db.links().add(Link { parent_id: 1, branch_id: 2 }).unwrap();
        db.parents().add(parent(1, "a")).unwrap();
        db.branches().add(Branch { id: 2, trunk_id: None }).unwrap();
        db.commit().await.unwrap();
        // Nothing of the link is asked for, or written, when one of the two changes.
        let mut db = Family::new(&lab.pool);
        db.parents().require(1).await.unwrap().name = "b".into();
        db.commit().await.unwrap();
        assert!(db.links().require((1, 2)).await.is_ok());
        db.branches().require(2).await.unwrap();
        db.parents().remove(&1).unwrap();
        db.branches().remove(&2).unwrap();
        db.links().remove(&(1, 2)).unwrap();
        db.commit().await.unwrap();
        assert_eq!(counts(lab).await, ["0 0 0"]);
    }

    async fn a_flush_that_fails_takes_nothing_from_one_that_went_well(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        db.parents().add(parent(1, "a")).unwrap();
        db.commit().await.unwrap();
        db.parents().add(parent(77, "first flush")).unwrap();
        db.flush().await.unwrap();
        db.parents().add(parent(78, "second flush")).unwrap();
        db.children().all.add(Child { id: 1, parent_id: Some(78) }).unwrap();
        db.parents().add(parent(79, "a")).unwrap();
        for _ in 0..2 {
            let error = db.flush().await.unwrap_err();
            assert!(error.to_string().contains("`Parent` 79 could not be inserted"), "{error}");
            let seen: i64 = sqlx::query_scalar("SELECT max(id) FROM parent").fetch_one(db.session()).await.unwrap();
            assert_eq!(seen, 77);
        }
        db.parents().remove(&79).unwrap();
        db.parents().remove(&78).unwrap();
        db.children().all.remove(&1).unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(id) FROM parent ORDER BY id").await, ["1", "77"]);
    }

    async fn what_a_kept_scope_removed_is_there_again_after_a_rollback(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        db.parents().add(parent(1, "a")).unwrap();
        db.commit().await.unwrap();
        for flushed in [true, false] {
            db.parents().require(1).await.unwrap();
            db.savepoint(async |db| {
                db.parents().remove(&1)?;
                if flushed {
                    db.flush().await?;
                }
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
            assert!(!db.parents().contains(&1));
            assert!(db.parents().get(1).await.unwrap().is_none());
            db.rollback().await.unwrap();
            assert_eq!(db.parents().require(1).await.unwrap().name, "a");
        }
        // Without a scope as well; and once it is committed it stays removed.
        db.parents().remove(&1).unwrap();
        db.rollback().await.unwrap();
        db.parents().require(1).await.unwrap();
        db.parents().remove(&1).unwrap();
        db.commit().await.unwrap();
        db.rollback().await.unwrap();
        assert!(db.parents().get(1).await.unwrap().is_none());
    }

    async fn units_that_change_the_same_rows_in_any_order_seldom_wait_for_each_other(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        for id in 1..=2 {
            db.parents().add(parent(id, &id.to_string())).unwrap();
        }
        for id in 1..=40 {
            db.children().all.add(Child { id, parent_id: Some(1) }).unwrap();
        }
        db.commit().await.unwrap();
        let tasks = (0..40).map(|task: i64| {
            let pool = lab.pool.clone();
            tokio::spawn(async move {
                let mut db = Family::new(&pool);
                let mut deadlocks = 0;
                loop {
                    let mut children = db.children().all.all().fetch().await.unwrap();
                    if task % 2 == 0 {
                        children.reverse();
                    }
                    let keys: Vec<i64> = children.iter().map(|child| child.id).collect();
                    // What is written behind is written in a transaction of its own: the rows read are those of no snapshot.
                    db.commit().await.unwrap();
                    for key in keys {
                        let child = db.children().all.require(key).await.unwrap();
                        child.parent_id = if child.parent_id.is_none() { Some(1 + task % 2) } else { None };
                    }
                    match db.commit().await {
                        Ok(()) => return deadlocks,
                        Err(error) => assert!(error.is_transient() && deadlocks < 5, "{error}"),
                    }
                    deadlocks += 1;
                    db.rollback().await.unwrap();
                }
            })
        });
        let deadlocks: u32 = futures_util::future::join_all(tasks).await.into_iter().map(Result::unwrap).sum();
        // PostgreSQL locks the rows of a join in the order in which it finds them; the others in that of the statement.
        let most = if <Db as sqlx::Database>::NAME == "PostgreSQL" { 40 } else { 0 };
        assert!(deadlocks <= most, "{deadlocks}");
    }

    async fn upsert_by_its_key_leaves_the_rows_of_others_alone(lab) {
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        db.parents().add(parent(1, "a")).unwrap();
        db.commit().await.unwrap();
        let mut db = Family::new(&lab.pool);
        let refused: Result<(), Error> =
            db.savepoint(async |db| db.parents().upsert(parent(2, "a")).await.map(drop)).await;
        refused.unwrap_err();
        db.parents().upsert(parent(3, "c")).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(id, name) FROM parent ORDER BY id").await, ["1a", "3c"]);
    }

    async fn an_upsert_that_is_dropped_or_fails_spoils_the_unit_until_its_rollback(lab) {
        use futures_util::FutureExt as _;
        make_tables(lab).await;
        let mut db = Family::new(&lab.pool);
        db.parents().add(parent(1, "a")).unwrap();
        db.commit().await.unwrap();
        // SQLite's thread may have answered by the end of the first poll; then it was not dropped.
        while db.parents().upsert(parent(9, "dropped")).now_or_never().is_some() {}
        assert!(db.commit().await.is_err());
        db.rollback().await.unwrap();
        assert!(db.parents().upsert(parent(2, "a")).await.is_err());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        db.rollback().await.unwrap();
        db.parents().upsert(parent(3, "c")).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(id, name) FROM parent ORDER BY id").await, ["1a", "3c"]);
    }
}

mod on_the_wire {
    use super::*;

    uow_test_support::servers! {
        async fn each_type_and_kind_is_one_statement(lab) {
            make_tables(lab).await;
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut counts = Vec::new();
            // The first round prepares.
            for round in 0..2 {
                let id = 100 * round;
                let mut db = Family::begin(&pool).await.unwrap();
                let before = proxy.round_trips();
                db.parents().add(parent(id, &id.to_string())).unwrap();
                for child in 1..=2 {
                    db.children().all.add(Child { id: id + child, parent_id: Some(id) }).unwrap();
                }
                db.flush().await.unwrap();
                let inserted = proxy.round_trips() - before;
                for child in db.children().all.iter_mut() {
                    child.parent_id = None;
                }
                db.parents().remove(&id).unwrap();
                let before = proxy.round_trips();
                db.flush().await.unwrap();
                counts.push((inserted, proxy.round_trips() - before));
                db.commit().await.unwrap();
            }
            // SAVEPOINT, the parent, the children, RELEASE; SAVEPOINT, the children let go, the parent goes, RELEASE.
            assert_eq!(counts[1], (4, 4));
        }

        async fn parents_are_written_first_and_deleted_last_and_room_is_made_before_it_is_taken(lab) {
            make_tables(lab).await;
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Family::new(&pool);
            // What the flush wrote, in its order; a careful second try would have it right in the end as well.
            let wrote = async |db: &mut Family<Db>| -> Vec<String> {
                proxy.sent();
                db.flush().await.unwrap();
                let sent = Db::statements(&proxy.sent()).join("; ").replace(['"', '`'], "");
                let is_write = |text: &&str| ["INSERT", "UPDATE", "DELETE"].iter().any(|word| text.starts_with(word));
                let words = |text: &str| text.split([' ', '(']).take(if text.starts_with('U') { 2 } else { 3 }).collect::<Vec<_>>().join(" ");
                sent.split("; ").filter(is_write).map(words).collect()
            };
            db.links().add(Link { parent_id: 1, branch_id: 2 }).unwrap();
            db.children().all.add(Child { id: 1, parent_id: Some(1) }).unwrap();
            db.branches().add(Branch { id: 2, trunk_id: None }).unwrap();
            db.parents().add(parent(1, "a")).unwrap();
            db.parents().add(parent(2, "b")).unwrap();
            let order = wrote(&mut db).await;
            assert_eq!(order.len(), 4, "{order:?}");
            assert!(order.ends_with(&["INSERT INTO link".to_owned()]), "{order:?}");
            let at = |table: &str| order.iter().position(|text| text.ends_with(table));
            assert!(at("parent") < at("child"), "{order:?}");

            // A change of one of the two has nothing to do with what links them.
            db.branches().require(2).await.unwrap().trunk_id = Some(2);
            assert_eq!(wrote(&mut db).await, ["UPDATE branch"]);

            db.parents().remove(&1).unwrap();
            db.children().all.remove(&1).unwrap();
            db.links().remove(&(1, 2)).unwrap();
            db.parents().require(2).await.unwrap().name = "a".into();
            // The child and the link have to go before the parent, and that one before its name is free.
            let order = wrote(&mut db).await;
            assert_eq!(order.len(), 4, "{order:?}");
            assert!(order.ends_with(&["DELETE FROM parent".to_owned(), "UPDATE parent".to_owned()]), "{order:?}");
            db.commit().await.unwrap();
        }

        async fn what_a_kept_scope_wrote_is_read_without_asking(lab) {
            make_tables(lab).await;
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Family::new(&pool);
            for id in 1..=2 {
                db.parents().add(parent(id, &id.to_string())).unwrap();
            }
            db.flush().await.unwrap();
            db.savepoint(async |db| {
                for parent in db.parents().iter_mut() {
                    parent.name.push('!');
                }
                db.parents().add(parent(3, "3!"))?;
                db.flush().await
            })
            .await
            .unwrap();
            let before = proxy.round_trips();
            for id in 1..=3 {
                assert_eq!(db.parents().require(id).await.unwrap().name, format!("{id}!"));
            }
            assert_eq!(proxy.round_trips(), before);
            db.commit().await.unwrap();
            assert_eq!(Db::texts(&lab.outside, "SELECT name FROM parent ORDER BY id").await, ["1!", "2!", "3!"]);
        }
    }
}
