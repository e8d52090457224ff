//! A bank on SQLite in memory: accounts that remember what changed, transfers that are whole or not at all.
//!
//! Run it with `cargo run --example bank`. Each `→` is a statement as it was sent to the database.

mod sent;

use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Entities, Entity, Error, Lazy, Scope, Session, UnitOfWork};

#[derive(Entity)]
struct Account {
    #[uow(key)]
    number: i64,
    owner: String,
    cents: i64,
    #[uow(version)]
    version: i64,
}

#[derive(Entity)]
struct Transfer {
    #[uow(key, generated)]
    id: i64,
    #[uow(references = Account)]
    from_account: i64,
    to_account: i64,
    cents: i64,
}

#[derive(UnitOfWork)]
struct Bank {
    session: Session<Sqlite>,
    accounts: Lazy<Entities<Account, Sqlite>>,
    transfers: Lazy<Entities<Transfer, Sqlite>>,
}

#[derive(Debug)]
enum Refused {
    NotEnough { owner: String, cents: i64 },
    Database(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// Plain Rust: two accounts are lent at once, changed, and written when the unit commits.
async fn transfer(bank: &mut Scope<Bank>, from: i64, to: i64, cents: i64) -> Result<(), Refused> {
    let [giver, taker] = bank.accounts().get_many([from, to]).await?;
    if giver.cents < cents {
        return Err(Refused::NotEnough { owner: giver.owner.clone(), cents: giver.cents });
    }
    giver.cents -= cents;
    taker.cents += cents;
    bank.transfers().add(Transfer { id: 0, from_account: from, to_account: to, cents })?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = open().await?;
    Bank::check_schema(&pool).await?;
    sent::print();

    println!("Three accounts are opened:");
    let mut bank = Bank::new(&pool);
    for (number, owner, cents) in [(1, "Ada", 10_000), (2, "Grace", 0), (3, "Linus", 0)] {
        bank.accounts().add(Account { number, owner: owner.into(), cents, version: 0 })?;
    }
    bank.commit().await?;

    println!("Ada gives Grace 30.00:");
    let given = Bank::options(&pool).run(async |bank| transfer(bank, 1, 2, 3_000).await).await;
    println!("  {}", if given.is_ok() { "done" } else { "refused" });

    println!("Ada wants to give Grace 1000.00:");
    let refused = Bank::options(&pool).run(async |bank| transfer(bank, 1, 2, 100_000).await).await;
    match refused {
        Err(Refused::NotEnough { owner, cents }) => {
            println!("  refused: {owner} has {}.{:02}", cents / 100, cents % 100);
        }
        Err(Refused::Database(error)) => return Err(error.into()),
        Ok(()) => println!("  done"),
    }

    println!("A month passes, with interest for everybody; who has nothing gets nothing, and costs nothing:");
    let mut bank = Bank::new(&pool);
    for account in bank.accounts().all().fetch().await? {
        account.cents += account.cents / 100;
    }
    bank.commit().await?;

    println!("What is stored:");
    for account in Bank::new(&pool).accounts().all().fetch().await? {
        let Account { number, owner, cents, version } = account;
        println!("  {number} {owner}: {}.{:02}, version {version}", *cents / 100, *cents % 100);
    }
    Ok(())
}

/// A database in memory lives as long as its one connection, so the pool has one, and keeps it.
async fn open() -> sqlx::Result<SqlitePool> {
    let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = options.connect("sqlite::memory:").await?;
    sqlx::raw_sql(
        "CREATE TABLE account (number INTEGER PRIMARY KEY, owner TEXT NOT NULL, cents INTEGER NOT NULL CHECK (cents >= 0),
                               version INTEGER NOT NULL);
         CREATE TABLE transfer (id INTEGER PRIMARY KEY, from_account INTEGER NOT NULL REFERENCES account,
                                to_account INTEGER NOT NULL REFERENCES account, cents INTEGER NOT NULL);",
    )
    .execute(&pool)
    .await?;
    Ok(pool)
}
