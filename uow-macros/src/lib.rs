//! The derives of [`unit-of-work`]: depend on that crate, which re-exports each of them beside the trait of its name.
//!
//! | derive         | on a struct that is                          | keys on the struct         | keys on a field                                                                                       |
//! |----------------|----------------------------------------------|----------------------------|-------------------------------------------------------------------------------------------------------|
//! | [`UnitOfWork`] | a session and the repositories that share it | `crate`                    | `getter`, `skip`, `session`                                                                           |
//! | [`Repository`] | a handle to the session of its unit          | `crate`                    | `skip`, `session`, `entities`                                                                         |
//! | [`Entity`]     | a row of a table                             | `table`, `schema`, `new`, `crate` | `key`, `generated`, `version`, `read_only`, `unique`, `references`, `column`, `no_array`, `skip`      |
//!
//! All keys stand in `#[uow(…)]`, several in one separated by commas or each in its own. What is wrong with them, and with
//! the struct, is reported all at once. What the derives write can be read with `cargo expand`, and for typical structs
//! in the folders `snapshots` of this crate's source.
//!
//! [`unit-of-work`]: https://docs.rs/unit-of-work

// A derive goes one way: tokens → `model::from_input`, which checks everything and collects every mistake → `expand`, which
// cannot fail, or `fallback`, which reports the mistakes and implements the trait all the same, so that one mistake does not
// make the rest of the user's file wrong.

mod attrs;
mod database;
mod entities;
mod entity;
mod errors;
mod nearest;
mod repository;
mod shape;
mod target;
#[cfg(test)]
mod testing;
mod types;
mod unit_of_work;

use proc_macro::TokenStream;

/// Makes a struct of repositories a unit of work.
///
/// Derive it on the struct that lists what one business operation may touch: one field `session: Session<…>` and, for each
/// repository, a field `name: Lazy<…>`. Derive it once for an application or for a bounded part of it, not for each
/// operation: a repository that is not asked for costs nothing. For a struct that holds a session to run its own
/// statements derive [`Repository`]; for one that makes its repositories in another way, implement the trait by hand.
///
/// The struct gets, besides the trait:
///
/// * for each repository a method of the field's name, with the struct's visibility, that lends it as `&mut`. Because it
///   borrows the whole unit, two statements at once do not compile;
/// * a method `split` that lends all repositories at once, as the fields of a struct `<Name>Split` beside this one, for
///   the operation that needs two of them in one expression. (A unit without repositories has none.)
///
/// A field is the session if its type is called `Session`, a repository if its type is called `Lazy`, whatever path
/// leads there. Generic parameters, defaults and where clauses are carried along.
///
/// # On the struct
///
/// * `#[uow(crate = path)]`: where `unit_of_work` is found, if it is re-exported or renamed. A path, not a string.
///
/// # On a field
///
/// * `#[uow(getter = name)]`: names the getter, if the field's name is taken: by a method of the trait or by another getter.
/// * `#[uow(skip)]`: the field is neither session nor repository, whatever its type is called, and starts as its
///   [`Default`].
/// * `#[uow(session)]`: the field is the session, though its type, an alias, is not called so.
#[proc_macro_derive(UnitOfWork, attributes(uow))]
pub fn derive_unit_of_work(input: TokenStream) -> TokenStream {
    unit_of_work::derive(input.into()).into()
}

/// Makes a struct with a session or entities a repository, which units of work can hold in a `Lazy<…>` field.
///
/// Derive it on the struct that your queries are methods of. It has at least one of these:
///
/// * one field `session: Session<…>`: `fn create(&mut self, …)` passes `&mut self.session` to sqlx as the executor;
/// * fields `blogs: Entities<Blog, …>`, any number of them: what was loaded and added there the unit writes when it is
///   flushed.
///
/// Its unit makes it, on first use, with handles to the unit's own session. For the entities alone no struct is needed:
/// `Lazy<Entities<Blog, …>>` is a field of a unit. Implement the trait by hand if the repository is to be made otherwise, or
/// has something of its own to write before a commit; its documentation shows how, entities included.
///
/// A field is the session if its type is called `Session`, and entities if its type is called `Entities`, whatever path
/// leads there. Generic parameters, defaults and where clauses are carried along, so a repository can be generic in its
/// database.
///
/// # On the struct
///
/// * `#[uow(crate = path)]`: where `unit_of_work` is found, if it is re-exported or renamed. A path, not a string.
///
/// # On a field
///
/// * `#[uow(skip)]`: the field is neither session nor entities, whatever its type is called, and starts as its
///   [`Default`].
/// * `#[uow(session)]`: the field is the session, though its type, an alias, is not called so.
/// * `#[uow(entities)]`: the field is entities, though its type is not called so: an alias, or another repository that is
///   kept in this one.
#[proc_macro_derive(Repository, attributes(uow))]
pub fn derive_repository(input: TokenStream) -> TokenStream {
    repository::derive(input.into()).into()
}

/// Makes a struct an entity: a row of a table with a key it is found again by.
///
/// Derive it on the struct that mirrors a table's row, each field a column, to have it reloaded (`refresh`) and tracked. For
/// a struct that is only the shape of a query's answer sqlx's `FromRow` is enough; the two do not exclude each other.
///
/// The impl is for every database that all of the field types fit. Which key the table has is never guessed from a name:
/// one field at least carries `#[uow(key)]`.
///
/// # On the struct
///
/// * `#[uow(table = "…")]`: the table's name. Without it the struct's in snake case: `BlogPost` is in `blog_post`.
/// * `#[uow(schema = "…")]`: the schema the table is in. Without it the connection decides.
/// * `#[uow(new)]`: writes the struct `New<Name>` beside this one, with the same visibility: the fields that the application
///   gives of a new row, without the generated key, the version, the `read_only` columns and what is skipped. `Entities::add` and
///   its kin take it in place of the entity, which is made `From` it: what is left out starts as its [`Default`], until the
///   database has made it. `#[uow(new(Debug, serde::Deserialize))]` has it derive these. Not for a struct with generic
///   parameters.
/// * `#[uow(crate = path)]`: where `unit_of_work` is found, if it is re-exported or renamed. A path, not a string.
///
/// # On a field
///
/// * `#[uow(key)]`: the column is the key, or a part of it if several fields say so.
/// * `#[uow(key, generated)]`: the database makes the key when the row is inserted. Only for a key of one column, whose type
///   is [`Default`]: as long as it is that, the key is not known yet.
/// * `#[uow(version)]`: the column counts the row's changes, so that a change based on a stale one is noticed. At most one,
///   an integer of 16 or 32 bits or an `i64`.
/// * `#[uow(read_only)]`: only the database writes the column (a default, a generated column, a trigger), and its value is
///   fetched back after an insert. Not for a key, nor for a version.
/// * `#[uow(unique)]`: no two rows have the same value. The database has to see to it; a unit writes its rows in an order
///   that does not get in the way.
/// * `#[uow(references = Blog)]`: the column holds the key of the entity `Blog`, so that rows are inserted after those they
///   refer to, and deleted before them. Several columns may refer to one entity; where just one does, the struct also
///   implements `References<Blog, …>`, if its type can be made `From` that key: `Option<i64>` from `i64`, for one.
/// * `#[uow(column = "…")]`: the column's name. Without it the field's, where `r#type` is `type`.
/// * `#[uow(no_array)]`: PostgreSQL is sent the column's values one by one, where many rows are written in one statement,
///   though sqlx knows an array of their type: for a type of your own of which the database has no array.
/// * `#[uow(skip)]`: the field has no column. It starts as its [`Default`] and a reload leaves it alone.
///
/// There are 128 columns at the most. A column may be NULL if its field's type is called `Option`.
#[proc_macro_derive(Entity, attributes(uow))]
pub fn derive_entity(input: TokenStream) -> TokenStream {
    entity::derive(input.into()).into()
}
