//! The marker a unit leaves, by which a COMMIT that is not answered can be resolved.

mod common;

use std::time::Duration;

use common::*;
use unit_of_work::{Marker, Verification};

engines! {
    async fn a_unit_leaves_one_marker_whose_number_no_one_can_use_again(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        Marker::create_table(&lab.outside).await.unwrap(); // twice is no error
        let mut db = Library::options(&lab.pool).verify(Verification::marker()).build().unwrap();
        db.blogs().add("slow").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["slow"]);
        let markers = Db::texts(&lab.outside, "SELECT id FROM uow_marker").await;
        assert_eq!(markers.len(), 1);
        assert_eq!(markers[0].len(), 32);

        // The same number a second time: refused, whoever sends it.
        let again = format!("INSERT INTO uow_marker (id, void) VALUES ('{}', TRUE)", markers[0]);
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(again)).execute(&lab.outside).await.unwrap_err();
        assert!(refused.as_database_error().unwrap().is_unique_violation());

        Marker::clean_up(&lab.pool, Duration::from_secs(3600)).await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT id FROM uow_marker").await.len(), 1);
        tokio::time::sleep(Duration::from_millis(2100)).await;
        Marker::clean_up(&lab.pool, Duration::from_secs(1)).await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT id FROM uow_marker").await.len(), 0);
    }

    async fn a_marker_that_cannot_be_written_is_a_rollback_not_a_guess(lab) {
        // The table is not there.
        let mut db = Library::options(&lab.pool).verify(Verification::marker()).build().unwrap();
        db.blogs().add("lost").await.unwrap();
        let error = db.commit().await.unwrap_err();
        assert!(error.is_rolled_back() && error.to_string().contains("uow_marker"), "{error}");
        assert_eq!(lab.blogs().await, [""; 0]);
        lab.no_open_transactions().await;
        lab.settled().await;
    }

    async fn a_read_only_unit_leaves_no_marker_and_commits(lab) {
        Marker::create_table(&lab.outside).await.unwrap();
        let options = Library::options(&lab.pool).read_only(true).verify(Verification::marker());
        let count = options.run(async |db| db.blogs().count().await).await;
        assert_eq!(count.unwrap(), 0);
        assert_eq!(Db::texts(&lab.outside, "SELECT id FROM uow_marker").await.len(), 0);
    }
}
