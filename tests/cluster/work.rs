//! The units that the writers run: each inserts its own row and touches two rows that all writers fight for.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sqlx::MySql;
use unit_of_work::{
    Entities, Entity, Error, Lazy, Options, Retry, Session, SessionState, UnitOfWork, Verification,
};

use crate::ledger::Answer;

/// How many rows the writers fight for.
const HOT_ROWS: u64 = 40;

/// What a trigger notes of a unit tells which marker belongs to which row. The procedure is work that a unit cannot see into.
pub(crate) const SCHEMA: &[&str] = &[
    "CREATE TABLE work (id BIGINT PRIMARY KEY, a BIGINT NOT NULL, b BIGINT NOT NULL)",
    "CREATE TABLE hot (id BIGINT PRIMARY KEY, touched BIGINT NOT NULL, version BIGINT NOT NULL)",
    "INSERT INTO hot SELECT seq, 0, 0 FROM seq_0_to_39",
    "CREATE PROCEDURE touch(IN one BIGINT, IN other BIGINT) BEGIN \
     UPDATE hot SET touched = touched + 1, version = version + 1 WHERE id = one; \
     UPDATE hot SET touched = touched + 1, version = version + 1 WHERE id = other; END",
    "CREATE TRIGGER work_of_unit BEFORE INSERT ON work FOR EACH ROW SET @work = NEW.id",
    "ALTER TABLE uow_marker ADD COLUMN work BIGINT NULL",
    "CREATE TRIGGER marker_of_unit BEFORE INSERT ON uow_marker FOR EACH ROW SET NEW.work = IF(NEW.void, NULL, @work)",
];

#[derive(Debug, Entity)]
pub(crate) struct Work {
    #[uow(key)]
    id: i64,
    a: i64,
    b: i64,
}

#[derive(Debug, Entity)]
pub(crate) struct Hot {
    #[uow(key)]
    id: i64,
    touched: i64,
    #[uow(version)]
    version: i64,
}

#[derive(Debug, UnitOfWork)]
pub(crate) struct Db {
    session: Session<MySql>,
    works: Lazy<Entities<Work, MySql>>,
    hot: Lazy<Entities<Hot, MySql>>,
}

/// What a unit does besides, for what it does in the messages around COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Statements,
    /// The same, by a flush.
    Entities,
    /// With an option that is put back behind COMMIT.
    LockTimeout,
    /// In a savepoint scope.
    Scope,
    /// In scopes inside of a scope, one of which is undone: two savepoints in one message, and the end of one in another.
    Scopes,
    /// In one message.
    Text,
    /// By a procedure.
    Call,
}

impl Kind {
    /// Whether a part of the unit's work cannot be looked into, so that it may be told as ended early.
    pub(crate) fn is_unseen(self) -> bool {
        matches!(self, Self::Text | Self::Call)
    }
}

/// The work of one unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) id: i64,
    pub(crate) a: i64,
    pub(crate) b: i64,
    pub(crate) kind: Kind,
}

impl Job {
    /// The same for the same number, and each number another.
    pub(crate) fn of(id: i64) -> Self {
        use Kind::*;
        let mut random = id.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        random = (random ^ (random >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        random ^= random >> 32;
        let a = random % HOT_ROWS;
        let b = (a + 1 + (random >> 8) % (HOT_ROWS - 1)) % HOT_ROWS;
        let kind =
            [Statements, Entities, LockTimeout, Scope, Scopes, Text, Call][(random >> 16) as usize % 7];
        Self { id, a: a as i64, b: b as i64, kind }
    }

    /// All of it but COMMIT.
    async fn work(&self, db: &mut Db) -> Result<(), Error> {
        let Self { id, a, b, kind } = *self;
        if kind == Kind::Entities {
            db.works().add(Work { id, a, b })?;
            for hot in db.hot().get_many([a, b]).await? {
                hot.touched += 1;
            }
            return Ok(());
        }
        let insert = sqlx::query("INSERT INTO work (id, a, b) VALUES (?, ?, ?)").bind(id).bind(a).bind(b);
        insert.execute(db.session()).await?;
        match kind {
            Kind::Call => {
                sqlx::query("CALL touch(?, ?)").bind(a).bind(b).execute(db.session()).await?;
                Ok(())
            }
            Kind::Text => db.touch_in_one_message(&[a, b]).await,
            Kind::Scope => db.savepoint(async |db| touch(db, &[a, b]).await).await,
            Kind::Scopes => db.savepoint(async |db| touch_in_scopes(db, a, b).await).await,
            _ => touch(db, &[a, b]).await,
        }
    }
}

impl Db {
    /// To be written by the next flush.
    pub(crate) async fn load_entity(&mut self, row: i64) -> Result<(), Error> {
        self.hot().require(row).await?.touched += 1;
        Ok(())
    }

    pub(crate) async fn touch_entity(&mut self, row: i64) -> Result<(), Error> {
        self.load_entity(row).await?;
        self.flush().await
    }

    pub(crate) async fn touch_in_one_message(&mut self, rows: &[i64]) -> Result<(), Error> {
        let text =
            |row| format!("UPDATE hot SET touched = touched + 1, version = version + 1 WHERE id = {row}");
        let texts: Vec<String> = rows.iter().map(text).collect();
        sqlx::raw_sql(sqlx::AssertSqlSafe(texts.join("; "))).execute(self.session()).await?;
        Ok(())
    }
}

pub(crate) async fn touch(db: &mut Db, rows: &[i64]) -> Result<(), Error> {
    for row in rows {
        let update = sqlx::query("UPDATE hot SET touched = touched + 1, version = version + 1 WHERE id = ?");
        update.bind(row).execute(db.session()).await?;
    }
    Ok(())
}

/// Touches the one in a scope, and the other after a scope that is undone.
async fn touch_in_scopes(db: &mut Db, one: i64, other: i64) -> Result<(), Error> {
    db.savepoint(async |db| touch(db, &[one]).await).await?;
    let undone = db.savepoint(async |db| match touch(db, &[other]).await {
        Ok(()) => Err(sqlx::Error::RowNotFound),
        Err(error) => Err(error.into()),
    });
    match undone.await {
        Ok(()) | Err(sqlx::Error::RowNotFound) => touch(db, &[other]).await,
        Err(error) => Err(error.into()),
    }
}

/// How the units on one node are begun.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    plain: Options<Db>,
    lock_timeout: Options<Db>,
}

impl Ways {
    pub(crate) fn on(pool: &sqlx::MySqlPool, verification: Option<Verification<MySql>>) -> Self {
        let retry = Retry::attempts(5).backoff(Duration::from_millis(5), Duration::from_millis(80));
        let mut plain = Db::options(pool).retry(retry.on_conflicts(true));
        if let Some(verification) = verification {
            plain = plain.verify(verification);
        }
        Self { lock_timeout: plain.clone().lock_timeout(Duration::from_secs(3)), plain }
    }

    /// Runs the job in a unit: every other by hand, so that each answer is seen, else by `run`, which tries again.
    pub(crate) async fn run(&self, job: Job, retried: &AtomicU64) -> Answer {
        let options = if job.kind == Kind::LockTimeout { &self.lock_timeout } else { &self.plain };
        if job.id % 2 == 0 {
            return by_hand(options, job).await;
        }
        let attempts = AtomicU64::new(0);
        let outcome = options.run(async |db| {
            attempts.fetch_add(1, Relaxed);
            job.work(db).await
        });
        let answer = Answer::of_run(job, outcome.await);
        retried.fetch_add(attempts.into_inner().saturating_sub(1), Relaxed);
        answer
    }
}

async fn by_hand(options: &Options<Db>, job: Job) -> Answer {
    let mut db = options.build().expect("MariaDB has these options");
    let worked = job.work(&mut db).await;
    match worked {
        Err(error) if db.session().state() == SessionState::Idle => Answer::not_begun(&error),
        // What became of it the unit says at its end, whatever the statement's error is.
        Err(_) | Ok(()) => match db.commit().await {
            Ok(()) if worked.is_err() => Answer::Other(format!("Ok, {:?}: after {worked:?}", job.kind)),
            Err(error) if error.is_conflict() => match db.rollback().await {
                Ok(()) => Answer::of_commit(job, Err(error)),
                Err(error) => Answer::of_commit(job, Err(error)),
            },
            outcome => Answer::of_commit(job, outcome),
        },
    }
}
