//! `&mut Session<DB>` is an sqlx `Executor`.

use std::future::ready;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::stream::{StreamExt, TryStreamExt};
use sqlx_core::Error;
use sqlx_core::describe::Describe;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::sql_str::SqlStr;

use super::Session;
use super::lease::Lease;
use super::rows::Steps;
use super::state::Shared;
use crate::backend::{self, Backend, Query, Step};
use crate::boxed::boxed;
use crate::sql::{Effect, refuse_nul};

/// What is handed on of a statement's steps: `keep` picks it out.
type Keep<T, DB> = fn(&mut T, Step<DB>);

// These are no `async fn`s, and box what they return themselves: a statement's future is made where it stays. Moved from one
// future into the next, it cost more than all else that the session does.
impl<DB: Backend> Shared<DB> {
    /// A statement of the user's, as it is sent.
    fn query<'q>(&self, query: impl Execute<'q, DB>) -> Query<DB> {
        self.as_sent(Query::from_execute(query))
    }

    /// A statement that a pooler may give any connection has to be prepared each time.
    pub(super) fn as_sent(&self, query: Query<DB>) -> Query<DB> {
        if self.settings.behind_pooler { query.prepared_anew() } else { query }
    }

    /// Runs a statement to its end, and gathers its steps.
    fn run<'s, T>(&'s self, query: Query<DB>, keep: Keep<T, DB>) -> BoxFuture<'s, Result<T, Error>>
    where
        T: Default + Send + 's,
    {
        let effect = match self.admit(&query) {
            Ok(effect) => effect,
            Err(refused) => return refuse(refused),
        };
        self.in_time(boxed!(async move {
            let mut lease = Lease::for_statement(self, effect)?;
            if !lease.is_ready() {
                lease.make_ready(effect).await?;
            }
            let mut kept = T::default();
            let mut steps = DB::fetch_many(lease.connection()?, query);
            // (A text of blanks and comments has no result to end with.)
            let mut ended = effect == Effect::Nothing;
            let failed = loop {
                match steps.next().await {
                    Some(Ok(step)) => {
                        ended = step.is_left();
                        keep(&mut kept, step);
                    }
                    None if ended => break None,
                    None => break Some(backend::no_end()),
                    Some(Err(error)) => break Some(error),
                }
            };
            drop(steps);
            if let Some(error) = failed {
                return Err(lease.fail(error).await);
            }
            lease.succeed();
            Ok(kept)
        }))
    }

    /// Runs a statement step by step, as the stream asks for them.
    fn stream(&self, query: Query<DB>) -> BoxFuture<'_, Result<(), Error>> {
        let effect = match self.admit(&query) {
            Ok(effect) => effect,
            Err(refused) => return refuse(refused),
        };
        self.in_time(boxed!(async move {
            let mut lease = Lease::for_statement(self, effect)?;
            if !lease.is_ready() {
                lease.make_ready(effect).await?;
            }
            let mut steps = DB::fetch_many(lease.connection()?, query);
            let mut ended = effect == Effect::Nothing;
            let failed = loop {
                match steps.next().await {
                    Some(Ok(step)) => {
                        ended = step.is_left();
                        self.emit(step).await;
                    }
                    None if ended => break None,
                    None => break Some(backend::no_end()),
                    Some(Err(error)) => break Some(error),
                }
            };
            drop(steps);
            if let Some(error) = failed {
                return Err(lease.fail(error).await);
            }
            lease.succeed();
            Ok(())
        }))
    }

    /// Runs a statement for its first row, and answers what `tell` makes of it.
    pub(crate) fn first_row<'s, T>(
        &'s self,
        query: Query<DB>,
        tell: fn(Option<DB::Row>) -> Result<T, Error>,
    ) -> BoxFuture<'s, Result<T, Error>>
    where
        T: Send + 's,
    {
        let effect = match self.admit(&query) {
            Ok(effect) => effect,
            Err(refused) => return refuse(refused),
        };
        self.in_time(boxed!(async move {
            let mut lease = Lease::for_statement(self, effect)?;
            if !lease.is_ready() {
                lease.make_ready(effect).await?;
            }
            // (In place, and not in a function: the query need not be moved into another future.)
            let row = match DB::fetch_optional(lease.connection()?, query).await {
                Ok(None) => DB::confirm_no_row(lease.connection()?).await.map(|()| None),
                row => row,
            };
            match row {
                Ok(row) => {
                    lease.succeed();
                    tell(row)
                }
                Err(error) => Err(lease.fail(error).await),
            }
        }))
    }
}

/// What is prepared by itself is kept by its name, on whatever connection the server had then.
fn kept_behind_a_pooler() -> crate::Error {
    crate::Error::Unsupported {
        engine: "a pooler in transaction mode",
        option: "connection that keeps a prepared statement".to_owned(),
        instead: "send the text with its values (`sqlx::query`): it is prepared anew each time",
    }
}

fn refuse<'s, T: Send + 's>(refused: crate::Error) -> BoxFuture<'s, Result<T, Error>> {
    Box::pin(ready(Err(refused.into())))
}

impl<'c, DB: Backend> Executor<'c> for &'c mut Session<DB> {
    type Database = DB;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<DB::QueryResult, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        self.shared.run(self.shared.query(query), |total: &mut DB::QueryResult, step| {
            if let Step::<DB>::Left(done) = step {
                total.extend([done]);
            }
        })
    }

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step<DB>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let producer = self.shared.stream(self.shared.query(query));
        Box::pin(Steps::new(&self.shared, producer))
    }

    fn fetch<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<DB::Row, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let producer = self.shared.stream(self.shared.query(query));
        Box::pin(Steps::new(&self.shared, producer).try_filter_map(|step| ready(Ok(step.right()))))
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<DB::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        self.shared.run(self.shared.query(query), |rows: &mut Vec<DB::Row>, step| rows.extend(step.right()))
    }

    fn fetch_one<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<DB::Row, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        // A missing row is an answer, not a failure: the unit goes on.
        self.shared.first_row(self.shared.query(query), |row| row.ok_or(Error::RowNotFound))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        self.shared.first_row(self.shared.query(query), Ok)
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'c: 'e,
    {
        let shared = &self.shared;
        if shared.settings.behind_pooler {
            return refuse(kept_behind_a_pooler());
        }
        if let Err(refused) = refuse_nul(sql.as_str()) {
            return refuse(refused.into());
        }
        shared.in_time(Box::pin(async move {
            let mut lease = Lease::ready_for_statement(shared, Effect::Reads).await?;
            let outcome = DB::prepare_with(lease.connection()?, sql, parameters).await;
            lease.finish(outcome).await
        }))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'c: 'e,
    {
        let shared = &self.shared;
        if shared.settings.behind_pooler {
            return refuse(kept_behind_a_pooler());
        }
        if let Err(refused) = refuse_nul(sql.as_str()) {
            return refuse(refused.into());
        }
        shared.in_time(Box::pin(async move {
            let mut lease = Lease::ready_for_statement(shared, Effect::Reads).await?;
            let outcome = DB::describe(lease.connection()?, sql).await;
            lease.finish(outcome).await
        }))
    }
}
