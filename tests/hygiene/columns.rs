//! Entities with every key of a field, with references of every kind, and with columns of every kind of array.

use sqlx::{Postgres, Sqlite};
use unit_of_work::{Column, Entity, References};

#[derive(Debug, Clone, Default, PartialEq, Entity)]
#[uow(table = "blog", schema = "main")]
pub(crate) struct Blog {
    #[uow(key, generated)]
    pub(crate) id: i64,
    #[uow(unique, column = "title")]
    pub(crate) name: String,
    #[uow(read_only)]
    pub(crate) created_at: Option<String>,
    #[uow(version)]
    pub(crate) version: i32,
    #[uow(no_array)]
    pub(crate) rating: f64,
    #[uow(skip)]
    pub(crate) hits: u64,
}

/// It refers to two entities by one field each, and to a third by two.
#[derive(Debug, Default, Entity)]
pub(crate) struct Post<T, DB = u8>
where
    T: Default,
    DB: Default + Send + Sync + 'static,
{
    #[uow(key, references = crate::columns::Blog)]
    pub(crate) blog: i64,
    #[uow(key)]
    pub(crate) number: u16,
    #[uow(references = Post<T, DB>)]
    pub(crate) answers: Pair,
    #[uow(references = Category)]
    pub(crate) category: i64,
    #[uow(references = Category)]
    pub(crate) other: Option<i64>,
    pub(crate) text: T,
    #[uow(skip)]
    pub(crate) spare: DB,
}

/// The key of a post in one column.
#[derive(Debug, Clone, PartialEq, Eq, Default, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Pair(String);

impl From<(i64, u16)> for Pair {
    fn from((blog, number): (i64, u16)) -> Self {
        Self(format!("{blog}/{number}"))
    }
}

#[derive(Debug, Default, Entity)]
pub(crate) struct Category {
    #[uow(key, generated)]
    pub(crate) id: i64,
    #[uow(references = Category)]
    pub(crate) parent_id: Option<i64>,
}

#[derive(Debug, Default, Entity)]
pub(crate) struct Folder {
    #[uow(key)]
    pub(crate) id: i64,
    #[uow(references = Self, read_only)]
    pub(crate) parent_id: Option<i64>,
}

#[derive(Debug, Entity)]
pub(crate) struct Measured<T> {
    #[uow(key)]
    id: i64,
    name: Option<String>,
    series: Vec<i64>,
    bytes: Vec<u8>,
    generic: T,
    #[uow(no_array)]
    sent_by_values: i64,
}

#[test]
fn a_column_says_what_its_field_was_given() {
    let columns = <Blog as Entity<Sqlite>>::COLUMNS;
    assert!(columns[0].is_key() && columns[0].is_generated());
    assert!(columns[1].is_unique() && columns[1].name() == "title");
    assert!(columns[2].is_read_only() && columns[2].is_nullable());
    assert!(columns[3].is_version());
    assert_eq!(columns[4], Column::new("rating"));
    let posts = <Post<String> as Entity<Sqlite>>::COLUMNS;
    assert!(posts[0].is_key() && posts[0].referred() == Some(std::any::TypeId::of::<Blog>()));
}

#[test]
fn what_was_changed_is_found_and_copied() {
    type Blogs = dyn Fn(&Blog, &Blog) -> Vec<usize>;
    let changes: &Blogs = &|now, before| Entity::<Sqlite>::changes(now, before).iter().collect();

    let mut blog = Blog { name: "a".to_owned(), rating: f64::NAN, hits: 7, ..Blog::default() };
    assert!(!Entity::<Sqlite>::has_key(&blog));
    let before = Entity::<Sqlite>::snapshot(&blog);
    assert_eq!(before.hits, 0);
    assert_eq!(changes(&blog, &before), [0; 0]);

    blog.id = 5;
    "b".clone_into(&mut blog.name);
    Entity::<Sqlite>::set_version(&mut blog, 41);
    Entity::<Sqlite>::raise_version(&mut blog);
    assert!(Entity::<Sqlite>::has_key(&blog));
    assert_eq!(Entity::<Sqlite>::version(&blog), Some(42));
    assert_eq!(changes(&blog, &before), [0, 1, 3]);

    Entity::<Sqlite>::copy(&mut blog, 1, &before);
    assert_eq!(changes(&blog, &before), [0, 3]);
}

#[test]
fn an_entity_refers_by_its_one_field() {
    let mut post = Post::<String>::default();
    References::<Blog, Sqlite>::refer_to(&mut post, 3);
    References::<Post<String>, Sqlite>::refer_to(&mut post, (3, 1));
    assert_eq!((post.blog, post.spare, post.answers), (3, 0, Pair("3/1".to_owned())));

    let mut category = Category::default();
    References::<Category, Sqlite>::refer_to(&mut category, 9);
    let mut folder = Folder::default();
    References::<Folder, Sqlite>::refer_to(&mut folder, 9);
    assert_eq!((category.parent_id, folder.parent_id), (Some(9), Some(9)));
}

#[test]
fn arrays_are_bound_where_postgres_has_them() {
    type Row = Measured<String>;
    let has: Vec<bool> = (0..7).map(<Row as Entity<Postgres>>::has_array).collect();
    assert_eq!(has, [true, true, false, true, false, false, false]);

    let row =
        Row { id: 1, name: None, series: vec![1], bytes: vec![2], generic: String::new(), sent_by_values: 3 };
    let mut arguments = sqlx::postgres::PgArguments::default();
    for column in [0, 1, 3] {
        assert!(<Row as Entity<Postgres>>::bind_array(column, &[&row, &row], &mut arguments).is_ok());
    }
    assert_eq!(sqlx::Arguments::len(&arguments), 3);
    assert!(<Row as Entity<Postgres>>::bind_array(2, &[&row], &mut arguments).is_err());
}

#[test]
fn a_column_tells_its_type() {
    use sqlx::TypeInfo;

    let name = |column| <Category as Entity<Postgres>>::type_info(column).map(|info| info.name().to_owned());
    assert_eq!([name(0), name(1), name(2)], [Some("INT8".to_owned()), Some("INT8".to_owned()), None]);
    let text = <Blog as Entity<Postgres>>::type_info(1).unwrap();
    assert!(<Blog as Entity<Postgres>>::compatible(1, &text));
    assert!(!<Blog as Entity<Postgres>>::compatible(0, &text));
    assert!(!<Blog as Entity<Postgres>>::compatible(6, &text));
}
