//! Every name that is in an expansion is a field's name too, or a constant's, or a function's.

#![allow(
    dead_code,
    non_upper_case_globals,
    clippy::struct_field_names,
    reason = "the names are the test, and not all of them are used"
)]

use sqlx::Sqlite;
use unit_of_work::{Entity, Lazy, Repository, Session, UnitOfWork};

const session: u8 = 1;
const used: u8 = 2;
const row: u8 = 3;
const arguments: u8 = 4;
const key: u8 = 5;
const rows: u8 = 6;
const at: u8 = 7;
const from: u8 = 8;
const changes: u8 = 9;
const number: u8 = 10;
const info: u8 = 11;
const sets: u8 = 12;
const values: u8 = 13;
fn bind() {}
fn column() {}
fn schema() {}
fn entity_sets() {}

#[derive(UnitOfWork)]
pub(crate) struct Database<'split> {
    _uow: Session<Sqlite>,
    __session: Lazy<Names>,
    __used: Lazy<Names>,
    __unit: Lazy<Names>,
    used: Lazy<Names>,
    pub(crate) value: Lazy<Names>,
    pub(crate) r#type: Lazy<Names>,
    pub(crate) r#async: Lazy<Names>,
    get: Lazy<Names>,
    get_mut: Lazy<Names>,
    sets: Lazy<Sets>,
    __sets: Lazy<Sets>,
    __schema: Lazy<Sets>,
    #[uow(getter = of_schema)]
    schema: Lazy<Sets>,
    database: Lazy<Names>,
    #[uow(getter = r#move)]
    commit: Lazy<Names>,
    #[uow(getter = halves)]
    split: Lazy<Names>,
    #[uow(skip)]
    session: Option<&'split str>,
}

#[derive(Debug, Repository)]
pub(crate) struct Names {
    #[uow(session)]
    pub(crate) r#mod: Conversation,
    #[uow(skip)]
    __session: u8,
    #[uow(skip)]
    session: u8,
    #[uow(skip)]
    new: u8,
}

#[derive(Debug, Repository)]
pub(crate) struct Sets {
    #[uow(entities)]
    __session: Names,
    #[uow(entities)]
    __sets: Names,
    #[uow(entities)]
    sets: Names,
    #[uow(entities)]
    __schema: Names,
    #[uow(entities)]
    schema: Names,
    session: Session<Sqlite>,
}

type Conversation = Session<Sqlite>;

#[derive(Debug, Default, PartialEq, Entity)]
pub(crate) struct Name {
    #[uow(key)]
    pub(crate) __row: i64,
    #[uow(key)]
    pub(crate) row: i64,
    pub(crate) r#type: i64,
    pub(crate) __arguments: i64,
    pub(crate) arguments: i64,
    pub(crate) key: i64,
    pub(crate) value: i64,
    pub(crate) _uow: i64,
    pub(crate) __column: i64,
    pub(crate) column: i64,
    pub(crate) __rows: i64,
    pub(crate) rows: i64,
    pub(crate) __at: i64,
    pub(crate) at: i64,
    #[uow(unique)]
    pub(crate) __key: i64,
    #[uow(read_only)]
    pub(crate) __from: i64,
    #[uow(references = Name)]
    pub(crate) from: Number,
    pub(crate) __changes: i64,
    pub(crate) changes: i64,
    #[uow(version)]
    pub(crate) __number: i64,
    pub(crate) number: i64,
    pub(crate) __info: i64,
    pub(crate) info: i64,
    pub(crate) __values: i64,
    pub(crate) values: i64,
}

/// A key of two columns in one.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Number(pub(crate) i64);

impl From<(i64, i64)> for Number {
    fn from((first, second): (i64, i64)) -> Self {
        Self(first + second)
    }
}
