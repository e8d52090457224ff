use unit_of_work::Entity;

#[derive(Entity)]
#[uow(new)]
struct Setting<T: Send + Sync> {
    #[uow(key)]
    name: String,
    value: T,
}

fn main() {}
