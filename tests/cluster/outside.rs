//! A node that answers nobody for a while, as one does that has lost the others: error 1047.

use std::time::Duration;

use sqlx::{MySqlPool, query_scalar, raw_sql};
use unit_of_work::{Error, Retry, UnitOfWork};

use crate::work::{Db, touch};

/// Row 1 is touched before the node refuses, and row 2 after that.
#[derive(Debug)]
pub(crate) struct Outsider {
    pub(crate) pool: MySqlPool,
    /// Another pool on the same node.
    pub(crate) admin: MySqlPool,
}

impl Outsider {
    async fn refuse(&self, what: &'static str) {
        raw_sql(what).execute(&self.admin).await.expect("the node takes its settings");
    }

    async fn leaves(&self) {
        self.refuse("SET GLOBAL wsrep_reject_queries = 'ALL'").await;
    }

    async fn comes_back(&self) {
        self.refuse("SET GLOBAL wsrep_reject_queries = 'NONE'").await;
    }

    async fn touched(&self) -> Vec<i64> {
        let touched = "SELECT touched FROM hot WHERE id IN (1, 2) ORDER BY id";
        query_scalar(touched).fetch_all(&self.admin).await.unwrap()
    }

    pub(crate) async fn is_told_at_begin(&self) {
        self.leaves().await;
        let mut db = Db::new(&self.pool);
        let error = touch(&mut db, &[1]).await.unwrap_err();
        self.comes_back().await;
        assert!(error.is_transient(), "BEGIN: {error}");
    }

    pub(crate) async fn is_told_at_a_statement(&self) {
        let mut db = Db::new(&self.pool);
        touch(&mut db, &[1]).await.unwrap();
        self.leaves().await;
        let error = touch(&mut db, &[2]).await.unwrap_err();
        let ended = db.commit().await.unwrap_err();
        self.comes_back().await;
        assert!(error.is_transient(), "a statement: {error}");
        assert!(ended.is_rolled_back() && ended.is_transient(), "a statement: {ended}");
        assert_eq!(self.touched().await, [0, 0]);
    }

    /// The node may have sent the unit to the others before: what is told as rolled back has to be, no more.
    pub(crate) async fn is_told_at_commit(&self) {
        let mut db = Db::new(&self.pool);
        touch(&mut db, &[1]).await.unwrap();
        self.leaves().await;
        let ended = db.commit().await;
        self.comes_back().await;
        drop(db);
        let touched = self.touched().await;
        println!("  COMMIT on a node that refuses: {ended:?}, touched {touched:?}");
        match ended {
            Ok(()) => assert_eq!(touched, [1, 0]),
            Err(error) if error.is_rolled_back() => assert_eq!(touched, [0, 0]),
            Err(error) => assert!(error.is_outcome_unknown(), "COMMIT: {error}"),
        }
    }

    pub(crate) async fn is_waited_for_by_run(&self) {
        let before = self.touched().await;
        self.leaves().await;
        let retry = Retry::attempts(1000).backoff(Duration::from_millis(20), Duration::from_millis(50));
        let options = Db::options(&self.pool).retry(retry);
        let run = options.run(async |db| touch(db, &[1, 2]).await);
        let back = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            self.comes_back().await;
        };
        let (ran, ()): (Result<(), Error>, ()) = tokio::join!(run, back);
        ran.unwrap();
        assert_eq!(self.touched().await, [before[0] + 1, before[1] + 1]);
    }
}
