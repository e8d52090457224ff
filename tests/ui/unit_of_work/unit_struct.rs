use unit_of_work::UnitOfWork;

#[derive(UnitOfWork)]
struct Database;

fn main() {}
