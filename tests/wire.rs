//! What a unit sends, word for word, and what becomes of it where a connection is cut in between.

mod common;

use std::time::Duration;

use common::*;
use unit_of_work::{Marker, Verification};
use uow_test_support::{Trigger, servers};

servers! {
    async fn what_goes_over_the_wire_is_what_it_says(lab) {
        let (pool, proxy) = lab.through_proxy(1).await;
        let texts = || Db::statements(&proxy.sent());
        let postgres = <Db as sqlx::Database>::NAME == "PostgreSQL";
        let (begin, commit, rollback) = if postgres {
            ("BEGIN; SELECT pg_backend_pid()", "SELECT 1; COMMIT", "ROLLBACK")
        } else {
            ("START TRANSACTION; SELECT CONNECTION_ID()", "COMMIT AND NO CHAIN NO RELEASE", "ROLLBACK AND NO CHAIN NO RELEASE")
        };
        let one = async |db: &mut Library<Db>| sqlx::raw_sql("SELECT 1").execute(db.session()).await.map(drop);
        texts();

        // The user's own error: one BEGIN, one ROLLBACK, no COMMIT.
        let failed: Result<(), Error> = Library::options(&pool)
            .run(async |db| {
                one(db).await?;
                Err(Error::Busy)
            })
            .await;
        assert!(failed.unwrap_err().is_busy());
        assert_eq!(texts(), [begin, "SELECT 1", rollback]);

        // Scopes: each savepoint with the first statement in it, none where there is nothing to undo.
        let mut db = Library::new(&pool);
        one(&mut db).await.unwrap();
        db.savepoint(async |db| {
            db.savepoint(async |_| Ok::<_, Error>(())).await?;
            one(db).await?;
            db.savepoint(async |db| Ok::<_, Error>(one(db).await?)).await
        })
        .await
        .unwrap();
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                one(db).await?;
                Err(Error::Busy)
            })
            .await;
        undone.unwrap_err();
        db.commit().await.unwrap();
        assert_eq!(texts(), [
            begin,
            "SELECT 1",
            "SAVEPOINT uow_1",
            "SELECT 1",
            "SAVEPOINT uow_2",
            "SELECT 1",
            "RELEASE SAVEPOINT uow_2",
            "RELEASE SAVEPOINT uow_1",
            "SAVEPOINT uow_1",
            "SELECT 1",
            "ROLLBACK TO SAVEPOINT uow_1; RELEASE SAVEPOINT uow_1",
            commit,
        ]);

        // Nothing, where there is nothing to say.
        let mut idle = Library::new(&pool);
        idle.savepoint(async |_| Ok::<_, Error>(())).await.unwrap();
        idle.commit().await.unwrap();
        idle.rollback().await.unwrap();
        let no_texts: [&str; 0] = [];
        assert_eq!(texts(), no_texts);

        // A refused statement never leaves.
        assert!(sqlx::raw_sql("COMMIT").execute(idle.session()).await.is_err());
        assert_eq!(texts(), no_texts);
    }

    async fn commit_has_a_message_to_itself_on_mysql_and_so_has_each_savepoint(lab) {
        if <Db as sqlx::Database>::NAME == "PostgreSQL" {
            return; // no cluster of its loses what it hears of between two statements of one message
        }
        Marker::create_table(&lab.outside).await.unwrap();
        lab.script("CREATE PROCEDURE nothing() DO 0").await;
        let (pool, proxy) = lab.through_proxy(1).await;
        let options = Library::options(&pool).lock_timeout(Duration::from_secs(1)).verify(Verification::marker());
        let mut db = options.build().unwrap();
        db.blogs().add("one").await.unwrap();
        proxy.sent();
        db.savepoint(async |db| db.savepoint(async |db| db.blogs().count().await).await).await.unwrap();
        sqlx::raw_sql("CALL nothing()").execute(db.session()).await.unwrap();
        db.commit().await.unwrap();
        // Nobody waits for what comes behind COMMIT, but the next user of the connection.
        drop(pool.acquire().await.unwrap());

        let texts = Db::statements(&proxy.sent());
        let begins = |text: &str, words: &[&str]| words.iter().any(|word| text.starts_with(word));
        let own: Vec<&String> =
            texts.iter().filter(|text| begins(text, &["SAVEPOINT uow_", "RELEASE", "INSERT", "COMMIT"])).collect();
        assert!(own.iter().all(|text| !text.contains(';')), "{texts:?}");
        let order = ["SAVEPOINT", "SAVEPOINT", "RELEASE", "RELEASE", "RELEASE", "INSERT", "COMMIT"];
        assert!(own.iter().zip(order).all(|(text, word)| text.starts_with(word)) && own.len() == order.len(), "{texts:?}");
        assert!(texts.last().unwrap().contains("SESSION innodb_lock_wait_timeout = @uow"), "{texts:?}");
        assert_eq!(lab.settled().await, 1, "the connection is as it was before");
    }

    async fn a_rollback_that_fails_does_not_hide_the_error_it_was_for(lab) {
        let (pool, proxy) = lab.through_proxy(1).await;
        proxy.cut(Trigger::BeforeServerSees(b"ROLLBACK".to_vec()));
        let failed: Result<(), Box<dyn std::error::Error + Send + Sync>> = Library::options(&pool)
            .run(async |db| {
                db.blogs().add("lost").await?;
                Err("the first one".into())
            })
            .await;
        assert_eq!(failed.unwrap_err().to_string(), "the first one");
        lab.no_open_transactions().await;
        assert_eq!(pool.size(), 0, "its connection is gone, not pooled");
        assert_eq!(lab.blogs().await, [""; 0]);
    }

    async fn a_release_that_fails_poisons_and_leaves_the_outer_work_alone(lab) {
        let (pool, proxy) = lab.through_proxy(1).await;
        let mut db = Library::new(&pool);
        db.blogs().add("outer").await.unwrap();
        proxy.cut(Trigger::BeforeServerSees(b"RELEASE".to_vec()));
        let error = Error::from(db.savepoint(async |db| db.blogs().add("inner").await).await.unwrap_err());
        assert!(error.is_poisoned(), "{error}");
        assert!(Error::from(db.blogs().count().await.unwrap_err()).is_poisoned());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
        lab.no_open_transactions().await;
        assert_eq!(lab.blogs().await, [""; 0]);
        db.rollback().await.unwrap();
        db.blogs().add("again").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["again"]);
    }

    async fn a_begin_that_fails_leaves_no_connection_behind(lab) {
        let (pool, proxy) = lab.through_proxy(1).await;
        let begin = if <Db as sqlx::Database>::NAME == "PostgreSQL" { "BEGIN" } else { "START TRANSACTION" };
        proxy.cut(Trigger::BeforeClientHears(begin.into()));
        let mut db = Library::new(&pool);
        let error = Error::from(db.blogs().add("first try").await.unwrap_err());
        assert!(error.is_transient(), "{error}");
        assert_eq!(pool.size(), 0);
        assert_eq!(db.session().state(), SessionState::Idle);
        db.blogs().add("second try").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["second try"]);
        pool.close().await;
        lab.no_open_transactions().await;
    }
}
