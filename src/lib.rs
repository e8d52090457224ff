#![doc = include_str!("../README.md")]

pub use uow_core::*;
pub use uow_macros::{Entity, Repository, UnitOfWork};

/// What the derives' output refers to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub use uow_core::__private;
