//! Inserting what may be there already, and shall stay as it is then: the rows of a join table, tags, marks of what was done.

use sqlx_core::Error as SqlxError;

use super::Entities;
use super::sizes::sizes;
use super::statement::{Via, bind_batch};
use super::tracked::{Slot, State};
use crate::backend::Backend;
use crate::entity::Entity;
use crate::error::Error;
use crate::flush::Failure;
use crate::sql::{Form, Shape};

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// Has the next flush insert an entity, unless a row with its key or one of its unique values is there already: that stays
    /// as it is, and no trigger of an update fires (but on MySQL, which has no other way). All of a type are one statement.
    ///
    /// The entity is not tracked: read it after the flush if it is wanted. Use [`insert_or_ignore`](Self::insert_or_ignore) to
    /// hear whether it was new, and [`upsert`](Self::upsert) to have the row that is there, or to write over it.
    ///
    /// ```
    /// # use unit_of_work::{Entities, Entity, Error};
    /// # #[derive(Entity)] struct PostTag { #[uow(key)] post_id: i64, #[uow(key)] tag_id: i64 }
    /// # fn example(links: &mut Entities<PostTag, sqlx::Sqlite>, tags: Vec<i64>) -> Result<(), Error> {
    /// for tag_id in tags {
    ///     links.add_or_ignore(PostTag { post_id: 7, tag_id })?; // however often it is given
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// None so far. What the row refers to must be there, of course: if it is not, the flush fails with
    /// [`Error::NotStored`].
    pub fn add_or_ignore(&mut self, entity: impl Into<E>) -> Result<(), Error> {
        let entity = entity.into();
        if self.is_here(&entity)? {
            return Ok(());
        }
        let depth = self.depth();
        self.tracked.push(Slot::new(entity, None, State::Offered), depth);
        Ok(())
    }

    /// Inserts an entity now, unless a row with its key or one of its unique values is there already, and says whether it was
    /// new: one statement. The entity is not tracked.
    ///
    /// Prefer [`add_or_ignore`](Self::add_or_ignore) where nobody asks: many of those are one statement.
    ///
    /// # Errors
    ///
    /// Those of a statement, which poison the unit outside of a savepoint scope.
    pub async fn insert_or_ignore(&mut self, entity: impl Into<E>) -> Result<bool, Error> {
        let entity = entity.into();
        if self.is_here(&entity)? {
            return Ok(false);
        }
        let result = self.send_or_ignore(&[&entity], !entity.has_key(), Via::Transaction).await?;
        Ok(DB::was_inserted(&result))
    }

    /// Whether an entity of this key is tracked. One that was removed gets this successor.
    fn is_here(&mut self, entity: &E) -> Result<bool, Error> {
        let key = entity.has_key().then(|| entity.key());
        let Some(at) = key.as_ref().and_then(|key| self.tracked.find(key)) else { return Ok(false) };
        if self.tracked.slot(at).is_some_and(|slot| slot.state == State::Removed) {
            self.start(entity.snapshot(), key)?;
        }
        Ok(true)
    }

    /// Inserts those that are not there.
    pub(super) async fn offer_slots(&mut self, slots: &[usize], via: Via) -> Result<(), Failure> {
        let has_key = |at: &usize| self.tracked.slot(*at).is_some_and(|slot| slot.entity.has_key());
        let (keyed, unkeyed): (Vec<usize>, Vec<usize>) = slots.iter().partition(|at| has_key(at));
        for (generated, slots) in [(false, keyed), (true, unkeyed)] {
            let mut rest = slots.as_slice();
            let sizes = Self::offer_sizes(slots.len(), generated);
            for size in self.within_a_message(sizes, &slots, || Self::insert_columns(generated)) {
                let (now, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
                self.send_or_ignore(&self.entities_of(now), generated, via).await?;
                rest = later;
            }
        }
        Ok(())
    }

    /// How many statements they take.
    pub(super) fn offer_statements(&self, slots: &[usize]) -> usize {
        let has_key = |&&at: &&usize| self.tracked.slot(at).is_some_and(|slot| slot.entity.has_key());
        let keyed = slots.iter().filter(has_key).count();
        Self::offer_sizes(keyed, false).len() + Self::offer_sizes(slots.len() - keyed, true).len()
    }

    fn offer_sizes(rows: usize, generated: bool) -> Vec<usize> {
        let columns = Self::insert_columns(generated);
        match columns.len() {
            0 => vec![1; rows],
            values => sizes(Self::has_arrays(&columns), rows, values, DB::MAX_VALUES),
        }
    }

    async fn send_or_ignore(
        &self,
        entities: &[&E],
        generated: bool,
        via: Via,
    ) -> Result<DB::QueryResult, SqlxError> {
        let shape = Shape::of::<DB, E>();
        let columns = Self::insert_columns(generated);
        let form = if entities.len() > 1 && Self::has_arrays(&columns) {
            Form::Arrays
        } else {
            Form::Rows(entities.len())
        };
        let mut arguments = DB::Arguments::default();
        bind_batch::<E, DB>(form, &[(&columns, entities)], &mut arguments)?;
        let mut text = DB::insert_text(&shape, &columns, form, &[]);
        // (A row without a value has nothing that could be there already.)
        if !columns.is_empty() {
            text += &DB::or_ignore(&shape);
        }
        self.send(via, text, arguments, drop).await
    }
}
