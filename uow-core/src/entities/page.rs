//! A part of what a query finds: so many rows, from the first or behind a key; or only how many there are.

use sqlx_core::Error as SqlxError;
use sqlx_core::arguments::Arguments;

use super::Find;
use crate::backend::{Backend, Dialect, Query};
use crate::entity::{Entity, Values};
use crate::error::Error;
use crate::sql::{self, Shape, Text};

/// Which part of the rows is read.
#[derive(Debug)]
pub(super) struct Page<K> {
    limit: Option<i64>,
    offset: Option<i64>,
    /// In the order of the key; behind this one, if there is one.
    after: Option<Option<K>>,
}

impl<K> Default for Page<K> {
    fn default() -> Self {
        Self { limit: None, offset: None, after: None }
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> Find<'_, E, DB> {
    /// At most so many rows. The number is a value of the statement, so that each page has the same text.
    pub fn limit(mut self, rows: u64) -> Self {
        self.page.limit = Some(i64::try_from(rows).unwrap_or(i64::MAX));
        self
    }

    /// Without the first so many rows. The database finds those all the same, and a row that is inserted meanwhile moves the
    /// pages behind it: prefer [`after`](Self::after) where the order is that of the key.
    pub fn offset(mut self, rows: u64) -> Self {
        self.page.offset = Some(i64::try_from(rows).unwrap_or(i64::MAX));
        self
    }

    /// In the order of the key, the rows behind this one; `None` is from the first. Each page is found by the index, however
    /// far behind it is. The filter is a condition then, without an `ORDER BY` or `LIMIT` of its own.
    ///
    /// ```
    /// # use unit_of_work::{Entities, Entity, Error};
    /// # #[derive(Entity)] struct Post { #[uow(key)] id: i64, blog_id: i64 }
    /// # async fn example(posts: &mut Entities<Post, sqlx::Sqlite>) -> Result<(), Error> {
    /// let mut last = None;
    /// loop {
    ///     let page = posts.query("blog_id = ?").bind(7).after(last).limit(100).fetch().await?;
    ///     let Some(end) = page.last() else { break };
    ///     last = Some(end.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn after(mut self, key: Option<E::Key>) -> Self {
        self.page.after = Some(key);
        self
    }

    /// How many rows there are, counted by the database: one `SELECT count(*)`, and nothing is tracked. With a
    /// [`limit`](Self::limit) it counts no further than that.
    ///
    /// # Errors
    ///
    /// Those of a statement through the [`Session`](crate::Session).
    pub async fn count(self) -> Result<u64, Error> {
        let number = self.number("SELECT count(*) FROM (SELECT 1 FROM ", ") AS uow").await?;
        Ok(u64::try_from(number).unwrap_or_default())
    }

    /// Whether there is such a row: the database stops at the first one, and nothing is tracked.
    ///
    /// # Errors
    ///
    /// Those of a statement through the [`Session`](crate::Session).
    pub async fn exists(self) -> Result<bool, Error> {
        let start = "SELECT count(*) FROM (SELECT 1 AS one) AS uow WHERE EXISTS (SELECT 1 FROM ";
        Ok(self.number(start, ")").await? > 0)
    }

    async fn number(mut self, start: &str, end: &str) -> Result<i64, Error> {
        let shape = Shape::of::<DB, E>();
        let mut text = shape.text(start);
        text.table(&shape.table);
        let text = self.rest(text)? + end;
        let mut number = Ok(0);
        let each = |row: DB::Row| number = DB::first_number(&row);
        let query = Query::with_arguments(text, self.arguments);
        self.entities.session.shared().select(query, each).await?;
        Ok(number?)
    }

    /// Writes what stands behind the table, and binds what it needs behind the values of the filter.
    pub(super) fn rest(&mut self, mut text: Text) -> Result<String, Error> {
        self.encoded()?;
        let shape = Shape::of::<DB, E>();
        text.behind_values(self.arguments.len());
        let after = self.page.after.take();
        let behind = after.as_ref().and_then(Option::as_ref);
        match (&self.filter, &after) {
            (Some(filter), None) => text.sql(" WHERE ").sql(filter),
            (Some(filter), Some(_)) => text.sql(" WHERE (").sql(filter).sql(")"),
            (None, _) => &mut text,
        };
        if behind.is_some() {
            text.sql(if self.filter.is_some() { " AND " } else { " WHERE " });
            shape.is_behind_key(&mut text);
        }
        if let Some(key) = behind {
            E::bind_key(key, &mut Values::bound(&mut self.arguments)).map_err(SqlxError::Encode)?;
        }
        if after.is_some() {
            text.sql(" ORDER BY ");
            shape.key_columns(&mut text);
        }
        self.limits(&mut text)?;
        let text = text.finish();
        if self.filter.is_some() {
            // The filter is the user's SQL. SQLite runs a second statement in it; the others take a prepared text for one.
            sql::admit(&text, DB::DIALECT, DB::DIALECT != Dialect::Sqlite)?;
        }
        Ok(text)
    }

    fn limits(&mut self, text: &mut Text) -> Result<(), Error> {
        let Page { limit, offset, .. } = self.page;
        // (Not every engine has an OFFSET without a LIMIT.)
        let limit = limit.or(offset.map(|_| i64::MAX));
        for (word, number) in [(" LIMIT ", limit), (" OFFSET ", offset)] {
            let Some(number) = number else { continue };
            text.sql(word).value();
            DB::bind_number(&mut self.arguments, number).map_err(SqlxError::Encode)?;
        }
        Ok(())
    }
}

impl Shape {
    /// `"key" > ?`, or `("a", "b") > (?, ?)`.
    fn is_behind_key<'t>(&self, text: &'t mut Text) -> &'t mut Text {
        text.sql("(");
        self.key_columns(text);
        text.sql(") > ").rows(1, self.keys().len())
    }

    fn key_columns(&self, text: &mut Text) {
        self.returned(text, &self.keys());
    }
}
