use sqlx::Sqlite;
use unit_of_work::{Entities, Entity};

#[derive(Entity)]
#[uow(new)]
struct Post {
    #[uow(key, generatd)]
    id: i64,
    title: String,
}

fn used(posts: &mut Entities<Post, Sqlite>) {
    posts.add(NewPost { id: 1, title: String::new() }).ok();
}

fn main() {}
