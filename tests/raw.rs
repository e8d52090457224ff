//! The raw connection: what the session did not see is asked of the server at commit, in the same message.

mod common;

use common::*;

engines! {
    async fn what_is_done_on_it_is_part_of_the_unit(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("seen").await.unwrap();
        {
            let mut connection = db.session().connection().await.unwrap();
            sqlx::query("INSERT INTO blog (name) VALUES ('unseen')").execute(&mut *connection).await.unwrap();
        }
        assert_eq!(db.blogs().count().await.unwrap(), 2);
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["seen", "unseen"]);
        lab.settled().await;
    }

    async fn a_failure_on_it_is_noticed_at_commit_where_it_spoiled_the_transaction(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("seen").await.unwrap();
        {
            let mut connection = db.session().connection().await.unwrap();
            sqlx::query("INSERT INTO nowhere VALUES (1)").execute(&mut *connection).await.unwrap_err();
        }
        if <Db as sqlx::Database>::NAME == "PostgreSQL" {
            assert!(db.commit().await.unwrap_err().is_rolled_back());
            assert_eq!(lab.blogs().await, [""; 0]);
            db.rollback().await.unwrap();
        } else {
            db.commit().await.unwrap();
            assert_eq!(lab.blogs().await, ["seen"]);
        }
        lab.settled().await;
    }

    async fn a_transaction_that_was_ended_on_it_is_noticed(lab) {
        for ending in ["COMMIT", "ROLLBACK", "COMMIT; BEGIN", "ROLLBACK; BEGIN"] {
            for commits in [true, false] {
                lab.script("DELETE FROM blog").await;
                let mut db = Library::new(&lab.pool);
                db.blogs().add("before").await.unwrap();
                {
                    let mut connection = db.session().connection().await.unwrap();
                    sqlx::raw_sql(ending).execute(&mut *connection).await.unwrap();
                }
                let answer = if commits { db.commit().await } else { db.rollback().await };
                let error = answer.unwrap_err();
                assert!(error.is_ended_early(), "{ending}: {error}");
                let _ = db.rollback().await;
                drop(db);
                lab.no_open_transactions().await;
                lab.settled().await;
            }
        }
    }

    async fn scopes_and_the_raw_connection_get_along(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("outer").await.unwrap();
        for ends_well in [true, false] {
            let scope: Result<(), Error> = db
                .savepoint(async |db| {
                    {
                        let mut connection = db.session().connection().await?;
                        let insert = if ends_well { "INSERT INTO blog (name) VALUES ('kept')" } else { "INSERT INTO blog (name) VALUES ('undone')" };
                        sqlx::query(insert).execute(&mut *connection).await?;
                    }
                    if ends_well { Ok(()) } else { Err(Error::Busy) }
                })
                .await;
            assert_eq!(scope.is_ok(), ends_well);
        }
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["kept", "outer"]);
        lab.settled().await;
    }

    async fn it_is_refused_where_a_statement_is(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("a").await.unwrap();
        db.blogs().add("a").await.unwrap_err();
        assert!(db.session().connection().await.unwrap_err().is_poisoned());
    }
}
