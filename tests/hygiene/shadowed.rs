//! Nothing of the prelude is there, and its names are the user's own.

#![no_implicit_prelude]
#![allow(dead_code, non_camel_case_types, reason = "the names are there to be in the way")]

pub(crate) struct Result;
pub(crate) struct Option;
pub(crate) struct Ok;
pub(crate) struct Err;
pub(crate) struct Some;
pub(crate) struct None;
pub(crate) struct String;
pub(crate) struct Vec;
pub(crate) struct Box;
pub(crate) struct str;
pub(crate) struct usize;
pub(crate) struct bool;
pub(crate) trait Send {}
pub(crate) trait Sync {}
pub(crate) trait Sized {}
pub(crate) trait Default {}
pub(crate) trait Clone {}
pub(crate) trait From {}
pub(crate) trait Into {}
pub(crate) trait PartialEq {}
pub(crate) trait Iterator {}
pub(crate) trait Debug {}
pub(crate) trait Future {}
pub(crate) trait UnitOfWork {}
pub(crate) trait Repository {}
pub(crate) trait Entity {}
pub(crate) trait Backend {}
pub(crate) struct Error;
pub(crate) struct Column;
pub(crate) struct Table;
pub(crate) struct ColumnSet;
pub(crate) struct EntitySets;
pub(crate) struct Schema;
pub(crate) trait References {}
pub(crate) trait VersionType {}
pub(crate) trait SameDatabase {}
fn bind() {}
fn entity_sets() {}
fn schema() {}
mod core {}
mod std {}
mod sqlx {}
mod unit_of_work {}

use ::core::primitive::i64;
use ::sqlx::Sqlite;
use ::unit_of_work::{Lazy, Session};

#[derive(::unit_of_work::UnitOfWork)]
pub(crate) struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
    both: Lazy<Both>,
    #[uow(skip)]
    hits: i64,
}

#[derive(::unit_of_work::Repository)]
pub(crate) struct Both {
    #[uow(entities)]
    blogs: Blogs,
    #[uow(entities)]
    others: Blogs,
    #[uow(skip)]
    hits: i64,
}

#[derive(::unit_of_work::Repository)]
pub(crate) struct Blogs {
    session: Session<Sqlite>,
    #[uow(skip)]
    hits: i64,
}

#[derive(::unit_of_work::Entity)]
#[uow(table = "blog")]
pub(crate) struct Blog {
    #[uow(key, generated)]
    pub(crate) id: i64,
    pub(crate) name: ::std::string::String,
    #[uow(skip)]
    pub(crate) hits: i64,
}

#[derive(::unit_of_work::Entity)]
pub(crate) struct Post {
    #[uow(key, references = Blog)]
    pub(crate) blog: i64,
    #[uow(key, unique)]
    pub(crate) number: i64,
    #[uow(version)]
    pub(crate) version: i64,
    #[uow(read_only)]
    pub(crate) written: ::core::option::Option<i64>,
    #[uow(no_array)]
    pub(crate) text: ::std::string::String,
}

impl Blogs {
    pub(crate) async fn add(&mut self, name: &'static ::core::primitive::str) -> ::sqlx::Result<i64> {
        let insert = ::sqlx::query_scalar("INSERT INTO blog (name) VALUES (?) RETURNING id");
        insert.bind(name).fetch_one(&mut self.session).await
    }
}
