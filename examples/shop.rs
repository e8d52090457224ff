//! A shop on a SQLite file: orders with lines, stock that buyers fight for, and a stale version that is resolved.
//!
//! Run it with `cargo run --example shop`. Each `→` is a statement as it was sent to the database.

mod sent;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Sqlite, SqlitePool};
use unit_of_work::{Entities, Entity, Error, Lazy, Retry, Scope, Session, UnitOfWork};

#[derive(Entity)]
struct Product {
    #[uow(key)]
    id: i64,
    #[uow(unique)]
    name: String,
    cents: i64,
    stock: i64,
    #[uow(version)]
    version: i64,
}

#[derive(Entity)]
#[uow(table = "orders")]
struct Order {
    #[uow(key, generated)]
    id: i64,
    buyer: String,
    /// The database's own: it is read back with the key.
    #[uow(read_only)]
    placed_at: String,
}

#[derive(Entity)]
#[uow(table = "order_line")]
struct Line {
    #[uow(key, generated)]
    id: i64,
    #[uow(references = Order)]
    order_id: i64,
    #[uow(references = Product)]
    product_id: i64,
    amount: i64,
}

#[derive(UnitOfWork)]
struct Shop {
    session: Session<Sqlite>,
    products: Lazy<Entities<Product, Sqlite>>,
    orders: Lazy<Entities<Order, Sqlite>>,
    lines: Lazy<Entities<Line, Sqlite>>,
}

#[derive(Debug)]
enum NoDeal {
    SoldOut(String),
    Database(Error),
}

impl std::fmt::Display for NoDeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SoldOut(name) => write!(f, "the {name} is sold out"),
            Self::Database(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NoDeal {}

impl From<Error> for NoDeal {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// An order with its lines, and the stock that is left: all of it, or nothing.
async fn buy(shop: &mut Scope<Shop>, buyer: &str, basket: &[(i64, i64)]) -> Result<(), NoDeal> {
    let order = shop.orders().add(Order { id: 0, buyer: buyer.into(), placed_at: String::new() })?;
    for &(product_id, amount) in basket {
        let product = shop.products().require(product_id).await?;
        if product.stock < amount {
            return Err(NoDeal::SoldOut(product.name.clone()));
        }
        product.stock -= amount;
        // The order has no key yet: the flush inserts it first, and its key into the lines.
        shop.lines().add_to(&order, Line { id: 0, order_id: 0, product_id, amount })?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let pool = open(&folder.path().join("shop.db")).await?;
    Shop::check_schema(&pool).await?;
    sent::print();

    println!("The shelves are filled:");
    let mut shop = Shop::new(&pool);
    for (id, name, cents, stock) in [(1, "tea", 4_50, 10), (2, "cup", 12_00, 3), (3, "pot", 39_00, 1)] {
        shop.products().add(Product { id, name: name.into(), cents, stock, version: 0 })?;
    }
    shop.commit().await?;

    println!("Ada buys tea and a cup, in one order of two lines:");
    Shop::options(&pool).run(async |shop| buy(shop, "Ada", &[(1, 2), (2, 1)]).await).await?;

    println!("Eight buyers want the one pot at the same time:");
    let buyers = (0..8).map(|buyer| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let options = Shop::options(&pool).retry(Retry::attempts(20));
            options.run(async |shop| buy(shop, &format!("buyer {buyer}"), &[(3, 1)]).await).await
        })
    });
    for (buyer, task) in buyers.collect::<Vec<_>>().into_iter().enumerate() {
        match task.await? {
            Ok(()) => println!("  buyer {buyer} got it"),
            Err(NoDeal::Database(error)) => return Err(error.into()),
            Err(sold_out) => println!("  buyer {buyer}: {sold_out}"),
        }
    }

    println!("A clerk changes the price of tea, and while she thinks about it some tea is sold:");
    let mut clerk = Shop::new(&pool);
    clerk.products().require(1).await?;
    clerk.commit().await?; // no transaction is open while she thinks; what was read stays
    Shop::options(&pool).run(async |shop| buy(shop, "Grace", &[(1, 3)]).await).await?;
    clerk.products().require(1).await?.cents = 5_00;
    let error = clerk.commit().await.err().ok_or("the tea was changed by two")?;
    println!("  {error}");

    println!("Her price and the stock that is left are both right:");
    let conflict = error.conflict().ok_or("it is a conflict")?;
    clerk.products().merge(conflict, |mine, theirs| mine.stock = theirs.stock).await?;
    clerk.commit().await?;

    println!("What is stored:");
    for product in Shop::new(&pool).products().all().fetch().await? {
        let Product { name, cents, stock, version, .. } = product;
        println!("  {stock} × {name} at {}.{:02}, version {version}", *cents / 100, *cents % 100);
    }
    Ok(())
}

async fn open(file: &std::path::Path) -> sqlx::Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().connect_with(options).await?;
    sqlx::raw_sql(
        "CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cents INTEGER NOT NULL,
                               stock INTEGER NOT NULL CHECK (stock >= 0), version INTEGER NOT NULL);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer TEXT NOT NULL, placed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
         CREATE TABLE order_line (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders,
                                  product_id INTEGER NOT NULL REFERENCES product, amount INTEGER NOT NULL);",
    )
    .execute(&pool)
    .await?;
    Ok(pool)
}
