//! A large batch that the database refuses for one of its rows.

mod common;

use common::*;
use sqlx::error::ErrorKind;
use unit_of_work::Entities;

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Part {
    #[uow(key, generated)]
    id: i64,
    #[uow(references = Blog)]
    blog_id: i64,
    amount: i64,
    /// Never NULL in the table, whatever stands here.
    note: Option<String>,
}

#[derive(Debug, UnitOfWork)]
struct Store<DB: Backend>
where
    Blog: Entity<DB>,
    Part: Entity<DB>,
{
    session: Session<DB>,
    blogs: Lazy<Entities<Blog, DB>>,
    parts: Lazy<Entities<Part, DB>>,
}

type Breach = (fn(&mut Part), ErrorKind);

/// How a row breaks its table's rules.
const BREACHES: [Breach; 3] = [
    (|part| part.amount = -1, ErrorKind::CheckViolation),
    (|part| part.note = None, ErrorKind::NotNullViolation),
    (|part| part.blog_id = 1_000_000, ErrorKind::ForeignKeyViolation),
];

engines! {
    async fn the_one_row_of_a_thousand_that_breaks_a_rule_is_named_and_nothing_is_stored(lab) {
        lab.script(&format!(
            "CREATE TABLE part (id {}, blog_id BIGINT NOT NULL, amount BIGINT NOT NULL, note VARCHAR(20) NOT NULL, \
             CHECK (amount > 0), FOREIGN KEY (blog_id) REFERENCES blog (id))",
            Db::GENERATED_KEY
        ))
        .await;
        let mut db = Store::new(&lab.pool);
        let blog_id = db.blogs().insert(Blog::named("parent")).await.unwrap().id;
        db.commit().await.unwrap();
        let parts = |spoil: fn(&mut Part)| -> Vec<Part> {
            let mut parts: Vec<Part> = (1..=1000).map(|at| Part { id: 0, blog_id, amount: at, note: Some(format!("{at}")) }).collect();
            spoil(&mut parts[699]);
            parts
        };
        let count = "SELECT concat(count(*)) FROM part";
        let both_ways = BREACHES.into_iter().zip([true; 3]).chain(BREACHES.into_iter().zip([false; 3]));
        for ((spoil, kind), rolls_back) in both_ways {
            let mut db = Store::new(&lab.pool);
            let added: Vec<_> = parts(spoil).into_iter().map(|part| db.parts().add(part).unwrap()).collect();
            let error = db.commit().await.unwrap_err();
            let Error::NotStored { entity: "Part", during: "inserted", source, .. } = &error else { panic!("{kind:?}: {error}") };
            assert_eq!(source.as_database_error().unwrap().kind(), kind, "{source}");
            assert!(error.to_string().contains("`Part` (new, number 700 of those added)"), "{kind:?}: {error}");
            assert!(added.iter().all(|added| added.key().is_none()), "{kind:?}");
            if rolls_back {
                db.rollback().await.unwrap();
                assert_eq!(db.parts().take_undone(), parts(spoil), "{kind:?}");
                assert_eq!(Db::texts(&lab.outside, count).await, ["0"], "{kind:?}");
                continue;
            }
            // Mended, the same unit stores each of them once: nothing of the first try is left in its transaction.
            *db.parts().added(&added[699]).unwrap() = parts(|_| ()).swap_remove(699);
            db.commit().await.unwrap();
            assert_eq!(Db::texts(&lab.outside, count).await, ["1000"], "{kind:?}");
            lab.script("DELETE FROM part").await;
        }
    }
}
