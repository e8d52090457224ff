use unit_of_work::Entity;

#[derive(Entity)]
#[uow(new = Draft)]
struct Post {
    #[uow(key)]
    id: i64,
}

fn main() {}
