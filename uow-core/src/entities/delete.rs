//! Deleting rows that need not be read first.

use std::collections::HashSet;
use std::fmt;

use sqlx_core::Error as SqlxError;
use sqlx_core::encode::Encode;
use sqlx_core::sql_str::SqlSafeStr;
use sqlx_core::types::Type;

use super::statement::Via;
use super::tracked::State;
use super::{Entities, Find};
use crate::backend::Backend;
use crate::entity::{Entity, Values};
use crate::error::Error;
use crate::sql::Shape;

/// A DELETE by a filter, made by [`Entities::delete_where`].
#[must_use = "a DELETE is sent by `execute`"]
pub struct DeleteWhere<'e, E: Entity<DB> + 'static, DB: Backend>(Find<'e, E, DB>);

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// Deletes the row with this key now, without reading it, and says whether there was one: one `DELETE`. An entity of this
    /// key is not tracked from then on; one that was [added](Self::add) and not flushed is taken back as well.
    ///
    /// Use [`remove`](Self::remove) for an entity that is loaded: it is held back and batched, and its version is compared.
    /// This compares none: whatever is there is deleted.
    ///
    /// ```
    /// # use unit_of_work::{Entities, Entity, Error};
    /// # #[derive(Entity)] struct Favorite { #[uow(key)] user_id: i64, #[uow(key)] article_id: i64 }
    /// # async fn example(favorites: &mut Entities<Favorite, sqlx::Sqlite>) -> Result<(), Error> {
    /// let was_one = favorites.delete((7, 12)).await?;
    /// let all_of_a_user = favorites.delete_where("user_id = ?").bind(7).execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of a statement, which poison the unit outside of a savepoint scope.
    pub async fn delete(&mut self, key: E::Key) -> Result<bool, Error> {
        let shape = Shape::of::<DB, E>();
        let mut text = shape.text("DELETE FROM ");
        text.table(&shape.table).sql(" WHERE ");
        shape.with_keys(&mut text, 1);
        let mut arguments = DB::Arguments::default();
        E::bind_key(&key, &mut Values::bound(&mut arguments)).map_err(SqlxError::Encode)?;
        let result = self.send(Via::Transaction, text.finish(), arguments, drop).await?;
        let mut deleted = DB::rows_affected(&result) > 0;
        if let Some(at) = self.tracked.find(&key) {
            deleted |= self.tracked.slot(at).is_some_and(|slot| slot.state == State::New);
            self.keys.forget(at);
            self.untrack(at);
        }
        Ok(deleted)
    }

    /// Deletes the rows of a filter, as that of [`query`](Self::query), without reading them.
    /// [`execute`](DeleteWhere::execute) sends it.
    pub fn delete_where(&mut self, filter: impl SqlSafeStr) -> DeleteWhere<'_, E, DB> {
        DeleteWhere(self.query(filter))
    }

    /// The keys of what is tracked and stored.
    fn stored_keys(&self) -> Vec<E::Key> {
        let slots = self.tracked.slots().iter();
        let stored = slots.filter(|slot| matches!(slot.state, State::Stored | State::Removed));
        stored.filter_map(|slot| slot.key.clone()).collect()
    }

    fn untrack_keys<'k>(&mut self, keys: impl IntoIterator<Item = &'k E::Key>) {
        for key in keys {
            let at = self.tracked.find(key);
            let is_stored = |&at: &usize| self.tracked.slot(at).is_some_and(|slot| slot.state != State::New);
            if let Some(at) = at.filter(is_stored) {
                self.untrack(at);
            }
        }
    }
}

impl<'e, E: Entity<DB> + 'static, DB: Backend> DeleteWhere<'e, E, DB> {
    /// Binds the value of the next placeholder.
    pub fn bind<'v, T: Encode<'v, DB> + Type<DB>>(self, value: T) -> Self {
        Self(self.0.bind(value))
    }

    /// Deletes the rows now, and says how many: one `DELETE`, which compares no versions. Entities whose rows it deleted are not
    /// tracked from then on; what is held back here, the database does not know yet. (MySQL, which returns no rows, is asked
    /// afterwards for those that are tracked, if there are any.)
    ///
    /// # Errors
    ///
    /// Those of a statement, which poison the unit outside of a savepoint scope.
    pub async fn execute(self) -> Result<u64, Error> {
        let Self(mut find) = self;
        let shape = Shape::of::<DB, E>();
        let tracked = find.entities.stored_keys();
        let mut text = shape.text("DELETE FROM ");
        text.table(&shape.table);
        let mut text = find.rest(text)?;
        if !tracked.is_empty() {
            text += &DB::returning(&shape, &shape.keys());
        }
        let Find { entities, arguments, .. } = find;
        let mut rows = Vec::new();
        let result = entities.send(Via::Transaction, text, arguments, |row| rows.push(row)).await?;
        let count = DB::rows_affected(&result).max(rows.len() as u64);
        if tracked.is_empty() || count == 0 {
            return Ok(count);
        }
        let deleted = match entities.keys_of(&rows)? {
            keys if !keys.is_empty() => keys,
            // The rows that are still there are those that were not deleted.
            _ => {
                let there = entities.read_rows(&tracked, "").await?;
                let there: HashSet<E::Key> = there.iter().map(E::key).collect();
                tracked.into_iter().filter(|key| !there.contains(key)).collect()
            }
        };
        entities.untrack_keys(&deleted);
        Ok(count)
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The keys in rows that have no other columns.
    fn keys_of(&self, rows: &[DB::Row]) -> Result<Vec<E::Key>, Error> {
        let Some(mut scratch) = self.tracked.slots().first().map(|slot| slot.entity.snapshot()) else {
            return Ok(Vec::new());
        };
        let columns = Shape::of::<DB, E>().keys();
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            for (at, &column) in columns.iter().enumerate() {
                scratch.read(column, row, at)?;
            }
            keys.push(scratch.key());
        }
        Ok(keys)
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> fmt::Debug for DeleteWhere<'_, E, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
