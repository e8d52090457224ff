//! H4: MySQL and MariaDB end a transaction on their own: DDL commits it, a deadlock rolls it back. sqlx does not notice, and
//! what follows is stored at once.

use super::steps::*;
use super::words::*;

pub(super) mod ddl {
    use super::*;

    hazard! {
        "H4 DDL, then `rollback()`" on mysql;
        plain_sqlx_says_ok_to_a_rollback_that_undid_nothing;
        a_unit_of_work_refuses_the_ddl_and_rolls_back
    }

    async fn plain_sqlx_says_ok_to_a_rollback_that_undid_nothing(lab: &mut Lab<MySql>) -> String {
        let mut tx = lab.pool.begin().await.unwrap();
        tx.insert("before").await.unwrap();
        tx.run("CREATE TABLE ddl (id INT)").await.unwrap();
        tx.insert("after").await.unwrap();
        let rollback = tx.rollback().await;
        let stored = lab.blogs().await;
        assert!(rollback.is_ok());
        assert_eq!(stored, ["after", "before"]);
        format!("`rollback()`: {}; stored: {}", said(rollback), list(&stored))
    }

    async fn a_unit_of_work_refuses_the_ddl_and_rolls_back(lab: &mut Lab<MySql>) -> String {
        let mut db = Unit::new(&lab.pool);
        db.insert("before").await.unwrap();
        let ddl = db.run("CREATE TABLE ddl (id INT)").await;
        assert!(ddl.is_err());
        db.insert("after").await.unwrap();
        let rollback = db.rollback().await;
        let stored = lab.blogs().await;
        assert!(rollback.is_ok());
        assert_eq!(stored, [""; 0]);
        format!("{}; `rollback()`: {}; stored: {}", said(ddl), said(rollback), list(&stored))
    }
}

pub(super) mod deadlock {
    use super::*;

    hazard! {
        "H4 a deadlock is swallowed, then INSERT and `rollback()`" on mysql;
        plain_sqlx_stores_the_insert_at_once_and_keeps_it;
        a_unit_of_work_does_not_send_it
    }

    async fn plain_sqlx_stores_the_insert_at_once_and_keeps_it(lab: &mut Lab<MySql>) -> String {
        let mut tx = lab.pool.begin().await.unwrap();
        let victim = lose_a_deadlock(lab, &mut tx).await;
        let insert = tx.insert("later").await;
        assert!(insert.is_ok());
        assert_eq!(later(lab).await, ["later"], "stored before any COMMIT");
        let rollback = tx.rollback().await;
        let stored = later(lab).await;
        assert!(rollback.is_ok());
        assert_eq!(stored, ["later"]);
        format!(
            "{}; INSERT: {}; `rollback()`: {}; stored: {}",
            said(victim),
            said(insert),
            said(rollback),
            list(&stored)
        )
    }

    async fn a_unit_of_work_does_not_send_it(lab: &mut Lab<MySql>) -> String {
        let mut db = Unit::new(&lab.pool);
        let victim = lose_a_deadlock(lab, &mut db).await;
        let insert = db.insert("later").await;
        assert!(insert.is_err());
        let commit = db.commit().await;
        assert!(commit.as_ref().unwrap_err().is_rolled_back() && commit.as_ref().unwrap_err().is_transient());
        let rollback = db.rollback().await;
        let stored = later(lab).await;
        assert!(rollback.is_ok());
        assert_eq!(stored, [""; 0]);
        format!(
            "{}; INSERT: {}; `rollback()`: {}; stored: {}",
            said(victim),
            said(insert),
            said(rollback),
            list(&stored)
        )
    }
}

pub(super) mod deadlock_in_a_savepoint {
    use super::*;

    hazard! {
        "H4 a deadlock in a savepoint, which is rolled back; INSERT twice, then `rollback()`" on mysql;
        plain_sqlx_stores_the_second_one_at_once_and_keeps_it;
        a_unit_of_work_sends_neither
    }

    async fn plain_sqlx_stores_the_second_one_at_once_and_keeps_it(lab: &mut Lab<MySql>) -> String {
        let mut tx = lab.pool.begin().await.unwrap();
        let mut scope = Connection::begin(&mut *tx).await.unwrap();
        lose_a_deadlock(lab, &mut scope).await.unwrap_err();
        let undone = scope.rollback().await;
        let inserts = [tx.insert("later").await, tx.insert("later still").await];
        let rollback = tx.rollback().await;
        let stored = later(lab).await;
        assert!(undone.is_err() && rollback.is_ok());
        assert_eq!(stored, ["later still"]);
        told("the savepoint's `rollback()`", undone, inserts, rollback, &stored)
    }

    async fn a_unit_of_work_sends_neither(lab: &mut Lab<MySql>) -> String {
        let mut db = Unit::new(&lab.pool);
        db.number("SELECT count(*) FROM blog").await.unwrap();
        let scope = db.savepoint(async |db| lose_a_deadlock(lab, &mut **db).await).await;
        assert!(scope.is_err());
        let inserts = [db.insert("later").await, db.insert("later still").await];
        assert!(db.commit().await.unwrap_err().is_transient());
        let rollback = db.rollback().await;
        let stored = later(lab).await;
        assert!(rollback.is_ok());
        assert_eq!(stored, [""; 0]);
        told("the scope", scope, inserts, rollback, &stored)
    }

    fn told(
        what: &str,
        scope: sqlx::Result<()>,
        [first, second]: [sqlx::Result<()>; 2],
        rollback: Result<(), impl Into<Error>>,
        stored: &[String],
    ) -> String {
        let [scope, first, second, rollback] = [said(scope), said(first), said(second), said(rollback)];
        format!(
            "{what}: {scope}; INSERT: {first}, {second}; `rollback()`: {rollback}; stored: {}",
            list(stored)
        )
    }
}

/// What was stored of that which came behind a deadlock.
async fn later(lab: &Lab<MySql>) -> Vec<String> {
    lab.blogs().await.into_iter().filter(|name| name.starts_with("later")).collect()
}

/// Writes more than a victim has.
pub(super) const MUCH: &str = "INSERT INTO post (blog_id, title) \
    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50) SELECT 1, x FROM n";

/// Makes this transaction the victim of a deadlock, and returns what its statement was answered.
pub(super) async fn lose_a_deadlock(lab: &Lab<MySql>, victim: &mut impl Speaks) -> sqlx::Result<()> {
    lab.script("INSERT INTO blog (name) VALUES ('a'), ('b')").await;
    let mut winner = lab.outside.begin().await.unwrap();
    // InnoDB spares the transaction that has written more.
    winner.run(MUCH).await.unwrap();
    winner.run("UPDATE blog SET version = 1 WHERE name = 'a'").await.unwrap();
    victim.run("UPDATE blog SET version = 1 WHERE name = 'b'").await.unwrap();
    let (won, lost) = tokio::join!(
        winner.run("UPDATE blog SET version = 1 WHERE name = 'b'"),
        victim.run("UPDATE blog SET version = 1 WHERE name = 'a'"),
    );
    won.unwrap();
    winner.rollback().await.unwrap();
    assert_eq!(code(lost.as_ref().unwrap_err()), "1213");
    lost
}
