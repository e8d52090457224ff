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
{
    session: Session<DB>,
    // Not in the order in which they can be written.
    children: Lazy<Children<DB>>,
    branches: Lazy<Entities<Branch, DB>>,
    parents: Lazy<Entities<Parent, DB>>,
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

fn parent(id: i64, name: &str) -> Parent {
    Parent { id, name: name.into() }
}

async fn make_tables<DB: Engine>(lab: &Lab<DB>) {
    let key = DB::GENERATED_KEY;
    lab.script(&format!(
        "CREATE TABLE parent (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE); \
         CREATE TABLE child (id BIGINT NOT NULL PRIMARY KEY, parent_id BIGINT, FOREIGN KEY (parent_id) REFERENCES parent (id)); \
         CREATE TABLE branch (id {key}, trunk_id BIGINT, FOREIGN KEY (trunk_id) REFERENCES branch (id))"
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
