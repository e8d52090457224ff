//! Whether the keys that one INSERT generates are in step, so that one of them tells them all. That does for RETURNING where
//! there is none, or where it takes longer than the INSERT itself.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use sqlx_core::Error as SqlxError;

use super::Entities;
use super::plan::key_of;
use crate::backend::{Backend, Query};
use crate::entity::{Column, Entity};
use crate::flush::Failure;
use crate::sql::Shape;

/// From this many rows on the keys are told from the last one, where `RETURNING` is slow.
const MANY: usize = 16;

/// How the keys of a batch are told, if they are not given.
#[derive(Debug)]
pub(super) enum Told {
    /// By what the INSERT returns; or, where it returns nothing, by the one it tells and the step that is asked for then.
    Returned,
    /// By the one it tells. The step is asked for in front of the INSERT, by this text in the same message. If there is none,
    /// the flush is undone and begins anew.
    Asking(String),
    /// By the one it tells, and this step.
    InStep(i64),
}

/// The entities whose keys were found out of step, as where a trigger has to do with their table, for the life of the process.
/// Of those nobody asks again: RETURNING is as right, whatever becomes of the table, and slower at the worst.
static OUT_OF_STEP: Mutex<BTreeSet<TypeId>> = Mutex::new(BTreeSet::new());

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// How the keys of so many new rows will be told.
    pub(super) fn told(&self, rows: usize, generated: bool) -> Told {
        let asks = self.may_ask(rows, generated) && !Self::is_out_of_step();
        asks.then(Self::step_question).flatten().map_or(Told::Returned, Told::Asking)
    }

    /// Whether the question is worth it for so many, be its answer known or not. Such a batch takes a transaction either way:
    /// where its keys are out of step it may have to be undone.
    pub(super) fn may_ask(&self, rows: usize, generated: bool) -> bool {
        let read_only = E::COLUMNS.iter().any(Column::is_read_only);
        let by_number = generated && !read_only && !self.one_by_one && key_of::<E::Key>(1).is_some();
        DB::RETURNING_IS_SLOW && by_number && rows >= MANY
    }

    /// The statement that asks for the step between the keys that one INSERT generates; 0 or NULL says that they are out of step.
    fn step_question() -> Option<String> {
        DB::key_step(&Shape::of::<DB, E>())
    }

    /// The answer to it.
    fn step_in(row: Option<DB::Row>) -> Option<i64> {
        row.and_then(|row| DB::first_number(&row).ok()).filter(|step| *step != 0)
    }

    /// The answer that came along with a batch.
    pub(super) fn answered(row: Option<DB::Row>) -> Result<Told, Failure> {
        match Self::step_in(row) {
            Some(step) => Ok(Told::InStep(step)),
            None => {
                Self::note_out_of_step();
                Err(Failure::Again)
            }
        }
    }

    pub(super) async fn ask_step(&self) -> Result<Option<i64>, SqlxError> {
        let Some(question) = Self::step_question() else { return Ok(None) };
        let mut answer = None;
        self.session.shared().send(Query::fixed(question), |row| answer = Some(row)).await?;
        Ok(Self::step_in(answer))
    }

    fn is_out_of_step() -> bool {
        OUT_OF_STEP.lock().unwrap_or_else(PoisonError::into_inner).contains(&TypeId::of::<(E, DB)>())
    }

    fn note_out_of_step() {
        OUT_OF_STEP.lock().unwrap_or_else(PoisonError::into_inner).insert(TypeId::of::<(E, DB)>());
    }
}
