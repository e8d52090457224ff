//! `&mut Session<DB>` is an sqlx `Executor`.

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
use crate::backend::{Backend, Query, Step};
use crate::sql::Effect;

impl<DB: Backend> Shared<DB> {
    /// Runs a statement to its end and hands each of its steps to `each`.
    async fn run(&self, query: Query<DB>, each: impl FnMut(Step<DB>) + Send) -> Result<(), Error> {
        let effect = self.admit(query.text())?;
        self.in_time(self.run_leased(query, effect, each)).await
    }

    async fn run_leased(
        &self,
        query: Query<DB>,
        effect: Effect,
        mut each: impl FnMut(Step<DB>) + Send,
    ) -> Result<(), Error> {
        let mut lease = Lease::for_statement(self, effect).await?;
        let mut steps = DB::fetch_many(lease.connection()?, query);
        let outcome = loop {
            match steps.next().await {
                None => break Ok(()),
                Some(Ok(step)) => each(step),
                Some(Err(error)) => break Err(error),
            }
        };
        drop(steps);
        lease.finish(outcome).await
    }

    /// Runs a statement step by step, as the stream asks for them.
    async fn stream(&self, query: Query<DB>) -> Result<(), Error> {
        let effect = self.admit(query.text())?;
        self.in_time(self.stream_leased(query, effect)).await
    }

    async fn stream_leased(&self, query: Query<DB>, effect: Effect) -> Result<(), Error> {
        let mut lease = Lease::for_statement(self, effect).await?;
        let mut steps = DB::fetch_many(lease.connection()?, query);
        let outcome = loop {
            match steps.next().await {
                None => break Ok(()),
                Some(Ok(step)) => self.emit(step).await,
                Some(Err(error)) => break Err(error),
            }
        };
        drop(steps);
        lease.finish(outcome).await
    }

    /// Runs a statement for its first row.
    pub(crate) async fn first_row(&self, query: Query<DB>) -> Result<Option<DB::Row>, Error> {
        let effect = self.admit(query.text())?;
        self.in_time(async {
            let mut lease = Lease::for_statement(self, effect).await?;
            let outcome = DB::fetch_optional(lease.connection()?, query).await;
            lease.finish(outcome).await
        })
        .await
    }
}

impl<'c, DB: Backend> Executor<'c> for &'c mut Session<DB> {
    type Database = DB;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<DB::QueryResult, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Query::from_execute(query);
        Box::pin(async move {
            let mut total = DB::QueryResult::default();
            self.shared
                .run(query, |step| {
                    if let Step::<DB>::Left(done) = step {
                        total.extend([done]);
                    }
                })
                .await?;
            Ok(total)
        })
    }

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step<DB>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Query::from_execute(query);
        let shared: &'c Shared<DB> = &self.shared;
        Box::pin(Steps::new(shared, shared.stream(query)))
    }

    fn fetch<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<DB::Row, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Query::from_execute(query);
        let shared: &'c Shared<DB> = &self.shared;
        Box::pin(
            Steps::new(shared, shared.stream(query))
                .try_filter_map(|step| std::future::ready(Ok(step.right()))),
        )
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<DB::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Query::from_execute(query);
        Box::pin(async move {
            let mut rows = Vec::new();
            self.shared.run(query, |step| rows.extend(step.right())).await?;
            Ok(rows)
        })
    }

    fn fetch_one<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<DB::Row, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Query::from_execute(query);
        // A missing row is an answer, not a failure: the unit goes on.
        Box::pin(async move { self.shared.first_row(query).await?.ok_or(Error::RowNotFound) })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Query::from_execute(query);
        Box::pin(self.shared.first_row(query))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut lease = Lease::for_statement(&self.shared, Effect::Reads).await?;
            let outcome = DB::prepare_with(lease.connection()?, sql, parameters).await;
            lease.finish(outcome).await
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut lease = Lease::for_statement(&self.shared, Effect::Reads).await?;
            let outcome = DB::describe(lease.connection()?, sql).await;
            lease.finish(outcome).await
        })
    }
}
