//! A conflict with another node, wherever a unit comes to know of it.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use sqlx::{ConnectOptions as _, MySqlPool, query, query_scalar};
use unit_of_work::{Error, Retry, UnitOfWork};

use crate::ledger::is_conflict;
use crate::work::{Db, touch};

/// Where a unit is told that another node was faster: at the first thing it sends after that.
#[derive(Debug, Clone, Copy)]
enum Place {
    Statement,
    Text,
    Commit,
    ScopeBegins,
    ScopesBegin,
    ScopeEnds,
    ScopeIsUndone,
    Flush,
    FlushOfCommit,
    CommitAfterFlush,
}

const PLACES: [Place; 10] = {
    use Place::*;
    [
        Statement,
        Text,
        Commit,
        ScopeBegins,
        ScopesBegin,
        ScopeEnds,
        ScopeIsUndone,
        Flush,
        FlushOfCommit,
        CommitAfterFlush,
    ]
};

/// Two nodes: the one that has the unit, and the one that is faster.
#[derive(Debug)]
pub(crate) struct Rivals {
    pub(crate) unit: MySqlPool,
    pub(crate) faster: MySqlPool,
}

impl Rivals {
    /// Changes the row on the other node, and waits until the unit's own has it too: by then its transaction is aborted.
    async fn overtake(&self, row: i64) {
        // What the unit before this one has just stored may still be on its way to the other node, and be faster there.
        let update =
            || query("UPDATE hot SET version = version + 1 WHERE id = ?").bind(row).execute(&self.faster);
        while let Err(error) = update().await {
            assert!(is_conflict(&error.into()), "the other node changes the row");
        }
        let options = self.unit.connect_options();
        let mut look = options.connect().await.expect("the node accepts connections");
        query("SET SESSION wsrep_sync_wait = 15").execute(&mut look).await.unwrap();
        query_scalar::<_, i64>("SELECT version FROM hot WHERE id = ?")
            .bind(row)
            .fetch_one(&mut look)
            .await
            .unwrap();
    }

    /// A unit that touches row 1, is overtaken, and comes to this place; the next time it is not overtaken.
    async fn meet(&self, db: &mut Db, place: Place, attempt: u32) -> Result<(), Error> {
        let overtake = async || {
            if attempt == 0 {
                self.overtake(1).await;
            }
        };
        match place {
            Place::ScopeEnds => {
                let scope = db.savepoint(async |db| {
                    touch(db, &[1]).await?;
                    overtake().await;
                    Ok(())
                });
                return scope.await;
            }
            Place::ScopeIsUndone => {
                let scope = db.savepoint(async |db| {
                    touch(db, &[1]).await?;
                    overtake().await;
                    Err::<(), _>(sqlx::Error::RowNotFound)
                });
                // The application gets over its own error, and goes on.
                return match scope.await {
                    Err(sqlx::Error::RowNotFound) => touch(db, &[2]).await,
                    other => Ok(other?),
                };
            }
            Place::CommitAfterFlush => db.touch_entity(1).await?,
            Place::Flush | Place::FlushOfCommit => {
                db.load_entity(2).await?; // so that nothing but the flush is to be sent for it
                touch(db, &[1]).await?;
            }
            _ => touch(db, &[1]).await?,
        }
        overtake().await;
        match place {
            Place::Statement => touch(db, &[2]).await,
            Place::Text => db.touch_in_one_message(&[2, 3]).await,
            Place::ScopeBegins => db.savepoint(async |db| touch(db, &[2]).await).await,
            Place::ScopesBegin => {
                let scopes = db.savepoint(async |db| db.savepoint(async |db| touch(db, &[2]).await).await);
                scopes.await
            }
            Place::Flush => db.touch_entity(2).await,
            Place::FlushOfCommit => db.load_entity(2).await,
            _ => Ok(()),
        }
    }

    /// What a unit says that is overtaken before it comes to this place; nothing, if it is what it has to say.
    async fn by_hand(&self, place: Place) -> Option<String> {
        let mut db = Db::new(&self.unit);
        let met = self.meet(&mut db, place, 0).await;
        match (met, db.commit().await) {
            (_, Err(error)) if error.is_rolled_back() && error.is_transient() => None,
            (met, ended) => Some(format!("{place:?}: {met:?}, then commit: {ended:?}")),
        }
    }

    /// The same of `run`, which has to do it again.
    async fn by_run(&self, place: Place) -> Option<String> {
        let attempts = AtomicU32::new(0);
        let retry = Retry::attempts(3).backoff(Duration::from_millis(1), Duration::from_millis(5));
        let ran: Result<(), Error> = Db::options(&self.unit)
            .retry(retry)
            .run(async |db| self.meet(db, place, attempts.fetch_add(1, SeqCst)).await)
            .await;
        let attempts = attempts.into_inner();
        (ran.is_err() || attempts != 2)
            .then(|| format!("{place:?}: {ran:?} by `run`, after {attempts} attempts"))
    }

    /// What is not as it has to be.
    pub(crate) async fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for place in PLACES {
            failures.extend(self.by_hand(place).await);
            failures.extend(self.by_run(place).await);
        }
        failures
    }
}
