//! H27: a column's type is changed while a connection has a statement prepared on it. PostgreSQL refuses the statement from then
//! on, and the pool keeps the connection.

use std::time::Duration;

use unit_of_work::Retry;

use super::slow::at_most;
use super::steps::*;
use super::words::*;

hazard! {
    "H27 a column's type is changed under a prepared statement, in a pool of one; then three more tries" on postgres;
    plain_sqlx_fails_for_ever;
    a_unit_of_work_goes_on_with_another_connection
}

const READ: &str = "SELECT 4::bigint, name FROM blog";
const CHANGE: &str = "ALTER TABLE blog ALTER name TYPE text";

async fn plain_sqlx_fails_for_ever<DB: Steps>(lab: &mut Lab<DB>) -> String {
    lab.script("INSERT INTO blog (name) VALUES ('row')").await;
    let pool = at_most::<DB>(1).connect_with(lab.connect.clone()).await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    tx.number(READ).await.unwrap();
    tx.commit().await.unwrap();
    lab.script(CHANGE).await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        let mut tx = pool.begin().await.unwrap();
        let read = tx.number(READ).await;
        assert!(read.is_err());
        answers.push(said(read));
        tx.rollback().await.unwrap();
    }
    answers.join(", ")
}

async fn a_unit_of_work_goes_on_with_another_connection<DB: Steps>(lab: &mut Lab<DB>) -> String {
    lab.script("INSERT INTO blog (name) VALUES ('row')").await;
    let pool = at_most::<DB>(1).connect_with(lab.connect.clone()).await.unwrap();
    let retry = Retry::attempts(2).backoff(Duration::from_millis(1), Duration::from_millis(1));
    let options = Unit::options(&pool).retry(retry);
    options.run(async |db| db.number(READ).await).await.unwrap();
    lab.script(CHANGE).await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        let read = options.run(async |db| db.number(READ).await).await;
        assert_eq!(*read.as_ref().unwrap(), 4);
        answers.push(said(read));
    }
    answers.join(", ")
}
