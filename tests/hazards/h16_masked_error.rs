//! H16: the closure form's own error, when the rollback after it fails as well.

use super::steps::*;
use super::words::*;

/// The caller's error type.
enum Mine {
    Own,
    Other(String),
}

impl From<sqlx::Error> for Mine {
    fn from(error: sqlx::Error) -> Self {
        Self::Other(code(&error))
    }
}

impl From<Error> for Mine {
    fn from(error: Error) -> Self {
        Self::Other(said::<(), _>(Err(error)))
    }
}

fn got(answer: Result<(), Mine>) -> Result<&'static str, String> {
    match answer {
        Err(Mine::Own) => Ok("the closure's own error"),
        Err(Mine::Other(error)) => Err(format!("{error}, instead of the closure's own error")),
        Ok(()) => Err("Ok".to_owned()),
    }
}

pub(super) mod of_a_lost_connection {
    use super::*;

    hazard! {
        "H16 the connection is lost, and the closure returns its own error" on postgres mysql;
        plain_sqlx_returns_the_error_of_the_rollback;
        a_unit_of_work_returns_the_closures_own
    }

    async fn plain_sqlx_returns_the_error_of_the_rollback<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let mut connection = lab.pool.acquire().await.unwrap();
        let outside = lab.outside.clone();
        let answer = connection.transaction(|tx| {
            Box::pin(async move {
                tx.insert("lost").await?;
                kill(outside, tx.number(DB::SESSION).await?).await;
                Err(Mine::Own)
            })
        });
        got(answer.await).expect_err("it is masked")
    }

    async fn a_unit_of_work_returns_the_closures_own<DB: Steps>(lab: &mut Lab<DB>) -> String {
        let outside = lab.outside.clone();
        let options = Unit::options(&lab.pool);
        let answer = options.run(async |db| {
            db.insert("lost").await?;
            kill(outside.clone(), db.number(DB::SESSION).await?).await;
            Err(Mine::Own)
        });
        got(answer.await).expect("it is not masked").to_owned()
    }
}

pub(super) mod of_a_transaction_gone {
    use super::*;

    hazard! {
        "H16 SQLite has rolled back already, and the closure returns its own error" on sqlite;
        plain_sqlx_returns_the_error_of_the_rollback;
        a_unit_of_work_returns_the_closures_own
    }

    const OR_ROLLBACK: &str = "INSERT OR ROLLBACK INTO blog (name) VALUES ('taken')";

    async fn plain_sqlx_returns_the_error_of_the_rollback(lab: &mut Lab<Sqlite>) -> String {
        let mut connection = lab.pool.acquire().await.unwrap();
        let answer = connection.transaction(|tx| {
            Box::pin(async move {
                tx.insert("taken").await?;
                tx.run(OR_ROLLBACK).await.map_err(|_| Mine::Own)
            })
        });
        got(answer.await).expect_err("it is masked")
    }

    async fn a_unit_of_work_returns_the_closures_own(lab: &mut Lab<Sqlite>) -> String {
        let options = Unit::options(&lab.pool);
        let answer = options.run(async |db| {
            db.insert("taken").await?;
            db.run(OR_ROLLBACK).await.map_err(|_| Mine::Own)
        });
        got(answer.await).expect("it is not masked").to_owned()
    }
}
