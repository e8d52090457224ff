use sqlx::Sqlite;
use unit_of_work::{Entities, Entity, Lazy, Session, UnitOfWork};

#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct Money(i64);

#[derive(Entity)]
struct Order {
    #[uow(key)]
    id: i64,
    net: Money,
    tax: Money,
    gross: Money,
    paid: Money,
}

#[derive(UnitOfWork)]
struct Shop {
    session: Session<Sqlite>,
    orders: Lazy<Entities<Order, Sqlite>>,
}

async fn used(shop: &mut Shop) -> Result<(), unit_of_work::Error> {
    for order in shop.orders().all().fetch().await? {
        order.paid = Money(0);
    }
    shop.orders().require(1).await?;
    shop.commit().await
}

fn main() {}
