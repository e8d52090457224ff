use sqlx::Sqlite;
use unit_of_work::{Error, Repository, Session};

struct Drafts {
    session: Session<Sqlite>,
}

impl Repository for Drafts {
    type Database = Sqlite;

    fn new(session: Session<Sqlite>) -> Self {
        Self { session }
    }

    /// A repository cannot reach its unit.
    async fn flush(&mut self) -> Result<(), Error> {
        self.session.flush().await
    }
}

fn main() {}
