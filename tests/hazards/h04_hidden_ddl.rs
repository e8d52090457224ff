//! H4, where no reader of the text can see it coming: DDL inside of a statement that is made up by another, or in a procedure.
//! What was written before it is stored then, whatever comes after it.

use super::h04_ended_by_mysql::MUCH;
use super::steps::*;
use super::words::*;

const HIDDEN: &str =
    "SET @text = CONCAT('CREATE', ' TABLE hidden (id INT)'); PREPARE s FROM @text; EXECUTE s";

pub(super) mod alone {
    use super::*;

    hazard! {
        "H4 INSERT, DDL out of sight, then `commit()` or `rollback()`" on mysql;
        plain_sqlx_says_ok_to_both;
        a_unit_of_work_says_that_it_ended_early
    }

    async fn plain_sqlx_says_ok_to_both(lab: &mut Lab<MySql>) -> String {
        plain(lab, Ok(()), async |tx| tx.run(HIDDEN).await.unwrap()).await
    }

    async fn a_unit_of_work_says_that_it_ended_early(lab: &mut Lab<MySql>) -> String {
        unit(lab, async |db| {
            db.run(HIDDEN).await.unwrap();
            Ok(())
        })
        .await
    }
}

pub(super) mod then_a_failure {
    use super::*;

    hazard! {
        "H4 INSERT, DDL out of sight, a lock that is not free, then `commit()` or `rollback()`" on mysql;
        plain_sqlx_says_ok_to_both;
        a_unit_of_work_never_says_that_it_was_rolled_back
    }

    async fn plain_sqlx_says_ok_to_both(lab: &mut Lab<MySql>) -> String {
        let holder = hold(lab).await;
        let observed = plain(lab, Ok(()), async |tx| {
            tx.run(HIDDEN).await.unwrap();
            let lock = tx.run(LOCK).await.unwrap_err();
            assert_eq!(code(&lock), not_free(lab));
        });
        let observed = observed.await;
        drop(holder);
        observed
    }

    async fn a_unit_of_work_never_says_that_it_was_rolled_back(lab: &mut Lab<MySql>) -> String {
        let holder = hold(lab).await;
        let observed = unit(lab, async |db| {
            db.run(HIDDEN).await.unwrap();
            let lock = db.run(LOCK).await.unwrap_err();
            assert_eq!(code(&lock), not_free(lab));
            Ok(())
        });
        let observed = observed.await;
        drop(holder);
        observed
    }

    const LOCK: &str = "SELECT id FROM post FOR UPDATE NOWAIT";

    /// What the server says to it.
    fn not_free(lab: &Lab<MySql>) -> &'static str {
        if lab.mariadb { "1205" } else { "3572" }
    }

    /// Somebody who holds the lock that is asked for.
    async fn hold(lab: &Lab<MySql>) -> Transaction<'static, MySql> {
        lab.script("INSERT INTO post (blog_id, title) VALUES (1, 'locked')").await;
        let mut holder = lab.pool_of(1).await.begin().await.unwrap();
        holder.run("UPDATE post SET title = 'held'").await.unwrap();
        holder
    }
}

pub(super) mod then_a_deadlock {
    use std::time::Duration;

    use super::*;

    hazard! {
        "H4 INSERT, DDL out of sight, a deadlock, then `commit()` or `rollback()`" on mysql;
        plain_sqlx_says_ok_to_both;
        a_unit_of_work_never_says_that_it_was_rolled_back
    }

    async fn plain_sqlx_says_ok_to_both(lab: &mut Lab<MySql>) -> String {
        plain(lab, Ok(()), async |tx| {
            tx.run(HIDDEN).await.unwrap();
            lose_a_deadlock_alone(lab, tx).await;
        })
        .await
    }

    async fn a_unit_of_work_never_says_that_it_was_rolled_back(lab: &mut Lab<MySql>) -> String {
        unit(lab, async |db| {
            db.run(HIDDEN).await.unwrap();
            lose_a_deadlock_alone(lab, db).await;
            Ok(())
        })
        .await
    }

    /// Makes one statement, which is a transaction of its own by now, the victim of a deadlock.
    async fn lose_a_deadlock_alone(lab: &Lab<MySql>, victim: &mut impl Speaks) {
        lab.script("DELETE FROM post; INSERT INTO post (id, blog_id, title) VALUES (1, 1, 'a'), (2, 1, 'b')")
            .await;
        for attempt in 1..=5 {
            let mut winner = lab.outside.begin().await.unwrap();
            // InnoDB spares the transaction that has written more.
            winner.run(MUCH).await.unwrap();
            winner.run("UPDATE post SET blog_id = 2 WHERE id = 2").await.unwrap();
            let winning = async {
                // The victim has the first row by now, and waits for the second.
                tokio::time::sleep(Duration::from_millis(100 * attempt)).await;
                winner.run("UPDATE post SET blog_id = 2 WHERE id = 1").await.unwrap();
                winner.rollback().await.unwrap();
            };
            let both = "UPDATE post SET blog_id = blog_id + 1 WHERE id <= 2 ORDER BY id";
            let (lost, ()) = tokio::join!(victim.run(both), winning);
            if let Err(lost) = lost {
                assert_eq!(code(&lost), "1213");
                return;
            }
        }
        panic!("the victim was never there in time");
    }
}

pub(super) mod in_a_savepoint {
    use super::*;

    hazard! {
        "H4 INSERT, DDL out of sight in a savepoint, then `commit()` or `rollback()`" on mysql;
        plain_sqlx_answers_both_with_the_savepoints_error;
        a_unit_of_work_never_says_that_it_was_rolled_back
    }

    async fn plain_sqlx_answers_both_with_the_savepoints_error(lab: &mut Lab<MySql>) -> String {
        plain(lab, Err("1305"), async |tx| {
            let mut scope = Connection::begin(&mut **tx).await.unwrap();
            scope.run(HIDDEN).await.unwrap();
            scope.commit().await.unwrap_err();
        })
        .await
    }

    async fn a_unit_of_work_never_says_that_it_was_rolled_back(lab: &mut Lab<MySql>) -> String {
        unit(lab, async |db| db.savepoint(async |db| Ok(db.run(HIDDEN).await?)).await).await
    }
}

/// An insert, these steps, and the end, both ways.
async fn plain(
    lab: &Lab<MySql>,
    end_says: Result<(), &str>,
    steps: impl AsyncFn(&mut Transaction<'_, MySql>),
) -> String {
    let mut observed = Vec::new();
    for end in ["commit", "rollback"] {
        lab.script("DROP TABLE IF EXISTS hidden; DELETE FROM blog").await;
        let mut tx = lab.pool.begin().await.unwrap();
        tx.insert("before").await.unwrap();
        steps(&mut tx).await;
        let ended = if end == "commit" { tx.commit().await } else { tx.rollback().await };
        let stored = lab.blogs().await;
        assert_eq!(ended.as_ref().copied().map_err(code), end_says.map_err(str::to_owned));
        assert_eq!(stored, ["before"]);
        observed.push(format!("`{end}()`: {}; stored: {}", said(ended), list(&stored)));
    }
    observed.join("; ")
}

/// The same in a unit. What a scope in the steps was answered has to be true as well.
async fn unit(lab: &Lab<MySql>, steps: impl AsyncFn(&mut Unit<MySql>) -> Result<(), Error>) -> String {
    let (mut observed, mut holds) = (Vec::new(), true);
    for end in ["commit", "rollback"] {
        lab.script("DROP TABLE IF EXISTS hidden; DELETE FROM blog").await;
        let mut db = Unit::new(&lab.pool);
        db.insert("before").await.unwrap();
        if let Err(scope) = steps(&mut db).await {
            holds &= !scope.is_rolled_back();
            observed.push(format!("the scope: {}", said::<(), _>(Err(scope))));
        }
        let ended = if end == "commit" { db.commit().await } else { db.rollback().await };
        let stored = lab.blogs().await;
        assert_eq!(stored, ["before"]);
        holds &= ended.as_ref().is_err_and(Error::is_ended_early);
        observed.push(format!("`{end}()`: {}; stored: {}", said(ended), list(&stored)));
    }
    assert!(holds, "{}", observed.join("; "));
    observed.join("; ")
}
