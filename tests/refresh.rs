//! `refresh` reloads every column of an entity by its key.

mod common;

use common::*;

#[derive(Debug, PartialEq, Eq, Entity)]
#[uow(table = "order")]
struct Line {
    #[uow(key)]
    shop: String,
    #[uow(key, column = "no")]
    number: i64,
    #[uow(column = "select")]
    text: Option<String>,
    #[uow(skip)]
    note: String,
}

engines! {
    async fn refresh_reloads_every_column_and_the_version(lab) {
        let mut db = Library::new(&lab.pool);
        let id = db.blogs().add("stored").await.unwrap();
        db.commit().await.unwrap();
        lab.script("UPDATE blog SET version = 7").await;
        let mut blog = Blog { id, name: "edited".into(), version: 99 };
        db.refresh(&mut blog).await.unwrap();
        assert_eq!(blog, Blog { id, name: "stored".into(), version: 7 });
    }

    async fn refresh_on_an_idle_unit_opens_no_transaction(lab) {
        let mut db = Library::new(&lab.pool);
        let id = db.blogs().add("stored").await.unwrap();
        db.commit().await.unwrap();
        let mut blog = Blog { id, name: String::new(), version: 0 };
        db.refresh(&mut blog).await.unwrap();
        assert_eq!(db.session().state(), SessionState::Idle);
        lab.no_open_transactions().await;
        lab.settled().await;
    }

    async fn refresh_on_an_idle_unit_leaves_no_transaction_where_autocommit_is_off(lab) {
        if <Db as sqlx::Database>::NAME != "MySQL" {
            return; // It is always on.
        }
        let pool = uow_test_support::pool_options::<Db>()
            .max_connections(1)
            .after_connect(|connection, _| Box::pin(async move {
                connection.execute("SET autocommit = 0").await.map(drop)
            }))
            .connect_with(lab.connect.clone())
            .await
            .unwrap();
        let mut db = Library::new(&pool);
        let id = db.blogs().add("stored").await.unwrap();
        db.commit().await.unwrap();
        let mut blog = Blog { id, name: String::new(), version: 0 };
        let mut missing = Blog { id: 4711, ..blog.clone() };
        for version in [7, 8] {
            lab.script(&format!("UPDATE blog SET version = {version}")).await;
            db.refresh(&mut blog).await.unwrap();
            assert_eq!(blog.version, version, "it reads what is stored now");
            assert!(db.refresh(&mut missing).await.unwrap_err().is_row_gone());
            assert!(!Db::is_in_transaction(&mut *pool.acquire().await.unwrap()).await);
        }
    }

    async fn refresh_inside_a_transaction_sees_its_writes(lab) {
        let mut db = Library::new(&lab.pool);
        let id = db.blogs().add("uncommitted").await.unwrap();
        let mut blog = Blog { id, name: String::new(), version: 0 };
        db.refresh(&mut blog).await.unwrap();
        assert_eq!(blog.name, "uncommitted");
        assert!(db.session().is_in_transaction());
    }

    async fn a_row_that_is_gone_is_a_typed_error_and_the_entity_unchanged(lab) {
        let mut db = Library::new(&lab.pool);
        let mut blog = Blog { id: 4711, name: "mine".into(), version: 3 };
        let error = db.refresh(&mut blog).await.unwrap_err();
        assert!(error.is_row_gone(), "{error}");
        assert!(error.to_string().contains("Blog") && error.to_string().contains("4711"), "{error}");
        assert_eq!(blog, Blog { id: 4711, name: "mine".into(), version: 3 });
        assert_eq!(db.session().state(), SessionState::Idle);
    }

    async fn keys_of_several_columns_and_names_that_need_quotes(lab) {
        let quote = |text: &str| if <Db as sqlx::Database>::NAME == "MySQL" { text.replace('"', "`") } else { text.to_owned() };
        lab.script(&quote(r#"CREATE TABLE "order" (shop VARCHAR(20), no BIGINT, "select" VARCHAR(20), PRIMARY KEY (shop, no))"#)).await;
        lab.script(&quote(r#"INSERT INTO "order" VALUES ('a', 1, 'a1'), ('a', 2, NULL), ('b', 1, 'b1')"#)).await;
        let mut db = Library::new(&lab.pool);
        let mut line = Line { shop: "a".into(), number: 2, text: Some("?".into()), note: "kept".into() };
        db.refresh(&mut line).await.unwrap();
        assert_eq!(line, Line { shop: "a".into(), number: 2, text: None, note: "kept".into() });
        line.shop = "b".into();
        line.number = 1;
        db.refresh(&mut line).await.unwrap();
        assert_eq!(line.text.as_deref(), Some("b1"));
    }

    async fn an_abandoned_refresh_on_an_idle_unit_leaves_it_idle(lab) {
        use futures_util::FutureExt as _;
        let mut db = Library::new(&lab.pool);
        let mut blog = Blog { id: 1, name: String::new(), version: 0 };
        // SQLite's thread may have answered by the end of the first poll; then it was not abandoned.
        while db.refresh(&mut blog).now_or_never().is_some() {}
        assert_eq!(db.session().state(), SessionState::Idle);
        db.blogs().add("a").await.unwrap();
        db.commit().await.unwrap();
        lab.settled().await;
    }
}
