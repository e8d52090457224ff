//! What an error says: only what happened, and what can be done about that.

mod common;

use std::error::Error as StdError;

use common::*;

/// An error of ours as a statement hands it on, and as its sources tell it.
fn carried(error: &sqlx::Error) -> Option<&Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Some(ours);
        }
        source = error.source();
    }
    None
}

engines! {
    async fn an_error_of_ours_reads_well_as_one_of_sqlx_and_comes_out_of_it_as_it_was(lab) {
        let mut db = Library::new(&lab.pool);
        let refused = sqlx::raw_sql("COMMIT").execute(db.session()).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.starts_with("error communicating with database: the unit of work did not send `COMMIT`"), "{text}");
        assert!(matches!(carried(&refused), Some(Error::Refused { .. })), "{refused:?}");
        assert!(refused.as_database_error().is_none());
        let refused = Error::from(refused);
        assert!(matches!(&refused, Error::Refused { statement, .. } if statement == "COMMIT"));
        assert!(!refused.is_transient(), "a connection that was lost is transient, and travels in the same variant");

        db.blogs().add("twice").await.unwrap();
        db.blogs().add("twice").await.unwrap_err();
        let poisoned = db.blogs().count().await.unwrap_err();
        let text = poisoned.to_string();
        assert!(text.starts_with("error communicating with database: nothing was sent, because an earlier statement"), "{text}");
        assert!(text.contains("or run what may fail inside `savepoint("), "{text}");
        let ours = carried(&poisoned).unwrap();
        assert!(ours.is_poisoned() && ours.sqlx().unwrap().as_database_error().unwrap().is_unique_violation());
        // There and back again, and still not a connection that was lost.
        let poisoned = Error::from(sqlx::Error::from(Error::from(poisoned)));
        assert!(poisoned.is_poisoned() && !poisoned.is_transient());
        assert!(db.commit().await.unwrap_err().is_rolled_back());
    }
}

#[test]
fn a_lost_connection_is_no_error_of_ours() {
    let reset = || sqlx::Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    assert!(carried(&reset()).is_none());
    let error = Error::from(reset());
    assert!(error.is_transient() && matches!(error, Error::Sqlx(sqlx::Error::Io(_))), "{error:?}");
    let other = sqlx::Error::Io(std::io::Error::other("a driver's own"));
    assert!(Error::from(other).is_transient());
}
