//! PostgreSQL's batches as the server has them prepared: one text for any number of rows, where the columns have arrays.

mod common;

use std::collections::BTreeSet;

use common::*;
use sqlx::{Pool, Postgres};
use unit_of_work::Entities;

/// Its word has arrays everywhere but in the eyes of the unit.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Label {
    #[uow(key, generated)]
    id: i64,
    name: String,
    #[uow(no_array)]
    word: Option<String>,
    #[uow(version)]
    version: i64,
}

#[derive(Debug, UnitOfWork)]
struct Labels {
    session: Session<Postgres>,
    labels: Lazy<Entities<Label, Postgres>>,
}

/// The distinct texts that write, of what the pool's one connection has prepared.
async fn prepared(pool: &Pool<Postgres>) -> BTreeSet<String> {
    let texts = "SELECT statement FROM pg_prepared_statements WHERE statement ~ '^(INSERT|UPDATE|DELETE)'";
    Postgres::texts(pool, texts).await.into_iter().collect()
}

uow_test_support::postgres_claim! {
    Postgres, a_batch_of_any_number_of_rows_is_one_text, lab, {
        let pool = lab.pool_of(1).await;
        for rows in [2, 3, 17, 500] {
            let mut db = Shelf::new(&pool);
            for at in 0..rows {
                db.blogs().add(Blog::named(&format!("{at}"))).unwrap();
            }
            db.commit().await.unwrap();
            db.blogs().iter_mut().for_each(|blog| blog.name.push_str(" changed"));
            db.commit().await.unwrap();
            let changed = "SELECT concat(count(*)) FROM blog WHERE name LIKE '% changed'";
            assert_eq!(Postgres::texts(&lab.outside, changed).await, [rows.to_string()]);
            let ids: Vec<i64> = db.blogs().iter().map(|blog| blog.id).collect();
            ids.iter().for_each(|id| db.blogs().remove(id).unwrap());
            db.commit().await.unwrap();
            assert_eq!(lab.blogs().await, [""; 0]);
        }
        let texts = prepared(&pool).await;
        let kinds: Vec<&str> = texts.iter().filter_map(|text| text.split(' ').next()).collect();
        assert_eq!(kinds, ["DELETE", "INSERT", "UPDATE"], "{texts:#?}");
        assert!(texts.iter().all(|text| text.contains("UNNEST(")), "{texts:#?}");
    }
}

uow_test_support::postgres_claim! {
    Postgres, a_column_that_is_to_have_no_array_is_written_by_values, lab, {
        let key = Postgres::GENERATED_KEY;
        lab.script(&format!("CREATE TABLE label (id {key}, name TEXT NOT NULL, word TEXT, version BIGINT NOT NULL)")).await;
        let pool = lab.pool_of(1).await;
        let label = |at: i64| Label { id: 0, name: format!("{at}"), word: (at % 3 != 0).then(|| format!("word {at}")), version: 0 };
        let mut db = Labels::new(&pool);
        let added: Vec<_> = (0..17).map(|at| db.labels().add(label(at)).unwrap()).collect();
        db.commit().await.unwrap();
        for label in db.labels().iter_mut() {
            // NULL becomes a word, and some words become NULL.
            label.word = if label.word.is_none() { Some(format!("new word {}", label.name)) } else { None };
        }
        db.commit().await.unwrap();
        let mut fresh = Labels::new(&lab.outside);
        for (at, added) in (0..).zip(&added) {
            let id = added.key().unwrap();
            let word = (at % 3 == 0).then(|| format!("new word {at}"));
            assert_eq!(*fresh.labels().require(id).await.unwrap(), Label { id, word, version: 1, ..label(at) });
        }
        let texts = prepared(&pool).await;
        let kinds: BTreeSet<&str> = texts.iter().filter_map(|text| text.split(' ').next()).collect();
        assert_eq!(kinds, ["INSERT", "UPDATE"].into(), "{texts:#?}");
        assert!(texts.iter().all(|text| text.contains("VALUES (") && !text.to_uppercase().contains("UNNEST")), "{texts:#?}");
    }
}
