//! What the benches share: a database of the bench's own, what is made of several readings, and the page's words.

pub(crate) mod database;
pub(crate) mod page;
pub(crate) mod readings;
