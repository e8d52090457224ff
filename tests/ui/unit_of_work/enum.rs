use unit_of_work::UnitOfWork;

#[derive(UnitOfWork)]
pub enum Database {
    Session,
}

fn main() {}
