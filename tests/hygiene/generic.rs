//! Parameters of every kind, with bounds, defaults and a where clause.

use sqlx::{Encode, IntoArguments, Sqlite, Type};
use std::fmt::Debug;
use unit_of_work::{Backend, Entity, Lazy, Repository, Session, UnitOfWork};

#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Several<T, const SIZE: usize>(pub(crate) [T; SIZE]);

impl<T: Copy + Default, const SIZE: usize> Default for Several<T, SIZE> {
    fn default() -> Self {
        Self([T::default(); SIZE])
    }
}

#[derive(UnitOfWork)]
pub(crate) struct Database<
    'a,
    R,
    DB: Backend = Sqlite,
    S: Clone + Default + Send = Shelf,
    const SIZE: usize = { 2 + 2 },
> where
    R: Repository<Database = DB> + Debug,
    DB::Row: Send,
    S: Debug,
{
    session: Session<DB>,
    blogs: Lazy<Blogs<DB>>,
    other: Lazy<R>,
    titled: Lazy<Titled<'a, DB>>,
    #[uow(skip)]
    pub(crate) shelf: S,
    #[uow(skip)]
    pub(crate) sizes: Several<u8, SIZE>,
    #[uow(skip)]
    pub(crate) title: Option<&'a str>,
    #[uow(skip)]
    pub(crate) hook: Option<fn(&str) -> [u8; 2 * 2]>,
}

#[derive(Debug, Repository)]
pub(crate) struct Titled<'a, DB: Backend> {
    pub(crate) session: Session<DB>,
    #[uow(skip)]
    pub(crate) title: Option<&'a str>,
}

#[derive(Debug, Repository)]
pub(crate) struct Blogs<DB: Backend = Sqlite, const SIZE: usize = 2>
where
    DB::Row: Send,
{
    session: Session<DB>,
    #[uow(skip)]
    pub(crate) recent: Several<i64, SIZE>,
}

#[derive(Debug, Entity)]
#[uow(table = "blog")]
pub(crate) struct Named<N: Default, T = i64, const SIZE: usize = 3>
where
    N: Send,
    T: Copy + Default + Send + Sync,
{
    #[uow(key)]
    pub(crate) id: i64,
    pub(crate) name: N,
    #[uow(skip)]
    pub(crate) spare: Several<T, SIZE>,
}

impl<DB: Backend, const SIZE: usize> Blogs<DB, SIZE>
where
    DB::Row: Send,
    DB::Arguments: IntoArguments<DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
{
    pub(crate) async fn add(&mut self, name: &str) -> sqlx::Result<()> {
        let insert = sqlx::query("INSERT INTO blog (name) VALUES (?)").bind(name);
        insert.execute(&mut self.session).await.map(|_| ())
    }
}
