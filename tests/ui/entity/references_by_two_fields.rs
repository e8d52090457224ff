use sqlx::Sqlite;
use unit_of_work::{Entity, References};

#[derive(Entity)]
struct Blog {
    #[uow(key)]
    id: i64,
}

#[derive(Entity)]
struct Post {
    #[uow(key)]
    id: i64,
    #[uow(references = Blog)]
    blog: i64,
    #[uow(references = Blog)]
    first_in: i64,
}

fn add<P: Entity<Sqlite>, C: References<P, Sqlite>>() {}

fn main() {
    add::<Blog, Post>();
}
