//! H14: ROLLBACK TO undoes a savepoint's work and leaves the savepoint. (MariaDB replaces one by the next of its name.)

use super::steps::*;

hazard! {
    "H14 three savepoints are rolled back, one after the other" on sqlite postgres mysql;
    plain_sqlx_leaves_them_on_the_server;
    a_unit_of_work_leaves_none
}

async fn plain_sqlx_leaves_them_on_the_server<DB: Steps>(lab: &mut Lab<DB>) -> String {
    let mut tx = lab.pool.begin().await.unwrap();
    for _ in 0..3 {
        let mut scope = Connection::begin(&mut *tx).await.unwrap();
        scope.insert("nested").await.unwrap();
        scope.rollback().await.unwrap();
    }
    let left = left::<DB>(&mut tx, "_sqlx_savepoint_1").await;
    assert_eq!(left, if DB::TITLE == MySql::TITLE { 1 } else { 3 });
    format!("savepoints left: {left}")
}

async fn a_unit_of_work_leaves_none<DB: Steps>(lab: &mut Lab<DB>) -> String {
    let mut db = Unit::new(&lab.pool);
    for _ in 0..3 {
        let scope: Result<(), Error> = db
            .savepoint(async |db| {
                db.insert("nested").await?;
                // By this name it is known while it lasts.
                let mut raw = db.session().connection().await?;
                DB::run(&mut raw, "ROLLBACK TO SAVEPOINT uow_1").await?;
                Err(Error::Busy)
            })
            .await;
        assert!(scope.unwrap_err().is_busy());
    }
    let mut raw = db.session().connection().await.unwrap();
    let left = left::<DB>(&mut raw, "uow_1").await;
    assert_eq!(left, 0);
    format!("savepoints left: {left}")
}

/// How many savepoints of this name can be released.
async fn left<DB: Steps>(connection: &mut DB::Connection, name: &str) -> u32 {
    let mut left = 0;
    while DB::run(connection, &format!("RELEASE SAVEPOINT {name}")).await.is_ok() {
        left += 1;
    }
    left
}
