//! Reading by a filter.

use std::fmt;

use futures_util::stream::{Stream, StreamExt};
use sqlx_core::Error as SqlxError;
use sqlx_core::arguments::Arguments;
use sqlx_core::encode::Encode;
use sqlx_core::error::BoxDynError;
use sqlx_core::executor::Executor;
use sqlx_core::sql_str::SqlSafeStr;
use sqlx_core::types::Type;

use super::Entities;
use super::lock::Lock;
use super::page::Page;
use crate::backend::{Backend, Query};
use crate::entity::Entity;
use crate::error::Error;
use crate::sql::Shape;

/// A read of entities by a filter, made by [`Entities::query`] or [`Entities::all`].
#[must_use = "a query is sent by `fetch`, `first`, `stream`, `count` or `exists`"]
pub struct Find<'e, E: Entity<DB> + 'static, DB: Backend> {
    pub(super) entities: &'e mut Entities<E, DB>,
    /// What stands behind WHERE.
    pub(super) filter: Option<String>,
    pub(super) arguments: DB::Arguments,
    pub(super) broken: Option<BoxDynError>,
    pub(super) page: Page<E::Key>,
    lock: Option<Lock>,
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// Entities by a filter: what stands behind `WHERE`, in the engine's own SQL and with its own placeholders; `ORDER BY`
    /// and `LIMIT` may follow. A text that is put together at run time needs sqlx's `AssertSqlSafe`.
    ///
    /// It asks the database, which does not know yet what is held back here.
    ///
    /// ```
    /// # use unit_of_work::{Entities, Entity, Error};
    /// # #[derive(Entity)] struct Post { #[uow(key)] id: i64, blog_id: i64, title: String }
    /// # async fn example(posts: &mut Entities<Post, sqlx::Sqlite>) -> Result<(), Error> {
    /// for post in posts.query("blog_id = ? ORDER BY title").bind(7).limit(10).fetch().await? {
    ///     post.title.make_ascii_uppercase(); // written by the next flush
    /// }
    /// let published = posts.query("blog_id = ?").bind(7).count().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn query(&mut self, filter: impl SqlSafeStr) -> Find<'_, E, DB> {
        let filter = filter.into_sql_str().as_str().to_owned();
        self.find(Some(filter))
    }

    /// All entities of the table.
    pub fn all(&mut self) -> Find<'_, E, DB> {
        self.find(None)
    }

    fn find(&mut self, filter: Option<String>) -> Find<'_, E, DB> {
        Find {
            entities: self,
            filter,
            arguments: DB::Arguments::default(),
            broken: None,
            page: Page::default(),
            lock: None,
        }
    }
}

impl<'e, E: Entity<DB> + 'static, DB: Backend> Find<'e, E, DB> {
    /// Binds the value of the next placeholder.
    pub fn bind<'v, T: Encode<'v, DB> + Type<DB>>(mut self, value: T) -> Self {
        if let Err(error) = self.arguments.add(value) {
            self.broken.get_or_insert(error);
        }
        self
    }

    /// Locks the rows until the end of the transaction, as [`Entities::lock`] does one.
    pub fn lock(self, lock: Lock) -> Self {
        Self { lock: Some(lock), ..self }
    }

    /// The entities, in the order of the query. One that is tracked comes as it is here, changes included; one that was
    /// removed here does not come.
    ///
    /// # Errors
    ///
    /// Those of a statement through the [`Session`](crate::Session). With a [lock](Self::lock): [`Error::Conflict`] names all
    /// that were tracked and are no longer as they were read, and none is taken over then; [`Error::Unsupported`] for a lock
    /// the engine does not have.
    pub async fn fetch(mut self) -> Result<Vec<&'e mut E>, Error> {
        let text = self.select()?;
        let (entities, lock) = (self.entities, self.lock);
        let rows = entities.load(text, self.arguments).await?;
        let depth = entities.depth();
        entities.tracked.reserve(rows.len());
        let mut slots: Vec<usize> = if lock.is_some() {
            entities.take_over(rows)?
        } else {
            rows.into_iter().map(|row| entities.track(row)).collect()
        };
        slots.retain(|&at| entities.is_there(at));
        slots.iter().for_each(|&at| entities.tracked.touch(at, depth));
        Ok(entities.tracked.lend(&slots))
    }

    /// The first entity of the query; write `.limit(1)` where there may be many.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    pub async fn first(self) -> Result<Option<&'e mut E>, Error> {
        let mut rows = self.fetch().await?;
        rows.truncate(1);
        Ok(rows.pop())
    }

    /// The rows as they come, not tracked: for reading more of them than fit into memory. Changes to them go nowhere.
    ///
    /// # Errors
    ///
    /// Those of a statement, as an item of the stream.
    pub fn stream(mut self) -> impl Stream<Item = Result<E, Error>> + Send + 'e {
        let (failed, rows) = match self.select() {
            Ok(text) => {
                let query = Query::with_arguments(text, self.arguments);
                (None, Some((&mut self.entities.session).fetch(query)))
            }
            Err(error) => (Some(Err(error)), None),
        };
        let rows = futures_util::stream::iter(rows).flatten();
        futures_util::stream::iter(failed).chain(rows.map(|row| Ok(E::load(&row?)?)))
    }

    /// The SELECT of whole rows.
    fn select(&mut self) -> Result<String, Error> {
        let clause = self.lock.map_or(Ok(""), |lock| self.entities.lock_clause(lock))?;
        let text = self.rest(Shape::of::<DB, E>().select())?;
        Ok(text + clause)
    }

    /// A value that did not encode.
    pub(super) fn encoded(&mut self) -> Result<(), Error> {
        self.broken.take().map_or(Ok(()), |error| Err(SqlxError::Encode(error).into()))
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> fmt::Debug for Find<'_, E, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the values: they are the user's.
        f.debug_struct("Find").field("entity", &E::NAME).field("filter", &self.filter).finish_non_exhaustive()
    }
}
