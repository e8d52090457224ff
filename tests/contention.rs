//! Many tasks move money between few accounts: with retry, none is lost, none made, and nobody starves.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::*;
use futures_util::future::join_all;
use sqlx::{ColumnIndex, Decode, Encode, IntoArguments, Pool, Type};
use unit_of_work::{Backend, Isolation, Retry};

#[path = "model/random.rs"]
mod random;
use random::Random;

const TASKS: i64 = 32;
const TRANSFERS: i64 = 20;
const ACCOUNTS: i64 = 10;
/// So little that some transfers find too little.
const BALANCE: i64 = 60;

#[derive(Debug, UnitOfWork)]
struct Bank<DB: Backend> {
    session: Session<DB>,
    accounts: Lazy<Accounts<DB>>,
}

#[derive(Debug, Repository)]
struct Accounts<DB: Backend> {
    session: Session<DB>,
}

#[derive(Debug, Clone, Copy)]
struct Transfer {
    id: i64,
    source: i64,
    target: i64,
    amount: i64,
}

/// Why a transfer was not made.
#[derive(Debug)]
enum Refusal {
    TooPoor,
    Unit(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Unit(error)
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Unit(error.into())
    }
}

impl<DB> Accounts<DB>
where
    DB: Backend,
    DB::Arguments: IntoArguments<DB>,
    for<'q> i64: Encode<'q, DB> + Decode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    async fn balance(&mut self, account: i64) -> sqlx::Result<i64> {
        // REPEATABLE READ alone would lose updates on MariaDB; the others find a conflict by themselves.
        let lock = if DB::NAME == "MySQL" { " FOR UPDATE" } else { "" };
        let text = sql::<DB>(&format!("SELECT balance FROM account WHERE id = ?{lock}"));
        sqlx::query_scalar(text).bind(account).fetch_one(&mut self.session).await
    }

    async fn set_balance(&mut self, account: i64, balance: i64) -> sqlx::Result<()> {
        let update = sqlx::query(sql::<DB>("UPDATE account SET balance = ? WHERE id = ?"));
        update.bind(balance).bind(account).execute(&mut self.session).await?;
        Ok(())
    }

    /// Reads, computes here, and writes: a lost update would show in the sum.
    async fn transfer(&mut self, transfer: Transfer) -> Result<(), Refusal> {
        let Transfer { id, source, target, amount } = transfer;
        // Before anything is known to be possible: a refused transfer has to take it back.
        let ledger =
            sqlx::query(sql::<DB>("INSERT INTO ledger (id, source, target, amount) VALUES (?, ?, ?, ?)"));
        ledger.bind(id).bind(source).bind(target).bind(amount).execute(&mut self.session).await?;
        let from = self.balance(source).await?;
        self.set_balance(source, from - amount).await?;
        let to = self.balance(target).await?;
        self.set_balance(target, to + amount).await?;
        if from < amount { Err(Refusal::TooPoor) } else { Ok(()) }
    }
}

/// What became of a task's transfers: each with whether it was made.
async fn customer<DB>(pool: Pool<DB>, task: i64, attempts: Arc<AtomicU32>) -> Vec<(Transfer, bool)>
where
    DB: Backend,
    DB::Arguments: IntoArguments<DB>,
    for<'q> i64: Encode<'q, DB> + Decode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    let mut random = Random::new(task as u64);
    let level = if DB::NAME == "MySQL" { Isolation::RepeatableRead } else { Isolation::Serializable };
    let patient = Retry::attempts(500).backoff(Duration::from_millis(1), Duration::from_millis(40));
    let options = Bank::options(&pool).isolation(level).retry(patient);
    let mut made = Vec::new();
    for number in 0..TRANSFERS {
        let source = random.below(ACCOUNTS as u64) as i64;
        let target = (source + 1 + random.below(ACCOUNTS as u64 - 1) as i64) % ACCOUNTS;
        let amount = 1 + random.below(40) as i64;
        let transfer = Transfer { id: task * TRANSFERS + number, source, target, amount };
        let answer = options
            .run(async |db| {
                attempts.fetch_add(1, SeqCst);
                db.accounts().transfer(transfer).await
            })
            .await;
        match answer {
            Ok(()) => made.push((transfer, true)),
            Err(Refusal::TooPoor) => made.push((transfer, false)),
            Err(Refusal::Unit(error)) => panic!("transfer {} starved: {error}", transfer.id),
        }
    }
    made
}

engines! {
    async fn transfers_under_contention_are_each_made_once_or_not_at_all(lab) {
        let accounts: Vec<_> = (0..ACCOUNTS).map(|id| format!("({id}, {BALANCE})")).collect();
        lab.script(&format!(
            "CREATE TABLE account (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL); \
             CREATE TABLE ledger (id BIGINT PRIMARY KEY, source BIGINT NOT NULL, target BIGINT NOT NULL, amount BIGINT NOT NULL); \
             INSERT INTO account (id, balance) VALUES {}", accounts.join(", ")
        )).await;
        let (pool, began) = (lab.pool_of(12).await, Instant::now());
        let attempts = Arc::new(AtomicU32::new(0));
        let customers = (0..TASKS).map(|task| tokio::spawn(customer::<Db>(pool.clone(), task, Arc::clone(&attempts))));
        let transfers: Vec<_> = join_all(customers).await.into_iter().flat_map(|task| task.expect("it did not starve")).collect();
        let took = began.elapsed();

        let ledger = sqlx::query_as::<_, (i64, i64, i64, i64)>("SELECT id, source, target, amount FROM ledger ORDER BY id");
        let ledger = ledger.fetch_all(&lab.outside).await.unwrap();
        let made: Vec<_> = transfers
            .iter()
            .filter(|(_, made)| *made)
            .map(|(transfer, _)| (transfer.id, transfer.source, transfer.target, transfer.amount))
            .collect();
        assert_eq!(ledger, made, "those that answered `Ok`, and no other");
        assert_eq!(transfers.len() as i64, TASKS * TRANSFERS, "nobody starved");

        let mut expected: BTreeMap<i64, i64> = (0..ACCOUNTS).map(|id| (id, BALANCE)).collect();
        for (_, source, target, amount) in &made {
            *expected.entry(*source).or_default() -= amount;
            *expected.entry(*target).or_default() += amount;
        }
        let balances = sqlx::query_as::<_, (i64, i64)>("SELECT id, balance FROM account ORDER BY id");
        let balances: BTreeMap<i64, i64> = balances.fetch_all(&lab.outside).await.unwrap().into_iter().collect();
        assert_eq!(balances, expected);
        assert_eq!(balances.values().sum::<i64>(), ACCOUNTS * BALANCE, "no money is lost, and none made");
        assert!(balances.values().all(|balance| *balance >= 0), "nobody spends what is not there");
        assert!(!made.is_empty() && made.len() < transfers.len(), "both ends were seen");
        println!(
            "{}: {} of {} transfers made in {} attempts, {took:?}",
            <Db as sqlx::Database>::NAME, made.len(), transfers.len(), attempts.load(SeqCst),
        );
        pool.close().await;
    }
}
