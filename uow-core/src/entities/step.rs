//! Whether the keys that one INSERT generates are in step, so that the last of them tells them all. That spares RETURNING, which
//! on some engines takes longer than the INSERT itself.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use sqlx_core::Error as SqlxError;

use super::Entities;
use super::plan::key_of;
use crate::backend::{Backend, Query};
use crate::entity::{Column, Entity};
use crate::sql::Shape;

/// From this many rows on the keys are told from the last one, where `RETURNING` is slow.
const MANY: usize = 16;

/// How the keys of a batch are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// By what the INSERT returns, if its keys were not given.
    Returned,
    /// By the last of them. Whether that can be is asked in front of the INSERT, in the same message; if not it is undone.
    Asking,
    /// By the last of them, and the step between them.
    InStep(i64),
}

/// The entities whose keys were found out of step, as where a trigger has to do with their table. Of those nobody asks again:
/// RETURNING is as right, whatever becomes of the table.
static OUT_OF_STEP: Mutex<BTreeSet<TypeId>> = Mutex::new(BTreeSet::new());

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// How the keys of so many new rows will be told.
    pub(super) fn told(&self, rows: usize, generated: bool) -> Told {
        if self.may_ask(rows, generated) && !Self::is_out_of_step() { Told::Asking } else { Told::Returned }
    }

    /// Whether the question is worth it for so many, be its answer known or not. Such a batch takes a transaction either way:
    /// where its keys are out of step it may have to be undone.
    pub(super) fn may_ask(&self, rows: usize, generated: bool) -> bool {
        let read_only = E::COLUMNS.iter().any(Column::is_read_only);
        let by_number = generated && !read_only && !self.one_by_one && key_of::<E::Key>(1).is_some();
        DB::RETURNING_IS_SLOW && by_number && rows >= MANY && Self::step_question().is_some()
    }

    /// The statement that asks for the step between the keys that one INSERT generates; 0 or NULL says that they are out of step.
    pub(super) fn step_question() -> Option<String> {
        DB::key_step(&Shape::of::<DB, E>())
    }

    /// The answer to it.
    pub(super) fn step_in(row: Option<DB::Row>) -> Option<i64> {
        row.and_then(|row| DB::first_number(&row).ok()).filter(|step| *step != 0)
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

    pub(super) fn note_out_of_step() {
        OUT_OF_STEP.lock().unwrap_or_else(PoisonError::into_inner).insert(TypeId::of::<(E, DB)>());
    }
}
