//! A transaction of the unit's own: its begin, and what COMMIT and ROLLBACK have in common.

use std::time::Duration;

use tokio::time::Instant;

use super::lease::Lease;
use super::state::Shared;
use crate::backend::{self, Answer, Backend};
use crate::clock;
use crate::connection::Held;
use crate::error::Error;
use crate::sql::Effect;
use crate::transaction_options::Plan;

/// How long COMMIT may go unanswered where nothing else is said. A cluster that has lost a node holds commits up for seconds.
const COMMIT_LIMIT: Duration = Duration::from_secs(30);

/// How long COMMIT may go unanswered behind the deadline of its unit: it is sent in time, and its answer is worth a moment.
const BEHIND_THE_DEADLINE: Duration = Duration::from_secs(1);

impl<DB: Backend> Shared<DB> {
    /// Begins the transaction now, if none is open.
    pub(crate) async fn begin(&self) -> Result<(), Error> {
        let begin = async {
            Lease::ready_for_statement(self, Effect::Reads).await?.succeed();
            Ok(())
        };
        Ok(self.in_time(Box::pin(begin)).await?)
    }

    /// Inside a `run` or `savepoint` closure only the closure's result may end the unit.
    pub(crate) fn refuse_inside_scope(&self, method: &'static str) -> Result<(), Error> {
        if self.settings.guarded || self.depth() > 0 { Err(Error::InsideScope { method }) } else { Ok(()) }
    }

    /// Whether there is anything to commit, or to roll back, after the repositories' flush.
    pub(crate) fn after_flush(&self, flushed: Result<(), Error>) -> Result<(), Error> {
        match flushed {
            // A repository declined, and the database knows nothing of it: the unit is as it was.
            Err(error) if !self.is_poisoned() => Err(error),
            // Of a statement that failed in the flush the session knows more to say, and to do.
            _ => Ok(()),
        }
    }

    /// The answer to a message of the unit's own, which no user can put a limit to.
    pub(super) async fn in_limit(
        &self,
        during: &'static str,
        sending: impl Future<Output = Answer>,
    ) -> Answer {
        let limit = match (self.settings.commit_timeout, self.lock().deadline) {
            (Some(limit), _) => limit,
            (None, Some(deadline)) => {
                deadline.saturating_duration_since(Instant::now()) + BEHIND_THE_DEADLINE
            }
            (None, None) => COMMIT_LIMIT,
        };
        let answer = clock::timeout(limit, sending).await;
        answer.unwrap_or_else(|| Answer { results: 0, outcome: Err(backend::no_answer(during, limit)) })
    }
}

/// Whether the end of a transaction has to make its connection what it was before.
pub(super) fn needs_restore<DB: Backend>(connection: &Held<DB>, plan: &Plan) -> bool {
    !(plan.restore.is_empty() && connection.transaction.restore.is_empty())
}
