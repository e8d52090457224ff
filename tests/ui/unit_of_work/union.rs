use unit_of_work::UnitOfWork;

#[derive(UnitOfWork)]
union Database {
    session: u8,
}

fn main() {}
