//! An entity set as the flush sees it, whatever its type.

use std::any::TypeId;

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;

use super::Entities;
use super::statement::Via;
use crate::backend::Backend;
use crate::entity::{Column, Entity};
use crate::error::{Error, StaleRow};
use crate::flush::{EntitySet, Failure, Rows, Step, Work};

impl<E: Entity<DB> + 'static, DB: Backend> EntitySet<DB> for Entities<E, DB> {
    fn entity(&self) -> TypeId {
        TypeId::of::<E>()
    }

    fn refers_to(&self, other: TypeId) -> bool {
        E::COLUMNS.iter().filter_map(Column::referred).any(|referred| referred == other)
    }

    fn plan(&mut self, checked: bool) -> Work {
        let work = self.make_plan();
        self.plan.checked = checked;
        work
    }

    fn step(&mut self, step: Step, via: Via) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.step(step, via))
    }

    fn rows(&mut self, step: Step) -> Vec<Rows> {
        self.rows(step)
    }

    fn ready(&mut self, rows: Rows) -> (Rows, Rows) {
        self.ready(rows)
    }

    fn write<'s>(&'s mut self, rows: &'s Rows) -> BoxFuture<'s, Result<(), Failure>> {
        Box::pin(self.write_in_scope(rows))
    }

    fn named(&self, rows: &Rows, error: SqlxError) -> Error {
        self.named(rows, error)
    }

    fn waits(&self) -> Error {
        Error::ParentNotStored { entity: E::NAME }
    }

    fn settle(&mut self) {
        self.settle();
    }

    fn unsettle(&mut self) {
        self.unsettle();
    }

    fn stale(&mut self) -> BoxFuture<'_, Result<(Vec<StaleRow>, usize), Error>> {
        Box::pin(async {
            self.make_plan();
            let plan = std::mem::take(&mut self.plan);
            self.find_stale(&plan).await
        })
    }

    fn committed(&mut self) {
        self.keep_transaction();
    }

    fn rolled_back(&mut self) {
        self.forget_transaction();
    }

    fn scope_kept(&mut self, depth: u32) {
        self.keep_scope(depth);
    }

    fn scope_undone(&mut self, depth: u32) {
        self.forget_scope(depth);
    }
}
