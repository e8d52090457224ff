//! Statements that are sent without a transaction: a read of a unit that is idle, and a flush that is one statement.

use std::sync::Arc;

use sqlx_core::Error as SqlxError;

use super::lease::Lease;
use super::state::{Errand, Shared, State};
use crate::backend::{self, Answer, Backend, Query, Step};
use crate::connection::Held;
use crate::error::{Cause, Error};

impl<DB: Backend> Shared<DB> {
    /// A read outside of any transaction if the unit is idle; in its transaction otherwise.
    pub(crate) async fn read(&self, query: Query<DB>) -> Result<Option<DB::Row>, SqlxError> {
        if !self.lend_for_read() {
            return self.first_row(self.as_sent(query), Ok).await;
        }
        let mut lease = Lease::of(self, Errand::Read, None);
        self.in_time(Box::pin(async move {
            match Held::acquire(&self.pool).await {
                Ok(connection) => lease = lease.becomes(Errand::Read, connection),
                Err(error) => return Err(lease.fail_alone(error, true)),
            }
            let row = match backend::fetch_optional::<DB>(lease.connection()?, query).await {
                Ok(row) => row,
                Err(error) => return Err(lease.fail_alone(error, true)),
            };
            let clean = !DB::began_by_reading(row.as_ref())
                || backend::send::<DB>(lease.connection()?, Query::fixed(DB::ROLLBACK)).await.outcome.is_ok();
            if clean {
                lease.release();
            } else {
                lease.become_idle();
            }
            Ok(row)
        }))
        .await
    }

    fn lend_for_read(&self) -> bool {
        let mut inner = self.lock();
        let idle = matches!(inner.state, State::Idle) && !self.settings.behind_pooler;
        if idle {
            inner.state = State::Lent(Errand::Read);
        }
        idle
    }

    /// Whether a statement may go without a transaction: the unit is idle, and nothing was asked for that needs one.
    pub(crate) fn can_send_alone(&self) -> bool {
        let settings = &self.settings;
        let inner = self.lock();
        DB::AUTOCOMMITS
            && matches!(inner.state, State::Idle)
            && inner.scopes.open == 0
            && settings.plan.is_default::<DB>()
            && settings.deadline.is_none()
            && settings.verification.is_none()
            && !settings.behind_pooler
    }

    /// Runs a statement without a transaction: it is one by itself. If its answer does not come, nobody knows.
    pub(crate) async fn send_alone(
        &self,
        query: Query<DB>,
        mut each: impl FnMut(DB::Row) + Send,
    ) -> Result<DB::QueryResult, SqlxError> {
        {
            let mut inner = self.lock();
            if let Some(refusal) = inner.state.refusal() {
                return Err(refusal.into());
            }
            inner.state = State::Lent(Errand::Read);
        }
        // Until it is sent, a cancelled one leaves nothing behind.
        let lease = Lease::of(self, Errand::Read, None);
        let connection = match Held::acquire(&self.pool).await {
            Ok(connection) => connection,
            Err(error) => return Err(lease.fail_alone(error, false)),
        };
        let mut lease = lease.becomes(Errand::Alone, connection);
        let mut result = DB::QueryResult::default();
        let running = backend::run::<DB>(lease.connection()?, query, |step| match step {
            Step::<DB>::Left(done) => result = done,
            Step::<DB>::Right(row) => each(row),
        });
        // It is the unit's COMMIT as well.
        let outcome = if DB::HAS_SERVER {
            let running = async { Answer { results: 0, outcome: running.await } };
            self.in_limit("the statement", running).await.outcome
        } else {
            running.await
        };
        match outcome {
            Ok(()) => {
                lease.release();
                Ok(result)
            }
            Err(error) if !DB::ends_connection(&error) => Err(lease.fail_alone(error, false)),
            // Dropped, the lease leaves the unit in the state that says so.
            Err(error) => Err(lease.lose(Errand::Alone.word(), &error).into()),
        }
    }

    /// A [lone](Self::send_alone) statement is stored, and its answer of no use: the unit says so until its rollback.
    pub(crate) fn end_early(&self, error: &SqlxError) -> Error {
        let cause = Arc::new(Cause::stored(error));
        let mut inner = self.lock();
        inner.state = match std::mem::replace(&mut inner.state, State::Idle) {
            State::Idle => State::Ended { cause: Arc::clone(&cause) },
            other => other,
        };
        Error::EndedEarly { cause }
    }
}
