//! SQL that must not pass: whatever a text looks like, no statement ends the transaction of a unit unseen.
//!
//! Random texts of control statements, blanks, quotes and comments are sent through units. Those that the session lets pass are run
//! by the engine, in a unit that has written a row before: nobody else may see that row before `commit`, and what `commit` and
//! `rollback` answer has to be what is stored.
//!
//! A failure names its seed: `UOW_HOSTILE_SEED=… cargo test --test hostile` runs that one unit again. `UOW_HOSTILE_TEXTS=1000000`
//! draws so many texts for each engine.

mod common;
mod hostile {
    #[path = "../model/random.rs"]
    pub(crate) mod random;
    pub(crate) mod texts;
    pub(crate) mod unit;
}

use std::time::Duration;

use common::*;
use futures_util::TryStreamExt as _;
use hostile::unit::storm;
use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use unit_of_work::Entities;
use uow_test_support::servers;

fn refused(error: sqlx::Error) -> String {
    let told = error.to_string();
    match Error::from(error) {
        Error::Refused { statement, .. } => statement,
        _ => panic!("it was not refused: {told}"),
    }
}

engines! {
    async fn no_statement_ends_the_transaction_unseen(lab) {
        if <Db as sqlx::Database>::NAME == "MySQL" {
            lab.script("CREATE PROCEDURE ends() BEGIN COMMIT; END").await;
        }
        storm(lab).await;
    }

    async fn what_the_driver_or_the_engine_skips_hides_no_statement(lab) {
        let blanks = ('\u{1}'..='\u{FFFF}').filter(|c| c.is_whitespace() || c.is_control() || *c == '\u{FEFF}');
        for blank in blanks {
            let mut db = Library::new(&lab.pool);
            db.blogs().add("kept").await.unwrap();
            for shape in ["{}ROLLBACK", "ROLLBACK{}", " {}ROLLBACK{};", "SELECT 1;{}ROLLBACK{}", "/* a */{}ROLLBACK"] {
                let text = shape.replace("{}", &blank.to_string());
                let sent: Result<(), Error> = db.savepoint(async |db| {
                    let text = AssertSqlSafe(text.as_str());
                    Ok(sqlx::raw_sql(text).execute(db.session()).await.map(drop)?)
                })
                .await;
                // Refused by the session, or by the engine, to which it is a letter.
                sent.unwrap_err();
            }
            db.commit().await.unwrap();
            assert_eq!(lab.blogs().await, ["kept"], "{blank:?}");
            lab.script("DELETE FROM blog").await;
        }
    }

    async fn a_filter_is_read_as_the_statement_that_it_is_a_part_of(lab) {
        for filter in ["1 = 1; COMMIT; BEGIN", "1 = 1;\u{B} ROLLBACK", "name = '\0'", "1 = 1) AS t; COMMIT -- "] {
            let mut db = Shelf::new(&lab.pool);
            db.blogs().insert(Blog::named("kept")).await.unwrap();
            let blogs: &mut Entities<Blog, Db> = db.blogs();
            let filter = || AssertSqlSafe(filter);
            let answers = [
                blogs.query(filter()).fetch().await.map(drop),
                blogs.query(filter()).first().await.map(drop),
                blogs.query(filter()).stream().try_collect::<Vec<_>>().await.map(drop),
                blogs.query(filter()).after(None).limit(1).fetch().await.map(drop),
                blogs.query(filter()).count().await.map(drop),
                blogs.query(filter()).exists().await.map(drop),
                blogs.delete_where(filter()).execute().await.map(drop),
            ];
            for (way, answer) in answers.into_iter().enumerate() {
                assert!(matches!(answer, Err(Error::Refused { .. })), "{:?} in way {way}: {answer:?}", filter().0);
            }
            db.rollback().await.unwrap();
            assert!(lab.blogs().await.is_empty());
        }
        let mut db = Shelf::new(&lab.pool);
        db.blogs().insert(Blog::named("; COMMIT")).await.unwrap();
        for filter in ["name = '; COMMIT'", "name = '; COMMIT';", "name LIKE '%COMMIT' -- ; COMMIT"] {
            assert_eq!(db.blogs().query(filter).fetch().await.unwrap().len(), 1, "{filter}");
        }
        db.commit().await.unwrap();
    }

    async fn a_text_with_a_nul_byte_is_refused_before_it_is_sent(lab) {
        let mut db = Library::new(&lab.pool);
        db.blogs().add("kept").await.unwrap();
        let session = db.session();
        let sending = async {
            for text in ["SELECT 1; -- a\0b", "SELECT 1\0", "\0", "INSERT INTO post (blog_id, title) VALUES (1, '\0')"] {
                let start = text.split('\0').next().unwrap();
                let raw = || sqlx::raw_sql(AssertSqlSafe(text));
                let query = || sqlx::query::<Db>(AssertSqlSafe(text));
                let sql = || AssertSqlSafe(text).into_sql_str();
                let answers = [
                    raw().execute(&mut *session).await.map(drop),
                    query().execute(&mut *session).await.map(drop),
                    query().persistent(false).fetch_all(&mut *session).await.map(drop),
                    query().fetch_one(&mut *session).await.map(drop),
                    query().fetch_optional(&mut *session).await.map(drop),
                    raw().fetch_many(&mut *session).try_collect::<Vec<_>>().await.map(drop),
                    query().fetch(&mut *session).try_collect::<Vec<_>>().await.map(drop),
                    (&mut *session).prepare(sql()).await.map(drop),
                    (&mut *session).describe(sql()).await.map(drop),
                ];
                for answer in answers {
                    assert_eq!(refused(answer.unwrap_err()), format!("{start}\\0"));
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(5), sending).await.expect("no driver spins");
        // The unit is as it was before.
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["kept"]);
        lab.settled().await;
    }
}

mod on_servers {
    use super::*;

    servers! {
        async fn a_character_that_takes_a_quote_along_hides_no_statement(lab) {
            // In GBK and SJIS the last byte of 縗 makes one character with a backtick or a backslash behind it.
            let mysql = <Db as sqlx::Database>::NAME == "MySQL";
            let (setup, texts): (_, &[&str]) = if mysql {
                ("SET character_set_client = gbk", &["SELECT 1 AS `縗` , `; COMMIT ; -- `", "SELECT 1 AS `縗` /* ` ; COMMIT; -- */"])
            } else {
                ("SET LOCAL client_encoding = 'SJIS'; SET LOCAL backslash_quote = on", &[r"SELECT E'縗\\' , '; COMMIT; -- '"])
            };
            for text in texts {
                for commits in [true, false] {
                    let mut db = Library::new(&lab.pool);
                    db.session().execute(sqlx::raw_sql(setup)).await.unwrap();
                    db.blogs().add("part").await.unwrap();
                    let sent = sqlx::raw_sql(*text).execute(db.session()).await.map(drop);
                    let ended = if commits { db.commit().await } else { db.rollback().await };
                    // The engine reads it so, or the text shows nothing.
                    assert_eq!(lab.blogs().await, ["part"], "{text}: {sent:?}");
                    let error = ended.unwrap_err();
                    assert!(error.is_ended_early(), "{text}: {sent:?}; {error}");
                    lab.script("DELETE FROM blog").await;
                }
            }
        }
    }
}
