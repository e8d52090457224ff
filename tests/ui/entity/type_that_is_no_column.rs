use sqlx::Sqlite;
use unit_of_work::Entity;

#[derive(Clone, PartialEq)]
struct Name(String);

#[derive(Entity)]
struct Blog {
    #[uow(key)]
    id: i64,
    name: Name,
}

fn load<E: Entity<Sqlite>>() {}

fn main() {
    load::<Blog>();
}
