//! Which constraint a unit was refused by, asked of the error as it comes, whatever it is wrapped in.

mod common;

use common::*;
use unit_of_work::Entities;

#[derive(Debug, Clone, PartialEq, Entity)]
struct Pen {
    #[uow(key)]
    id: i64,
    #[uow(unique)]
    name: String,
    ink: Option<String>,
    owner: Option<i64>,
    length: i64,
}

#[derive(UnitOfWork)]
struct Case<DB: Backend>
where
    Pen: Entity<DB>,
{
    session: Session<DB>,
    pens: Lazy<Entities<Pen, DB>>,
}

fn pen(id: i64) -> Pen {
    Pen { id, name: format!("pen {id}"), ink: Some("blue".into()), owner: None, length: 14 }
}

async fn table<DB: Engine>(lab: &Lab<DB>) {
    lab.script(
        "CREATE TABLE pen (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(60) NOT NULL, ink VARCHAR(60) NOT NULL, \
         owner BIGINT, length BIGINT NOT NULL, CONSTRAINT one_name UNIQUE (name), CONSTRAINT long_enough CHECK (length > 3), \
         CONSTRAINT owned FOREIGN KEY (owner) REFERENCES blog (id)); INSERT INTO pen VALUES (1, 'pen 1', 'red', NULL, 14)",
    )
    .await;
}

/// The constraint, and which of the four kinds it is said to be.
fn told(error: &Error) -> (Option<&str>, [bool; 4]) {
    let kinds = [
        error.is_unique_violation(),
        error.is_foreign_key_violation(),
        error.is_not_null_violation(),
        error.is_check_violation(),
    ];
    (error.constraint(), kinds)
}

/// What is refused, and what each engine calls it: PostgreSQL, MySQL, SQLite.
type Refused = (Pen, [Option<&'static str>; 3], usize);

fn refused() -> [Refused; 5] {
    let named = |name, sqlite| [Some(name), Some(name), sqlite];
    [
        (Pen { name: "pen 1".into(), ..pen(2) }, named("one_name", Some("pen.name")), 0),
        (Pen { name: "pen 2".into(), ..pen(1) }, [Some("pen_pkey"), Some("PRIMARY"), Some("pen.id")], 0),
        (Pen { owner: Some(404), ..pen(2) }, named("owned", None), 1),
        (Pen { ink: None, ..pen(2) }, named("ink", Some("pen.ink")), 2),
        (Pen { length: 3, ..pen(2) }, named("long_enough", Some("long_enough")), 3),
    ]
}

fn expected<DB: sqlx::Database>((_, names, kind): &Refused) -> (Option<&'static str>, [bool; 4]) {
    let [postgres, mysql, sqlite] = *names;
    let name = match DB::NAME {
        "PostgreSQL" => postgres,
        "MySQL" => mysql,
        _ => sqlite,
    };
    (name, std::array::from_fn(|at| at == *kind))
}

engines! {
    async fn a_flush_names_the_constraint_that_refused_its_row(lab) {
        table(lab).await;
        for refused in refused() {
            let mut db = Case::new(&lab.pool);
            db.pens().add(pen(7)).unwrap();
            db.pens().add(refused.0.clone()).unwrap();
            let error = db.commit().await.unwrap_err();
            assert!(matches!(error, Error::NotStored { .. }), "{error}");
            assert_eq!(told(&error), expected::<Db>(&refused), "{error:?}");
            db.rollback().await.unwrap();
        }
    }

    async fn a_statement_a_scope_and_a_unit_name_the_constraint(lab) {
        table(lab).await;
        for refused in refused() {
            // As it comes from the statement, and as sqlx's error that carries ours.
            let mut db = Case::new(&lab.pool);
            let error = db.pens().insert(refused.0.clone()).await.unwrap_err();
            assert_eq!(told(&error), expected::<Db>(&refused), "{error:?}");
            let error = db.pens().require(7).await.unwrap_err();
            assert!(error.is_poisoned(), "{error:?}");
            assert_eq!(told(&error), expected::<Db>(&refused), "{error:?}");
            let wrapped = Error::NotStored {
                entity: "Pen",
                key: String::new(),
                during: "inserted",
                source: error.into(),
            };
            assert_eq!(told(&wrapped), expected::<Db>(&refused), "{wrapped:?}");
            // The first cause of a unit that was rolled back, and of a scope whose closure swallowed the error.
            let error = db.commit().await.unwrap_err();
            assert!(error.is_rolled_back());
            assert_eq!(told(&error), expected::<Db>(&refused), "{error:?}");
            db.rollback().await.unwrap();

            let value = &refused.0;
            let error: Error = db
                .savepoint(async |db| {
                    db.pens().insert(value.clone()).await.ok();
                    Ok::<_, Error>(())
                })
                .await
                .unwrap_err();
            assert!(matches!(error, Error::ScopeUndone { .. }), "{error:?}");
            assert_eq!(told(&error), expected::<Db>(&refused), "{error:?}");
            db.rollback().await.unwrap();
        }
    }

    async fn what_is_no_violation_is_none(lab) {
        table(lab).await;
        assert_eq!(told(&Error::Busy), (None, [false; 4]));
        let mut db = Case::new(&lab.pool);
        let error = Error::from(sqlx::raw_sql("SELECT nothing FROM pen").execute(db.session()).await.unwrap_err());
        assert_eq!(told(&error), (None, [false; 4]), "{error:?}");
    }
}

uow_test_support::postgres_claim! {
    sqlx::Postgres, a_constraint_that_waits_for_commit_is_named_by_it, lab, {
        table(lab).await;
        lab.script("ALTER TABLE pen ALTER CONSTRAINT owned DEFERRABLE INITIALLY DEFERRED").await;
        let mut db = Case::new(&lab.pool);
        let late = "INSERT INTO pen VALUES (2, 'pen 2', 'red', 404, 14)";
        sqlx::raw_sql(late).execute(db.session()).await.unwrap();
        let error = db.commit().await.unwrap_err();
        assert!(error.is_rolled_back() && error.is_foreign_key_violation(), "{error:?}");
        assert_eq!(error.constraint(), Some("owned"));
    }
}
