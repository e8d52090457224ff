//! H19: named prepared statements, which pgbouncer in its transaction mode may hand to another client. (It is not run here: the
//! server is asked what a transaction leaves behind.)

use super::steps::*;

hazard! {
    "H19 named statements left on the server by a transaction with one INSERT" on postgres;
    plain_sqlx_leaves_one_or_none_if_told;
    a_unit_of_work_adds_none_of_its_own
}

const INSERT: &str = "INSERT INTO blog (name) VALUES ($1)";

async fn plain_sqlx_leaves_one_or_none_if_told(lab: &mut Lab<Postgres>) -> String {
    let mut left = Vec::new();
    for persistent in [true, false] {
        let pool = lab.pool_of(1).await;
        let mut tx = pool.begin().await.unwrap();
        let insert = sqlx::query(INSERT).persistent(persistent).bind(persistent.to_string());
        insert.execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        left.push(statements(&pool).await);
        pool.close().await;
    }
    assert_eq!(left, [1, 0]);
    format!("{}; with `.persistent(false)`: {}", left[0], left[1])
}

async fn a_unit_of_work_adds_none_of_its_own(lab: &mut Lab<Postgres>) -> String {
    let mut left = Vec::new();
    for persistent in [true, false] {
        let pool = lab.pool_of(1).await;
        let mut db = Unit::new(&pool);
        let insert = sqlx::query(INSERT).persistent(persistent).bind(persistent.to_string());
        insert.execute(db.session()).await.unwrap();
        db.commit().await.unwrap();
        left.push(statements(&pool).await);
        pool.close().await;
    }
    assert_eq!(left, [1, 0]);
    format!("{}; with `.persistent(false)`: {}", left[0], left[1])
}

async fn statements(pool: &Pool<Postgres>) -> usize {
    sqlx::raw_sql("SELECT name FROM pg_prepared_statements").fetch_all(pool).await.unwrap().len()
}
