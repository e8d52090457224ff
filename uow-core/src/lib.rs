//! The runtime of [`unit-of-work`]: depend on that crate, which re-exports everything here beside the derives.
//!
//! From the bottom up: [`Backend`] is the seam to an engine; [`Session`] owns the conversation with the database inside
//! one unit and is an [`sqlx::Executor`](sqlx_core::executor::Executor); [`Repository`] and [`Lazy`] hang repositories on
//! it; [`UnitOfWork`] begins, commits and rolls back; [`Options`] opens units with an isolation level or runs a closure in one.
//!
//! [`unit-of-work`]: https://docs.rs/unit-of-work

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout))]
// Without an engine nobody writes SQL.
#![cfg_attr(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")), allow(dead_code))]

mod backend;
mod boxed;
mod clock;
mod closure;
mod connection;
mod entities;
mod entity;
mod error;
mod flush;
mod interrupt;
mod marker;
mod options;
mod raw;
mod repository;
mod retry;
mod schema;
mod scope;
mod session;
mod sql;
mod transaction_options;
mod unit_of_work;

pub use backend::{Backend, CommitFailure, Dialect, Query, Rows, Step};
pub use closure::{AsyncFuncMut, AsyncFuncOnce};
pub use entities::{Added, DeleteWhere, Entities, Find, Lock, Parents};
#[doc(hidden)]
pub use entities::{Handles, ReferencesAll};
pub use entity::{Column, ColumnSet, ColumnType, Entity, References, Table, Values, VersionType};
pub use error::{Cause, Conflict, Error, Found, StaleRow};
pub use flush::EntitySets;
pub use marker::{Marker, Verification};
pub use options::Options;
pub use raw::RawConnection;
#[doc(hidden)]
pub use repository::Repositories;
pub use repository::{Lazy, Repository, SameDatabase};
pub use retry::Retry;
pub use schema::{Mismatch, MismatchKind, Schema, SchemaMismatch};
pub use scope::{CommitInsideScope, Scope};
pub use session::{Session, SessionField, SessionState};
pub use transaction_options::{Isolation, Plan, SqliteMode, TransactionOptions};
pub use unit_of_work::UnitOfWork;

/// What the derives' output refers to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::__postgres_only as postgres_only;
    pub use crate::entity::ColumnValue;
    pub use crate::entity::derived::*;
    pub use crate::flush::EntitySets;
    pub use crate::repository::{Repositories, RepositoryOf};
    pub use crate::schema::Schema;
    pub use crate::session::DatabaseOf;
    pub use crate::sql::{Form, Shape};
    pub use crate::{
        Backend, Column, ColumnSet, ColumnType, Entity, Error, Lazy, References, Repository, Session,
        SessionField, Table, UnitOfWork, Values, VersionType,
    };
    pub use sqlx_core::error::{BoxDynError, Error as SqlxError};
}
