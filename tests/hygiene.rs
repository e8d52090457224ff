//! The derives assume nothing of the scope they stand in and leave nothing there that a lint could find.
//!
//! What compiles here is then used on a database, so that it does not compile to something else. (The lints that a test
//! harness turns off, `missing_docs` among them, are in `ui/lints`.)

#![deny(unused, deprecated, unused_qualifications, unreachable_pub, single_use_lifetimes, rust_2018_idioms)]
#![deny(
    missing_debug_implementations,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    trivial_casts
)]
#![deny(clippy::all, clippy::pedantic)]

use sqlx::Sqlite;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use unit_of_work::{Entity, Error, References, Repository, UnitOfWork};

type Outcome = Result<(), Error>;

/// An empty database in memory, with these statements run in it.
async fn pool(script: &'static str) -> Result<SqlitePool, Error> {
    let pool = SqlitePoolOptions::new()
        .idle_timeout(None)
        .max_lifetime(None)
        .max_connections(1)
        .connect("sqlite::memory:")
        .await?;
    sqlx::raw_sql(script).execute(&pool).await?;
    Ok(pool)
}

async fn count(pool: &SqlitePool, of: &'static str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar(of).fetch_one(pool).await?)
}

#[path = "hygiene/shadowed.rs"]
mod shadowed;

const BLOG: &str = "CREATE TABLE blog (id INTEGER PRIMARY KEY, name TEXT NOT NULL)";

#[tokio::test]
async fn without_prelude_and_with_its_names_taken() -> Outcome {
    let pool = pool(BLOG).await?;
    let mut db = shadowed::Database::new(&pool);
    let id = db.blogs().add("a").await?;
    let mut blog = shadowed::Blog { id, name: String::new(), hits: 7 };
    db.refresh(&mut blog).await?;
    db.commit().await?;
    assert_eq!((blog.name.as_str(), blog.hits), ("a", 7));
    assert_eq!(count(&pool, "SELECT count(*) FROM blog").await?, 1);
    Ok(())
}

/// The crate goes by another name, as it does in a crate that re-exports it.
mod renamed {
    pub(crate) mod house {
        pub(crate) mod persistence {
            pub(crate) use unit_of_work::*;
        }
    }

    use house::persistence::{Entity, Lazy, Repository, Session, UnitOfWork};
    use sqlx::Sqlite;

    #[derive(UnitOfWork)]
    #[uow(crate = house::persistence)]
    pub(crate) struct Database {
        session: Session<Sqlite>,
        blogs: Lazy<Blogs>,
    }

    #[derive(Repository)]
    #[uow(crate = self::house::persistence)]
    pub(crate) struct Blogs {
        pub(crate) session: Session<Sqlite>,
    }

    #[derive(Debug, Entity)]
    #[uow(crate = crate::renamed::house::persistence)]
    pub(crate) struct Blog {
        #[uow(key)]
        pub(crate) id: i64,
        pub(crate) name: String,
    }
}

#[tokio::test]
async fn the_crate_by_another_name() -> Outcome {
    let pool = pool(BLOG).await?;
    let mut db = renamed::Database::new(&pool);
    sqlx::query("INSERT INTO blog VALUES (1, 'a')").execute(&mut db.blogs().session).await?;
    let mut blog = renamed::Blog { id: 1, name: String::new() };
    db.refresh(&mut blog).await?;
    assert_eq!(blog.name, "a");
    db.commit().await
}

#[path = "hygiene/generated_names.rs"]
mod generated_names;

#[tokio::test]
#[expect(
    clippy::used_underscore_binding,
    reason = "they are fields, named as the expansion names its bindings"
)]
async fn fields_with_the_names_of_the_expansion() -> Outcome {
    use generated_names::{Database, Name};

    let columns = r#"CREATE TABLE name ("__row", "row", "type", "__arguments", "arguments", "key", "value", "_uow",
                       "__column", "column", "__rows", "rows", "__at", "at", "__key", "__from", "from", "__changes",
                       "changes", "__number", "number", "__info", "info", "__values", "values");
                     INSERT INTO name VALUES (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                       22, 23, 24, 25)"#;
    let pool = pool(columns).await?;
    let mut db = Database::new(&pool);
    let mut name = Name { __row: 1, row: 2, ..Name::default() };
    let before = Entity::<Sqlite>::snapshot(&name);
    db.refresh(&mut name).await?;
    assert_eq!((name.r#type, name._uow, name.from.0, name.values), (3, 8, 17, 25));
    let changed: Vec<usize> = Entity::<Sqlite>::changes(&name, &before).iter().collect();
    assert_eq!(changed, (2..25).collect::<Vec<_>>());
    for column in changed {
        Entity::<Sqlite>::copy(&mut name, column, &before);
    }
    assert_eq!(name, before);
    References::<Name, Sqlite>::refer_to(&mut name, (3, 4));
    assert_eq!(name.from.0, 7);
    let split = db.split();
    sqlx::query("DELETE FROM name WHERE value = 0").execute(&mut split.r#type.r#mod).await?;
    sqlx::query("DELETE FROM name").execute(&mut split.r#move.r#mod).await?;
    sqlx::query("DELETE FROM name").execute(&mut db.r#async().r#mod).await?;
    db.commit().await?;
    assert_eq!(count(&pool, "SELECT count(*) FROM name").await?, 0);
    Ok(())
}

#[path = "hygiene/columns.rs"]
mod columns;

#[path = "hygiene/generic.rs"]
mod generic;

#[tokio::test]
async fn generics_with_bounds_defaults_and_where() -> Outcome {
    use generic::{Blogs, Database, DatabaseSplit, Named, Several, Shelf};

    async fn at_once(split: DatabaseSplit<'_, '_, Blogs>) -> Outcome {
        let DatabaseSplit { blogs, other, .. } = split;
        blogs.add("b").await?;
        other.add("c").await?;
        Ok(())
    }

    let pool = pool(BLOG).await?;
    let title = String::from("borrowed");
    let mut db: Database<'_, Blogs> = Database::new(&pool);
    db.title = Some(&title);
    assert!(db.hook.is_none());
    db.titled().title = Some(&title);
    assert_eq!((db.title, db.split().titled.title), (Some("borrowed"), Some("borrowed")));
    sqlx::query("SELECT 1").execute(&mut db.titled().session).await?;
    assert_eq!(db.sizes, Several([0; 4]));
    let Shelf = db.shelf;
    db.blogs().add("a").await?;
    assert_eq!(db.blogs().recent, Several([0; 2]));
    at_once(db.split()).await?;
    let mut blog: Named<String> = Named { id: 3, name: String::new(), spare: Several([7; 3]) };
    db.refresh(&mut blog).await?;
    db.commit().await?;
    assert_eq!((blog.name.as_str(), blog.spare), ("c", Several([7; 3])));
    assert_eq!(count(&pool, "SELECT count(*) FROM blog").await?, 3);
    Ok(())
}

#[path = "hygiene/from_macro_rules.rs"]
mod from_macro_rules;

#[tokio::test]
async fn structs_that_macro_rules_wrote() -> Outcome {
    use from_macro_rules::{Blog, Database, Sets};

    let pool =
        pool("CREATE TABLE blog (id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER, own INTEGER)")
            .await?;
    let mut db = Database::new(&pool);
    sqlx::query("INSERT INTO blog VALUES (1, 'a', 1, NULL)").execute(&mut db.blogs().session).await?;
    sqlx::query("INSERT INTO blog VALUES (2, 'b', 7, 1)").execute(&mut db.split().weblogs.session).await?;
    let mut blog = Blog { id: 2, ..Blog::default() };
    db.refresh(&mut blog).await?;
    assert_eq!((blog.name.as_str(), Entity::<Sqlite>::version(&blog), blog.own), ("b", Some(7), Some(1)));
    References::<Blog, Sqlite>::refer_to(&mut blog, 2);
    assert_eq!(blog.own, Some(2));
    let update = "UPDATE blog SET name = 'c'";
    sqlx::query(update).execute(db.sets().session()).await?;
    let mut sets = <Sets as Repository>::new(db.session().share());
    sqlx::query(update).execute(sets.session()).await?;
    sqlx::query(update).execute(&mut sets.into_own().session).await?;
    db.commit().await
}

/// What the user has deprecated is no news to the user.
mod deprecated {
    #![allow(dead_code, reason = "that it compiles is the test")]

    use unit_of_work::{Entity, Lazy, Repository, Session, UnitOfWork};

    #[deprecated]
    pub(crate) type Engine = sqlx::Sqlite;

    #[expect(deprecated, reason = "the alias is what the derives are given")]
    pub(crate) type Conversation = Session<Engine>;

    #[derive(UnitOfWork)]
    pub(crate) struct Database {
        session: Session<sqlx::Sqlite>,
        #[deprecated]
        blogs: Lazy<Blogs>,
        #[deprecated]
        #[uow(skip)]
        pub(crate) hits: u64,
    }

    #[derive(Repository)]
    pub(crate) struct Blogs {
        #[deprecated]
        #[uow(session)]
        session: Conversation,
    }

    #[derive(Debug, Entity)]
    pub(crate) struct Blog {
        #[deprecated]
        #[uow(key, generated)]
        pub(crate) id: i64,
        #[deprecated]
        #[uow(version)]
        pub(crate) version: i64,
        #[deprecated]
        #[uow(references = Blog)]
        pub(crate) parent: Option<i64>,
    }
}

#[tokio::test]
async fn deprecated_fields_and_types() -> Outcome {
    let pool = pool(BLOG).await?;
    let mut db = deprecated::Database::new(&pool);
    sqlx::query("INSERT INTO blog VALUES (1, 'a')").execute(db.session()).await?;
    db.commit().await
}

mod visible {
    mod unit {
        use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

        #[derive(UnitOfWork)]
        pub(in super::super) struct Outermost {
            session: Session<sqlx::Sqlite>,
            blogs: Lazy<Blogs>,
        }

        #[derive(UnitOfWork)]
        pub(super) struct Outer {
            session: Session<sqlx::Sqlite>,
            blogs: Lazy<Blogs>,
        }

        #[derive(Repository)]
        pub(in super::super) struct Blogs {
            pub(in super::super) session: Session<sqlx::Sqlite>,
        }
    }

    pub(super) use unit::Outermost;

    pub(super) async fn name(pool: &sqlx::SqlitePool) -> sqlx::Result<String> {
        let mut outer = <unit::Outer as unit_of_work::UnitOfWork>::new(pool);
        let unit::OuterSplit { blogs } = outer.split();
        sqlx::query_scalar("SELECT name FROM blog").fetch_one(&mut blogs.session).await
    }
}

#[tokio::test]
async fn getters_are_as_visible_as_the_struct() -> Outcome {
    let pool = pool(BLOG).await?;
    let mut db = visible::Outermost::new(&pool);
    sqlx::query("INSERT INTO blog VALUES (1, 'a')").execute(&mut db.blogs().session).await?;
    db.commit().await?;
    assert_eq!(visible::name(&pool).await?, "a");
    Ok(())
}

#[tokio::test]
async fn structs_inside_a_function() -> Outcome {
    use unit_of_work::{Lazy, Session};

    #[derive(UnitOfWork)]
    struct Database {
        session: Session<Sqlite>,
        blogs: Lazy<Blogs>,
    }

    #[derive(Repository)]
    struct Blogs {
        session: Session<Sqlite>,
    }

    #[derive(Entity)]
    struct Blog {
        #[uow(key)]
        id: i64,
        name: String,
    }

    let pool = pool(BLOG).await?;
    let mut db = Database::new(&pool);
    sqlx::query("INSERT INTO blog VALUES (1, 'a')").execute(&mut db.blogs().session).await?;
    let mut blog = Blog { id: 1, name: String::new() };
    db.refresh(&mut blog).await?;
    assert_eq!(blog.name, "a");
    db.commit().await
}
