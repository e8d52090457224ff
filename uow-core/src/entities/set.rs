//! An entity set as the flush sees it, whatever its type.

use std::any::TypeId;

use futures_core::future::BoxFuture;

use super::Entities;
use crate::backend::Backend;
use crate::entity::{Column, Entity};
use crate::error::{Error, StaleRow};
use crate::flush::{EntitySet, Failure, How, Step, Work};

impl<E: Entity<DB> + 'static, DB: Backend> EntitySet<DB> for Entities<E, DB> {
    fn entity(&self) -> TypeId {
        TypeId::of::<E>()
    }

    fn refers_to(&self, other: TypeId) -> bool {
        E::COLUMNS.iter().filter_map(Column::referred).any(|referred| referred == other)
    }

    fn plan(&mut self) -> Work {
        self.make_plan()
    }

    fn step(&mut self, step: Step, how: How) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.step(step, how))
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
