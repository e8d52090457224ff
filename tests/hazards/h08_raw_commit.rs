//! H8: COMMIT as a text. sqlx's count of the depth does not see it.

use super::steps::*;
use super::words::*;

pub(super) mod text {
    use super::*;

    hazard! {
        "H8 COMMIT as a text, then `rollback()`" on sqlite postgres mysql;
        plain_sqlx_cannot_take_the_row_back;
        a_unit_of_work_refuses_it_and_rolls_back
    }

    async fn plain_sqlx_cannot_take_the_row_back<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let mut tx = lab.pool.begin().await.unwrap();
        tx.insert("row").await.unwrap();
        tx.run("COMMIT").await.unwrap();
        let claims = tx.is_in_transaction();
        let rollback = tx.rollback().await;
        let stored = lab.blogs().await;
        assert!(claims);
        // SQLite alone says that there is nothing to roll back.
        assert_eq!(rollback.is_ok(), DB::TITLE != Sqlite::TITLE);
        assert_eq!(stored, ["row"]);
        format!(
            "`is_in_transaction()`: {claims}; `rollback()`: {}; stored: {}",
            said(rollback),
            list(&stored)
        )
    }

    async fn a_unit_of_work_refuses_it_and_rolls_back<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let mut db = Unit::new(&lab.pool);
        db.insert("row").await.unwrap();
        let commit = db.run("COMMIT").await;
        assert!(commit.is_err());
        let rollback = db.rollback().await;
        let stored = lab.blogs().await;
        assert!(rollback.is_ok());
        assert_eq!(stored, [""; 0]);
        format!("{}; `rollback()`: {}; stored: {}", said(commit), said(rollback), list(&stored))
    }
}

pub(super) mod raw_connection {
    use super::*;

    hazard! {
        "H8 COMMIT on the raw connection, then INSERT and `commit()` or `rollback()`" on sqlite postgres mysql;
        plain_sqlx_stores_the_insert_at_once;
        a_unit_of_work_says_that_it_ended_early
    }

    async fn plain_sqlx_stores_the_insert_at_once<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let mut observed = Vec::new();
        for end in ["commit", "rollback"] {
            lab.script("DELETE FROM blog").await;
            let mut tx = lab.pool.begin().await.unwrap();
            tx.insert("before").await.unwrap();
            DB::run(&mut tx, "COMMIT").await.unwrap();
            tx.insert("after").await.unwrap();
            let ended = if end == "commit" { tx.commit().await } else { tx.rollback().await };
            let stored = lab.blogs().await;
            assert_eq!(ended.is_ok(), DB::TITLE != Sqlite::TITLE);
            assert_eq!(stored, ["after", "before"]);
            observed.push(format!("`{end}()`: {}; stored: {}", said(ended), list(&stored)));
            // (On SQLite the connection is of no use any more, see H5.)
            lab.pool = lab.pool_of(4).await;
        }
        observed.join("; ")
    }

    async fn a_unit_of_work_says_that_it_ended_early<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let (mut observed, mut holds) = (Vec::new(), true);
        for end in ["commit", "rollback"] {
            lab.script("DELETE FROM blog").await;
            let mut db = Unit::new(&lab.pool);
            db.insert("before").await.unwrap();
            DB::run(&mut *db.session().connection().await.unwrap(), "COMMIT").await.unwrap();
            db.insert("after").await.unwrap();
            let ended = if end == "commit" { db.commit().await } else { db.rollback().await };
            let stored = lab.blogs().await;
            assert_eq!(stored, ["after", "before"]);
            holds &= ended.as_ref().is_err_and(Error::is_ended_early);
            observed.push(format!("`{end}()`: {}; stored: {}", said(ended), list(&stored)));
            drop(db);
            lab.no_open_transactions().await;
        }
        assert!(holds, "{}", observed.join("; "));
        observed.join("; ")
    }
}

pub(super) mod then_a_failure {
    use super::*;

    hazard! {
        "H8 COMMIT on the raw connection, then a statement that fails, then `commit()` or `rollback()`" on sqlite postgres mysql;
        plain_sqlx_keeps_the_row;
        a_unit_of_work_never_says_that_it_was_rolled_back
    }

    async fn plain_sqlx_keeps_the_row<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let mut observed = Vec::new();
        for end in ["commit", "rollback"] {
            lab.script("DELETE FROM blog").await;
            let mut tx = lab.pool.begin().await.unwrap();
            tx.insert("row").await.unwrap();
            DB::run(&mut tx, "COMMIT").await.unwrap();
            tx.insert("row").await.unwrap_err();
            let ended = if end == "commit" { tx.commit().await } else { tx.rollback().await };
            let stored = lab.blogs().await;
            assert_eq!(stored, ["row"]);
            observed.push(format!("`{end}()`: {}; stored: {}", said(ended), list(&stored)));
            lab.pool = lab.pool_of(4).await;
        }
        observed.join("; ")
    }

    async fn a_unit_of_work_never_says_that_it_was_rolled_back<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let (mut observed, mut holds) = (Vec::new(), true);
        for end in ["commit", "rollback"] {
            lab.script("DELETE FROM blog").await;
            let mut db = Unit::new(&lab.pool);
            db.insert("row").await.unwrap();
            DB::run(&mut *db.session().connection().await.unwrap(), "COMMIT").await.unwrap();
            db.insert("row").await.unwrap_err();
            let ended = if end == "commit" { db.commit().await } else { db.rollback().await };
            let stored = lab.blogs().await;
            assert_eq!(stored, ["row"]);
            holds &= ended.as_ref().is_err_and(Error::is_ended_early);
            observed.push(format!("`{end}()`: {}; stored: {}", said(ended), list(&stored)));
        }
        assert!(holds, "{}", observed.join("; "));
        observed.join("; ")
    }
}

pub(super) mod in_a_savepoint {
    use super::*;

    hazard! {
        "H8 COMMIT on the raw connection in a savepoint, then `commit()` or `rollback()`" on sqlite postgres mysql;
        plain_sqlx_keeps_the_row;
        a_unit_of_work_never_says_that_it_was_rolled_back
    }

    async fn plain_sqlx_keeps_the_row<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let mut observed = Vec::new();
        for end in ["commit", "rollback"] {
            lab.script("DELETE FROM blog").await;
            let mut tx = lab.pool.begin().await.unwrap();
            tx.insert("row").await.unwrap();
            let mut scope = Connection::begin(&mut *tx).await.unwrap();
            DB::run(&mut scope, "COMMIT").await.unwrap();
            let scope = scope.commit().await;
            let ended = if end == "commit" { tx.commit().await } else { tx.rollback().await };
            let stored = lab.blogs().await;
            assert!(scope.is_err());
            assert_eq!(stored, ["row"]);
            observed.push(format!("`{end}()`: {}; stored: {}", said(ended), list(&stored)));
            lab.pool = lab.pool_of(4).await;
        }
        observed.join("; ")
    }

    async fn a_unit_of_work_never_says_that_it_was_rolled_back<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let (mut observed, mut holds) = (Vec::new(), true);
        for end in ["commit", "rollback"] {
            lab.script("DELETE FROM blog").await;
            let mut db = Unit::new(&lab.pool);
            db.insert("row").await.unwrap();
            let scope: Result<(), Error> = db
                .savepoint(async |db| {
                    db.number("SELECT count(*) FROM blog").await?;
                    let mut raw = db.session().connection().await?;
                    Ok(DB::run(&mut raw, "COMMIT").await?)
                })
                .await;
            let ended = if end == "commit" { db.commit().await } else { db.rollback().await };
            let stored = lab.blogs().await;
            assert_eq!(stored, ["row"]);
            holds &= scope.as_ref().is_err_and(|error| !error.is_rolled_back());
            holds &= ended.as_ref().is_err_and(Error::is_ended_early);
            let [scope, ended] = [said(scope), said(ended)];
            observed.push(format!("the scope: {scope}; `{end}()`: {ended}; stored: {}", list(&stored)));
        }
        assert!(holds, "{}", observed.join("; "));
        observed.join("; ")
    }
}
