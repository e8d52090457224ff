use sqlx::Sqlite;
use unit_of_work::{Entities, Entity};

#[derive(Clone, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
struct Moment(i64);

#[derive(Entity)]
#[uow(new)]
struct Post {
    #[uow(key, generated)]
    id: i64,
    title: String,
    #[uow(read_only)]
    created_at: Moment,
}

fn used(posts: &mut Entities<Post, Sqlite>) {
    posts.add(NewPost { title: String::new() }).ok();
}

fn main() {}
