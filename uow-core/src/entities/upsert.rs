//! Inserting what may be there already.

use std::sync::Arc;

use sqlx_core::Error as SqlxError;

use super::Entities;
use super::plan::Plan;
use super::statement::{Via, bind_batch};
use crate::backend::Backend;
use crate::entity::{Column, ColumnSet, Entity};
use crate::error::{Conflict, Error};
use crate::flush::{Failure, ScopeGuard, Step};
use crate::sql::{Form, Shape};

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// Inserts an entity now, and lends it with the key and the defaults that the database made.
    ///
    /// Prefer [`add`](Self::add) where the key can wait: many of those are one statement.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyTracked`] if there is an entity with this key in the unit; [`Error::Conflict`] if it takes the place of
    /// one that was removed here, whose row is not as it was read; those of a statement, which poison the unit outside of a
    /// savepoint scope.
    pub async fn insert(&mut self, entity: impl Into<E>) -> Result<&mut E, Error> {
        let entity = entity.into();
        // Of another one that was dropped.
        self.unsettle();
        let key = entity.has_key().then(|| entity.key());
        let (at, former) = self.start(entity, key)?;
        self.plan = match former {
            None => Plan { inserts: vec![at], ..Plan::default() },
            Some(_) => {
                let changes = Some(self.changes_of(at)).filter(|changes| !changes.is_empty());
                Plan {
                    updates: changes.map(|changes| (changes, vec![at])).into_iter().collect(),
                    ..Plan::default()
                }
            }
        };
        match self.step(Step::Write, Via::Transaction).await {
            Ok(()) => self.settle(),
            Err(failure) => {
                let error = self.not_inserted(at, failure).await;
                match former {
                    None => self.untrack(at),
                    Some(former) => self.put_back(at, former),
                }
                return Err(error);
            }
        }
        match self.tracked.slot_mut(at) {
            Some(slot) => Ok(slot.lend()),
            None => Err(Error::NotTracked { entity: E::NAME, key: String::new() }),
        }
    }

    async fn not_inserted(&mut self, at: usize, failure: Failure) -> Error {
        let shared = self.session.shared();
        if let Failure::Statement(error) | Failure::LeftOut(error) = &failure {
            // If it was done all the same, memory knows nothing of what it wrote.
            shared.spoil(error);
        }
        self.unsettle();
        if !matches!(failure, Failure::Stale) {
            return failure.into();
        }
        let plan = Plan { updates: vec![(ColumnSet::EMPTY, vec![at])], ..Plan::default() };
        match self.find_stale(&plan).await {
            Ok((rows, _)) => {
                self.session.shared().note_conflict(true);
                Error::Conflict(Arc::new(Conflict { rows }))
            }
            Err(error) => error,
        }
    }

    /// Inserts an entity now, or writes its columns over those of the row that is there: the one with its key, or, if the key
    /// is left to the database, with the value of its first `#[uow(unique)]` column. Lends it as it is in the database then; a
    /// version is raised by a write over a row. A row in which nothing is to be written over, as where the entity is all key,
    /// stays untouched: on PostgreSQL and SQLite it is read by a second statement then.
    ///
    /// # Errors
    ///
    /// [`Error::NoUniqueColumn`] if there is neither a key nor a unique column to find the row by; [`Error::NotStored`] if
    /// another row has one of its unique values (on PostgreSQL and SQLite the error of the statement); those of a statement.
    /// Whatever fails once the statement is sent poisons the unit outside of a savepoint scope.
    pub async fn upsert(&mut self, entity: impl Into<E>) -> Result<&mut E, Error> {
        let entity = entity.into();
        let shape = Shape::of::<DB, E>();
        let mut target = shape.keys();
        if !entity.has_key() {
            target = shape.positions(Column::is_unique);
            target.truncate(1);
        }
        if target.is_empty() {
            return Err(Error::NoUniqueColumn { entity: E::NAME });
        }
        let row = self.send_upsert(&shape, &target, &entity).await?;
        let at = self.track_upserted(row);
        match self.tracked.slot_mut(at) {
            Some(slot) => Ok(slot.lend()),
            None => Err(Error::NotTracked { entity: E::NAME, key: String::new() }),
        }
    }

    async fn send_upsert(&self, shape: &Shape, target: &[usize], entity: &E) -> Result<E, Error> {
        let has_key = entity.has_key();
        let columns =
            shape.positions(|column| !(column.is_read_only() || (!has_key && column.is_generated())));
        let mut arguments = DB::Arguments::default();
        bind_batch::<E, DB>(Form::Rows(1), &[(&columns, &[entity])], &mut arguments)?;
        let text = DB::upsert_text(shape, &columns, target);
        let mut row = None;
        let each = |returned: DB::Row| row = Some(E::load(&returned));
        // Where any unique index may have found the row, it is looked at before the statement is kept. (Dropped before, the
        // scope is left undecided, which spoils the one around it.)
        let shared = self.session.shared();
        let scope = if DB::UPSERTS_BY_ANY_INDEX { Some(ScopeGuard::open(shared)?) } else { None };
        self.send(Via::Transaction, text, arguments, each).await?;
        let row = match row.transpose() {
            Ok(row) => self.row_meant(shape, target, entity, row).await,
            Err(error) => Err(error.into()),
        };
        // It is written, and must not be committed by somebody who was told that it failed.
        let row = row.inspect_err(|error| self.spoil(error))?;
        if let Some(scope) = scope {
            shared.release_scope(scope.end()).await?;
        }
        Ok(row)
    }

    fn spoil(&self, error: &Error) {
        if let Some(error) = error.sqlx().filter(|error| !matches!(error, SqlxError::Encode(_))) {
            self.session.shared().spoil(error);
        }
    }

    /// The row that was written, if it is the one that was meant, in whatever writing it has what it was found by.
    async fn row_meant(
        &self,
        shape: &Shape,
        target: &[usize],
        entity: &E,
        written: Option<E>,
    ) -> Result<E, Error> {
        let is_same = |row: &E| {
            let changes = entity.changes(row);
            !target.iter().any(|&column| changes.contains(column))
        };
        let written = match written {
            Some(row) if !DB::UPSERTS_BY_ANY_INDEX || is_same(&row) => return Ok(row),
            // MySQL returns nothing.
            written => written,
        };
        let meant = self.read_upserted(shape, target, entity).await?;
        let other = written.map(|row| row.key());
        match meant {
            Some(meant) if other.as_ref().is_none_or(|other| *other == meant.key()) => Ok(meant),
            _ => Err(other_row::<E, DB>(entity, other)),
        }
    }

    fn track_upserted(&mut self, row: E) -> usize {
        let Some(at) = self.tracked.find(&row.key()) else { return self.track(row) };
        let depth = self.depth();
        self.tracked.touch(at, depth);
        self.accept(at, row);
        at
    }

    async fn read_upserted(&self, shape: &Shape, target: &[usize], entity: &E) -> Result<Option<E>, Error> {
        let mut text = shape.select();
        text.sql(" WHERE ");
        shape.is_row(&mut text, target);
        let mut arguments = DB::Arguments::default();
        bind_batch::<E, DB>(Form::Rows(1), &[(target, &[entity])], &mut arguments)?;
        Ok(self.load(text.finish(), arguments).await?.pop())
    }
}

/// Another row than the one that was meant has one of the entity's unique values.
fn other_row<E: Entity<DB>, DB: Backend>(entity: &E, other: Option<E::Key>) -> Error {
    let other = other.map_or_else(|| "another row".to_owned(), |key| format!("the row {key:?}"));
    let source = SqlxError::Protocol(format!("one of its unique values belongs to {other}"));
    Error::NotStored { entity: E::NAME, key: format!("{:?}", entity.key()), during: "upserted", source }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Statement(error) | Failure::LeftOut(error) => error.into(),
            Failure::Error(error) => error,
            // (A flush goes on from both, so they get nowhere else.)
            Failure::Stale | Failure::Again => SqlxError::RowNotFound.into(),
        }
    }
}

impl Shape {
    /// The columns that an upsert writes over a row that is there.
    pub(crate) fn overwritten(&self, columns: &[usize], target: &[usize]) -> Vec<usize> {
        let is_written = |at: &&usize| {
            let column: Column = self.column(**at);
            !(target.contains(at) || column.is_key() || column.is_version())
        };
        columns.iter().filter(is_written).copied().collect()
    }
}
