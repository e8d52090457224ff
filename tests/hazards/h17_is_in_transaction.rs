//! H17: `is_in_transaction()`, and whether the server is in one: whether the row that was written is still locked.

use super::h04_ended_by_mysql::lose_a_deadlock;
use super::steps::*;

const WRITE: &str = "UPDATE blog SET version = 1";

pub(super) mod after_commit {
    use super::*;

    hazard! {
        "H17 COMMIT as a text, then `is_in_transaction()`" on sqlite postgres mysql;
        plain_sqlx_says_true_when_there_is_none;
        a_unit_of_work_says_true_and_it_is
    }

    async fn plain_sqlx_says_true_when_there_is_none<DB: Steps>(lab: &mut Lab<DB>) -> String {
        lab.script("INSERT INTO blog (name) VALUES ('row')").await;
        let mut tx = lab.pool.begin().await.unwrap();
        tx.run(WRITE).await.unwrap();
        tx.run("COMMIT").await.unwrap();
        let (claims, locked) = (tx.is_in_transaction(), is_locked(lab).await);
        assert_eq!((claims, locked), (true, false));
        told(claims, locked)
    }

    async fn a_unit_of_work_says_true_and_it_is<DB: Steps>(lab: &mut Lab<DB>) -> String {
        lab.script("INSERT INTO blog (name) VALUES ('row')").await;
        let mut db = Unit::new(&lab.pool);
        db.run(WRITE).await.unwrap();
        db.run("COMMIT").await.unwrap_err();
        let (claims, locked) = (db.session().is_in_transaction(), is_locked(lab).await);
        assert_eq!((claims, locked), (true, true));
        told(claims, locked)
    }
}

pub(super) mod after_a_deadlock {
    use super::*;

    hazard! {
        "H17 a deadlock, then `is_in_transaction()`" on mysql;
        plain_sqlx_says_true_when_there_is_none;
        a_unit_of_work_says_what_is
    }

    async fn plain_sqlx_says_true_when_there_is_none(lab: &mut Lab<MySql>) -> String {
        let mut tx = lab.pool.begin().await.unwrap();
        lose_a_deadlock(lab, &mut tx).await.unwrap_err();
        let (claims, locked) = (tx.is_in_transaction(), is_locked(lab).await);
        assert_eq!((claims, locked), (true, false));
        told(claims, locked)
    }

    async fn a_unit_of_work_says_what_is(lab: &mut Lab<MySql>) -> String {
        let mut db = Unit::new(&lab.pool);
        lose_a_deadlock(lab, &mut db).await.unwrap_err();
        let (claims, locked) = (db.session().is_in_transaction(), is_locked(lab).await);
        assert!(claims == locked, "{}", told(claims, locked));
        told(claims, locked)
    }
}

pub(super) mod after_or_rollback {
    use super::*;

    hazard! {
        "H17 `OR ROLLBACK` strikes, then `is_in_transaction()`" on sqlite;
        plain_sqlx_says_true_when_there_is_none;
        a_unit_of_work_says_what_is
    }

    const OR_ROLLBACK: &str = "INSERT OR ROLLBACK INTO blog (name) VALUES ('row')";

    async fn plain_sqlx_says_true_when_there_is_none(lab: &mut Lab<Sqlite>) -> String {
        let mut tx = lab.pool.begin().await.unwrap();
        tx.insert("row").await.unwrap();
        tx.run(OR_ROLLBACK).await.unwrap_err();
        let (claims, locked) = (tx.is_in_transaction(), is_locked(lab).await);
        assert_eq!((claims, locked), (true, false));
        told(claims, locked)
    }

    async fn a_unit_of_work_says_what_is(lab: &mut Lab<Sqlite>) -> String {
        // The error of a constraint is the same where SQLite rolls back and where it does not: told apart they have to be.
        let mut db = Unit::new(&lab.pool);
        db.insert("row").await.unwrap();
        db.insert("row").await.unwrap_err();
        let (claims, locked) = (db.session().is_in_transaction(), is_locked(lab).await);
        assert!(claims == locked, "without `OR ROLLBACK`: {}", told(claims, locked));
        db.rollback().await.unwrap();

        db.insert("row").await.unwrap();
        db.run(OR_ROLLBACK).await.unwrap_err();
        let (claims, locked) = (db.session().is_in_transaction(), is_locked(lab).await);
        assert!(claims == locked, "{}", told(claims, locked));
        told(claims, locked)
    }
}

fn told(claims: bool, locked: bool) -> String {
    format!("{claims}; its locks are {}", if locked { "held" } else { "gone" })
}
