//! H5: SQLite rolls the whole transaction back on its own, as `OR ROLLBACK` asks it to (and as it may when the disk is full).
//! sqlx does not notice: what follows is stored at once, and its count of the depth is wrong for as long as the connection
//! lives.

use std::time::Duration;

use super::steps::*;
use super::words::*;

const OR_ROLLBACK: &str = "INSERT OR ROLLBACK INTO blog (name) VALUES ('before')";

pub(super) mod statement {
    use super::*;

    hazard! {
        "H5 `OR ROLLBACK` strikes and is swallowed, then INSERT and `commit()`" on sqlite;
        plain_sqlx_stores_the_insert_and_then_says_err;
        a_unit_of_work_stores_nothing
    }

    async fn plain_sqlx_stores_the_insert_and_then_says_err(lab: &mut Lab<Sqlite>) -> String {
        let mut tx = lab.pool.begin().await.unwrap();
        tx.insert("before").await.unwrap();
        tx.run(OR_ROLLBACK).await.unwrap_err();
        tx.insert("after").await.unwrap();
        assert_eq!(lab.blogs().await, ["after"], "stored before any COMMIT");
        let commit = tx.commit().await;
        let stored = lab.blogs().await;
        assert!(commit.is_err());
        assert_eq!(stored, ["after"]);
        format!("`commit()`: {}; stored: {}", said(commit), list(&stored))
    }

    async fn a_unit_of_work_stores_nothing(lab: &mut Lab<Sqlite>) -> String {
        let mut db = Unit::new(&lab.pool);
        db.insert("before").await.unwrap();
        db.run(OR_ROLLBACK).await.unwrap_err();
        db.insert("after").await.unwrap_err();
        let commit = db.commit().await;
        let stored = lab.blogs().await;
        assert!(commit.as_ref().unwrap_err().is_rolled_back());
        assert_eq!(stored, [""; 0]);
        format!("`commit()`: {}; stored: {}", said(commit), list(&stored))
    }
}

pub(super) mod savepoint {
    use super::*;

    hazard! {
        "H5 `OR ROLLBACK` strikes in a savepoint, which is rolled back; then INSERT and `commit()`" on sqlite;
        plain_sqlx_stores_the_insert_and_then_says_err;
        a_unit_of_work_stores_nothing
    }

    async fn plain_sqlx_stores_the_insert_and_then_says_err(lab: &mut Lab<Sqlite>) -> String {
        let mut tx = lab.pool.begin().await.unwrap();
        tx.insert("before").await.unwrap();
        let mut scope = tx.begin().await.unwrap();
        scope.run(OR_ROLLBACK).await.unwrap_err();
        scope.rollback().await.unwrap_err();
        tx.insert("after").await.unwrap();
        assert_eq!(lab.blogs().await, ["after"], "stored before any COMMIT");
        let commit = tx.commit().await;
        let stored = lab.blogs().await;
        assert!(commit.is_err());
        assert_eq!(stored, ["after"]);
        format!("`commit()`: {}; stored: {}", said(commit), list(&stored))
    }

    async fn a_unit_of_work_stores_nothing(lab: &mut Lab<Sqlite>) -> String {
        let mut db = Unit::new(&lab.pool);
        db.insert("before").await.unwrap();
        db.savepoint(async |db| db.run(OR_ROLLBACK).await).await.unwrap_err();
        db.insert("after").await.unwrap_err();
        let commit = db.commit().await;
        let stored = lab.blogs().await;
        assert!(commit.as_ref().unwrap_err().is_rolled_back());
        assert_eq!(stored, [""; 0]);
        format!("`commit()`: {}; stored: {}", said(commit), list(&stored))
    }
}

pub(super) mod connection {
    use super::*;

    hazard! {
        "H5 `OR ROLLBACK` struck; the next transaction on that connection is dropped; another one writes" on sqlite;
        plain_sqlx_leaves_the_write_lock_in_the_pool;
        a_unit_of_work_leaves_none
    }

    async fn plain_sqlx_leaves_the_write_lock_in_the_pool(lab: &mut Lab<Sqlite>) -> String {
        lab.pool = lab.pool_of(1).await;
        let mut tx = lab.pool.begin().await.unwrap();
        tx.insert("before").await.unwrap();
        tx.run(OR_ROLLBACK).await.unwrap_err();
        drop(tx);
        let mut next = lab.pool.begin().await.unwrap();
        next.insert("next").await.unwrap();
        drop(next);
        lab.settled().await;
        let other = write(lab).await;
        assert_eq!(code(other.as_ref().unwrap_err()), "5");
        format!("the other's INSERT: {}", said(other))
    }

    async fn a_unit_of_work_leaves_none(lab: &mut Lab<Sqlite>) -> String {
        lab.pool = lab.pool_of(1).await;
        let mut db = Unit::new(&lab.pool);
        db.insert("before").await.unwrap();
        db.run(OR_ROLLBACK).await.unwrap_err();
        drop(db);
        let mut next = Unit::new(&lab.pool);
        next.insert("next").await.unwrap();
        drop(next);
        lab.settled().await;
        let other = write(lab).await;
        assert!(other.is_ok());
        format!("the other's INSERT: {}", said(other))
    }

    /// A write on a connection of its own, which does not wait long for its lock.
    async fn write(lab: &Lab<Sqlite>) -> sqlx::Result<()> {
        let connect = lab.connect.clone().busy_timeout(Duration::from_millis(300));
        let pool = uow_test_support::pool_options::<Sqlite>()
            .max_connections(1)
            .connect_with(connect)
            .await
            .unwrap();
        let written = pool.acquire().await.unwrap().insert("other").await;
        pool.close().await;
        written
    }
}
