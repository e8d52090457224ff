//! Repositories written by hand: they follow the transaction and its scopes, and say no in their own words.

mod common;

use std::error::Error as _;

use common::*;

#[derive(Debug, PartialEq, Eq)]
struct Unnamed;

impl std::fmt::Display for Unnamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an event needs a name")
    }
}

impl std::error::Error for Unnamed {}

/// Holds events back until the flush, and writes down what it hears.
#[derive(Debug)]
struct Outbox<DB: Backend> {
    session: Session<DB>,
    pending: Vec<&'static str>,
    heard: Vec<&'static str>,
}

impl<DB: Engine> Repository for Outbox<DB> {
    type Database = DB;

    fn new(session: Session<DB>) -> Self {
        Self { session, pending: Vec::new(), heard: Vec::new() }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.pending.contains(&"") {
            return Err(Error::declined(Unnamed));
        }
        for event in std::mem::take(&mut self.pending) {
            DB::add_blog(&mut self.session, event).await?;
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.pending.clear();
        self.heard.push("rolled back");
    }

    fn committed(&mut self) {
        self.heard.push("committed");
    }

    fn scope_kept(&mut self) {
        self.heard.push("kept");
    }

    fn scope_undone(&mut self) {
        self.pending.clear();
        self.heard.push("undone");
    }
}

#[derive(Debug, UnitOfWork)]
struct Desk<DB: Engine> {
    session: Session<DB>,
    outbox: Lazy<Outbox<DB>>,
}

engines! {
    async fn what_was_held_back_in_a_scope_that_is_undone_is_not_written(lab) {
        let mut db = Desk::new(&lab.pool);
        db.outbox();
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                Db::add_blog(db.session(), "payment").await?;
                db.outbox().pending.push("paid");
                Err(Error::Busy)
            })
            .await;
        undone.unwrap_err();
        db.savepoint(async |db| {
            // A failure that the closure swallows undoes its scope as well.
            db.savepoint(async |db| {
                db.outbox().pending.push("lost");
                sqlx::raw_sql("INSERT INTO nowhere VALUES (1)").execute(db.session()).await.ok();
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
            db.outbox().pending.push("sent");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["sent"]);
        db.rollback().await.unwrap();
        assert_eq!(db.outbox().heard, ["undone", "undone", "kept", "committed", "rolled back"]);
    }

    async fn a_repository_declines_in_the_applications_own_words(lab) {
        let mut db = Desk::new(&lab.pool);
        db.outbox().pending.push("");
        for flush in [true, false] {
            let error = if flush { db.flush().await } else { db.commit().await }.unwrap_err();
            let own = error.source().and_then(|error| error.downcast_ref::<Unnamed>());
            assert_eq!((own, error.to_string().as_str()), (Some(&Unnamed), "an event needs a name"));
        }
        // Nothing was sent: it is mended and goes on.
        db.outbox().pending = vec!["named"];
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["named"]);

        // Out of a closure, and through sqlx's error type.
        let options = Desk::options(&lab.pool);
        let error = options.run(async |db| {
            Db::add_blog(db.session(), "undone").await?;
            db.outbox().pending.push("");
            Ok::<_, Error>(())
        });
        let error = Error::from(sqlx::Error::from(error.await.unwrap_err()));
        assert!(error.source().unwrap().is::<Unnamed>(), "{error:?}");
        assert_eq!(lab.blogs().await, ["named"]);
    }
}
