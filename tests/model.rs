//! Whatever is done to a unit of work, in whatever order, what is stored is what a simple model says.
//!
//! Random programs, of statements that succeed, fail, run out of time and are dropped at any await, of scopes in scopes, of
//! commits and rollbacks, are run against a unit and against a model of it. After each operation the session's own word is
//! compared, and after each commit the rows that others see.
//!
//! A failure names its seed: `UOW_MODEL_SEED=… cargo test --test model` runs that one program again, as often as
//! `UOW_MODEL_PROGRAMS` says (the moment of a cut is the scheduler's choice, so once may not be enough). Without a seed,
//! `UOW_MODEL_PROGRAMS=100000` runs that many new programs.

mod model {
    pub(crate) mod cut;
    pub(crate) mod expect;
    pub(crate) mod outside;
    pub(crate) mod play;
    pub(crate) mod program;
    pub(crate) mod random;
    pub(crate) mod seen;
    pub(crate) mod statement;
    pub(crate) mod torture;
    pub(crate) mod unit;
}

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use model::torture::torture;
use model::unit::Unit;
use unit_of_work::{Cause, UnitOfWork as _};
use uow_test_support::engines;

engines! {
    async fn a_unit_does_what_the_model_says(lab) {
        torture(lab).await;
    }

    // What the model has found so far, each in the fewest steps.

    async fn a_row_the_deadline_overtook_is_not_given_to_the_next_query(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('old 1'), ('old 2')").await;
        let mut db = Unit::<Db>::options(&lab.pool).deadline(Duration::from_millis(300)).build().unwrap();
        let mut rows = sqlx::query("SELECT name FROM blog").fetch(db.session());
        rows.next().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(rows.next().await.unwrap().is_err(), "the row is there, and so is the deadline");
        drop(rows);
        db.rollback().await.unwrap();
        lab.script("DELETE FROM blog").await;
        let names = sqlx::query_scalar::<_, String>("SELECT name FROM blog").fetch_all(db.session()).await;
        assert_eq!(names.unwrap(), [""; 0]);
    }

    async fn an_abandoned_unit_names_that_as_its_cause_also_after_its_deadline(lab) {
        let mut db = Unit::<Db>::options(&lab.pool).deadline(Duration::from_millis(300)).build().unwrap();
        while sqlx::query("SELECT 1").execute(db.session()).now_or_never().is_some() {} // polled once, and dropped
        // Refused, for it was abandoned.
        sqlx::query("SELECT 1").execute(db.session()).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(400)).await;
        let error = db.commit().await.unwrap_err();
        assert!(matches!(error.cause(), Some(Cause::Abandoned { .. })), "not the first cause: {error}");
    }
}
