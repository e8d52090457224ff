//! Columns that only the database writes, in batches: each entity gets the value of its own row.
//!
//! The defaults are drawn for each row, so that no two are alike and a value that went to a neighbour shows.

mod common;

use common::*;
use unit_of_work::Entities;

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Ticket {
    #[uow(key, generated)]
    id: i64,
    name: String,
    #[uow(read_only)]
    code: String,
}

#[derive(Debug, UnitOfWork)]
struct Desk<DB: Backend>
where
    Ticket: Entity<DB>,
{
    session: Session<DB>,
    tickets: Lazy<Entities<Ticket, DB>>,
}

const ROWS: i64 = 100;

/// The database is to make the key.
const GENERATED: fn(i64) -> i64 = |_| 0;

/// Every key up to a hundred once, and not in their order.
const SHUFFLED: fn(i64) -> i64 = |at| 1 + at * 37 % ROWS;

async fn make_table<DB: Engine>(lab: &Lab<DB>) {
    let code = match DB::NAME {
        "PostgreSQL" => "TEXT NOT NULL DEFAULT md5(random()::text)",
        "MySQL" => "VARCHAR(36) NOT NULL DEFAULT (uuid())",
        _ => "TEXT NOT NULL DEFAULT (hex(randomblob(8)))",
    };
    let key = DB::GENERATED_KEY;
    lab.script(&format!("CREATE TABLE ticket (id {key}, name VARCHAR(20) NOT NULL, code {code})")).await;
}

fn add_all<DB: Engine>(db: &mut Desk<DB>, key: fn(i64) -> i64) -> Vec<unit_of_work::Added<Ticket, DB>>
where
    Ticket: Entity<DB, Key = i64>,
{
    let ticket = |at| Ticket { id: key(at), name: format!("{at}"), code: String::new() };
    (0..ROWS).map(|at| db.tickets().add(ticket(at)).unwrap()).collect()
}

/// Adds tickets in one flush, and has another unit look what is stored under their keys.
async fn have_their_own_codes<DB: Engine>(lab: &Lab<DB>, pool: &sqlx::Pool<DB>, key: fn(i64) -> i64)
where
    Ticket: Entity<DB, Key = i64>,
{
    let mut db = Desk::new(pool);
    let added = add_all(&mut db, key);
    db.commit().await.unwrap();
    // As they are in memory: whatever asks for one by its key would read it where it is missing.
    let here: Vec<Ticket> = db.tickets().iter().cloned().collect();
    assert_eq!(here.len(), added.len());

    let mut fresh = Desk::new(&lab.outside);
    for (at, (here, added)) in (0..).zip(here.iter().zip(&added)) {
        let id = added.key().unwrap();
        assert!(key(at) == 0 || key(at) == id, "the key that was given is kept");
        let stored = fresh.tickets().require(id).await.unwrap();
        assert_eq!(stored.name, format!("{at}"));
        assert_eq!(here, stored);
    }
    fresh.rollback().await.unwrap();
    let codes = "SELECT concat(count(DISTINCT code)) FROM ticket WHERE code <> ''";
    assert_eq!(DB::texts(&lab.outside, codes).await, [ROWS.to_string()], "no two are alike");
    lab.script("DELETE FROM ticket").await;
}

engines! {
    async fn defaults_of_rows_whose_keys_the_database_makes(lab) {
        make_table(lab).await;
        have_their_own_codes(lab, &lab.pool, GENERATED).await;
    }

    async fn defaults_of_rows_whose_keys_are_given_in_any_order(lab) {
        make_table(lab).await;
        have_their_own_codes(lab, &lab.pool, SHUFFLED).await;
    }
}

mod on_postgres {
    use super::*;

    uow_test_support::postgres_claim! {
        sqlx::Postgres, defaults_of_rows_that_come_back_in_another_order, lab, {
            make_table(lab).await;
            let (pool, proxy) = lab.through_proxy(1).await;
            proxy.reverse_rows();
            let reversed: Vec<i32> = sqlx::query_scalar("SELECT * FROM generate_series(1, 3)").fetch_all(&pool).await.unwrap();
            assert_eq!(reversed, [3, 2, 1], "they do");
            have_their_own_codes(lab, &pool, GENERATED).await;
            have_their_own_codes(lab, &pool, SHUFFLED).await;
        }
    }

    uow_test_support::postgres_claim! {
        sqlx::Postgres, defaults_come_with_the_insert, lab, {
            make_table(lab).await;
            let (pool, proxy) = lab.through_proxy(1).await;
            for key in [GENERATED, SHUFFLED] {
                // Whatever was there before is told already.
                lab.script("DELETE FROM ticket").await;
                proxy.sent();
                let mut db = Desk::new(&pool);
                add_all(&mut db, key);
                db.commit().await.unwrap();
                assert!(db.tickets().iter().all(|ticket| !ticket.code.is_empty()));
                let sent = <sqlx::Postgres as Engine>::statements(&proxy.sent());
                let kinds: Vec<&str> = sent.iter().filter_map(|text| text.split([' ', ';']).next()).collect();
                assert_eq!(kinds, ["INSERT"], "{sent:?}");
                pool.acquire().await.unwrap().close().await.unwrap(); // Nothing is prepared the next time.
            }
        }
    }
}

// What MySQL does: to it `RETURNING` is a comment. An unknown version makes it one to MariaDB as well.
uow_test_support::mysql_claim! {
    sqlx::MySql, defaults_are_read_again_where_no_insert_returns_them, lab, {
        make_table(lab).await;
        let (pool, proxy) = lab.through_proxy(1).await;
        proxy.rewrite("/*M!100500", "/*M!999999");
        have_their_own_codes(lab, &pool, GENERATED).await;
        have_their_own_codes(lab, &pool, SHUFFLED).await;
    }
}
