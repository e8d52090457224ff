//! Every name that is in an expansion is a field's name too, or a constant's, or a function's.

#![allow(dead_code, non_upper_case_globals, clippy::struct_field_names)]

use sqlx::Sqlite;
use unit_of_work::{Entity, Lazy, Repository, Session, UnitOfWork};

const session: u8 = 1;
const used: u8 = 2;
const row: u8 = 3;
const arguments: u8 = 4;
const key: u8 = 5;
fn bind() {}
fn column() {}

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
}
