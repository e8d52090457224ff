use sqlx::Sqlite;
use unit_of_work::{Lazy, Repository, Session, UnitOfWork};

type Conversation = Session<Sqlite>;

#[derive(Repository)]
struct Blogs {
    session: Session<Sqlite>,
    #[uow(session, entities)]
    conversation: Conversation,
}

#[derive(UnitOfWork)]
struct Database {
    session: Session<Sqlite>,
    blogs: Lazy<Blogs>,
}

fn main() {}
