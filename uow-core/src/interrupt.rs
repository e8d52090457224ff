//! What a server is told of a transaction that was given up.
//!
//! A future that is dropped leaves the server at work: its process waits for a lock or runs a long statement, keeps the locks
//! of its transaction, and has a place among the server's connections that no pool counts any more. Ten requests that time out
//! four times a second fill a server of a hundred connections in three seconds. So the process is ended, by way of another
//! connection, and the place in the pool is free only then.
//!
//! There is at most one such other connection to a server at a time, however many transactions are given up at once.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx_core::Error as SqlxError;
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::pool::Pool;
use tokio::sync::oneshot;

use crate::backend::{Activity, Backend};
use crate::clock;
use crate::connection::{Held, PATIENCE, spawn};

/// How long the place in the pool is kept for a COMMIT that the server says it is still at work on: it may wait for a standby.
const COMMIT_PATIENCE: Duration = Duration::from_secs(60);

/// The process of a server that serves a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    /// Its number, which it has for as long as the connection is there.
    pub(crate) number: u64,
    /// A moment at which it was there already. One that is younger has the number of a process that ended.
    pub(crate) since: Instant,
}

/// A server is being told.
#[derive(Debug)]
pub(crate) struct Interruption(oneshot::Receiver<bool>);

impl Interruption {
    /// Waits until the server has ended the transaction, its locks included. `false` if it could not be reached in time.
    pub(crate) async fn wait(self) -> bool {
        self.0.await.unwrap_or(false)
    }
}

/// The statement on this connection was given up: ends its process, and closes the connection.
///
/// `None` where there is no server: the connection is closed here and now.
pub(crate) fn give_up<DB: Backend>(mut held: Held<DB>) -> Option<Interruption> {
    let line = Line::to(held.pool()?)?;
    let runtime = held.runtime();
    let (tell, told) = oneshot::channel();
    spawn(&runtime, async move {
        let done = match (held.transaction.process, held.get()) {
            (Some(process), _) => line.in_time(line.end(process)).await.is_some(),
            // Sent without a transaction, so nobody has asked who serves it. The place in the pool is kept for a while.
            (None, Ok(connection)) => line.in_time(connection.ping()).await.is_some(),
            (None, Err(_)) => false,
        };
        drop(held);
        tell.send(done).ok();
    });
    Some(Interruption(told))
}

/// COMMIT on this connection was not answered, so the connection is closed. If COMMIT never reached the server its transaction
/// is ended; if the server is still at work on it, the place in the pool is kept meanwhile.
pub(crate) fn settle<DB: Backend>(held: Held<DB>) -> Option<Interruption> {
    let line = Line::to(held.pool()?)?;
    let process = held.transaction.process?;
    let runtime = held.runtime();
    let (tell, told) = oneshot::channel();
    spawn(&runtime, async move {
        let done = clock::timeout(COMMIT_PATIENCE, line.end_when_it_waits(process)).await;
        drop(held);
        tell.send(done == Some(true)).ok();
    });
    Some(Interruption(told))
}

/// The lines to the servers whose processes are being ended. One for each engine.
pub struct Interruptions<DB: Backend> {
    /// Each with the number of its users.
    lines: Mutex<Vec<(Arc<Inner<DB>>, usize)>>,
}

/// What those who use one line share.
struct Inner<DB: Backend> {
    /// Where to connect. Pools of their own have lines of their own.
    options: Arc<<DB::Connection as Connection>::Options>,
    /// The connection, while there is somebody to use it. Who holds the lock has his turn.
    connection: tokio::sync::Mutex<Option<DB::Connection>>,
}

/// One user of a line. The last one hangs up.
struct Line<DB: Backend> {
    inner: Arc<Inner<DB>>,
    all: &'static Interruptions<DB>,
}

impl<DB: Backend> fmt::Debug for Interruptions<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interruptions").field("lines", &self.lock().len()).finish()
    }
}

impl<DB: Backend> Interruptions<DB> {
    /// None yet.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) const fn new() -> Self {
        Self { lines: Mutex::new(Vec::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Arc<Inner<DB>>, usize)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<DB: Backend> Line<DB> {
    fn to(pool: &Pool<DB>) -> Option<Self> {
        let all = DB::interruptions()?;
        let options = pool.connect_options();
        let mut lines = all.lock();
        let known = lines.iter_mut().find(|(line, _)| Arc::ptr_eq(&line.options, &options));
        let inner = match known {
            Some((line, users)) => {
                *users += 1;
                Arc::clone(line)
            }
            None => {
                let line = Arc::new(Inner { options, connection: tokio::sync::Mutex::new(None) });
                lines.push((Arc::clone(&line), 1));
                line
            }
        };
        drop(lines);
        Some(Self { inner, all })
    }

    /// What comes of it, if that is something good, and in time.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, SqlxError>>) -> Option<T> {
        match clock::timeout(PATIENCE, work).await {
            Some(Ok(done)) => Some(done),
            Some(Err(error)) => {
                tracing::debug!(%error, "a server could not be told of a transaction that was given up");
                None
            }
            None => None,
        }
    }

    /// Ends a process, and waits until it is gone.
    async fn end(&self, process: Process) -> Result<(), SqlxError> {
        let mut turn = self.inner.connection.lock().await;
        let Some(mut connection) = self.take(&mut turn).await? else { return Ok(()) };
        let mut pauses = Pauses::default();
        let mut told = false;
        while activity::<DB>(&mut connection, process).await? != Activity::Gone {
            if told {
                pauses.pause().await;
            } else {
                DB::end_process(&mut connection, process.number).await?;
                told = true;
            }
        }
        *turn = Some(connection);
        Ok(())
    }

    /// Ends a process as soon as it waits for a statement. `false` if the server falls silent.
    async fn end_when_it_waits(&self, process: Process) -> bool {
        let mut pauses = Pauses::default();
        loop {
            match self.in_time(self.end_if_it_waits(process)).await {
                Some(false) => pauses.pause().await,
                ended => return ended.is_some(),
            }
        }
    }

    async fn end_if_it_waits(&self, process: Process) -> Result<bool, SqlxError> {
        let mut turn = self.inner.connection.lock().await;
        let Some(mut connection) = self.take(&mut turn).await? else { return Ok(true) };
        let activity = activity::<DB>(&mut connection, process).await?;
        if activity == Activity::Waits {
            DB::end_process(&mut connection, process.number).await?;
        }
        *turn = Some(connection);
        Ok(activity != Activity::Works)
    }

    /// The connection of the line, which is put back only when its answer was read. `None` if there is no server any more, nor a
    /// process of it.
    async fn take(&self, turn: &mut Option<DB::Connection>) -> Result<Option<DB::Connection>, SqlxError> {
        if let Some(connection) = turn.take() {
            return Ok(Some(connection));
        }
        let mut pauses = Pauses::default();
        loop {
            match self.inner.options.connect().await {
                // It has no place for one more connection, and gets one when somebody else is done.
                Err(SqlxError::Database(_)) => pauses.pause().await,
                Err(SqlxError::Io(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    return Ok(None);
                }
                connected => return connected.map(Some),
            }
        }
    }
}

impl<DB: Backend> Drop for Line<DB> {
    fn drop(&mut self) {
        let mut lines = self.all.lock();
        lines.retain_mut(|(line, users)| {
            *users -= usize::from(Arc::ptr_eq(line, &self.inner));
            *users > 0
        });
    }
}

async fn activity<DB: Backend>(
    connection: &mut DB::Connection,
    process: Process,
) -> Result<Activity, SqlxError> {
    DB::activity(connection, process.number, process.since.elapsed()).await
}

/// Pauses that double up to a limit.
#[derive(Default)]
struct Pauses(u32);

impl Pauses {
    async fn pause(&mut self) {
        clock::sleep(Duration::from_millis(1 << self.0)).await;
        self.0 = (self.0 + 1).min(6);
    }
}
