//! A pooled connection that goes back to the pool only when it is known to be clean.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx_core::Error;
use sqlx_core::pool::{Pool, PoolConnection};
use tokio::runtime::Handle;

use crate::backend::Backend;
use crate::boxed::boxed;
use crate::clock;
use crate::error::Error as UnitError;
use crate::interrupt::Process;
use crate::marker::MarkerRow;

/// How long a server may take for an answer that needs no work: a ping, or that it ends a process. A server that is alive
/// answers within milliseconds, a cluster that has just lost a node included; one that does not answer by now is not waited for,
/// so that the connection's place in the pool is free again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// A connection out of the pool, presumed dirty: dropped, it is *closed*, and the server rolls back what was open on it.
///
/// Only [`release`](Self::release), called after a completed COMMIT or ROLLBACK, hands it back. That one rule covers an
/// abandoned BEGIN, a half-read result, a MySQL connection that has lost step and a transaction nobody knows about.
///
/// It is boxed, for it changes hands at each statement, and a driver's connection is hundreds of bytes.
pub(crate) struct Held<DB: Backend>(Box<Inner<DB>>);

pub(crate) struct Inner<DB: Backend> {
    /// `None` only once it was released or closed, which both consume the guard.
    connection: Option<PoolConnection<DB>>,
    /// Where it came from, if there is a server that may have to be told something.
    pool: Option<Pool<DB>>,
    /// Where it was acquired: a unit may be dropped on a thread that has no runtime, where sqlx's own drop panics.
    runtime: Option<Handle>,
    /// Whether the pool has `min_connections`, which the drop of each of its connections sees to.
    is_maintained: bool,
    pub(crate) transaction: OpenTransaction,
}

/// What has to be known of the transaction that is open on a connection, to end it.
#[derive(Debug, Default)]
pub(crate) struct OpenTransaction {
    /// Sent behind COMMIT or ROLLBACK, beside what the plan says.
    pub(crate) restore: String,
    /// The row the unit leaves, if it leaves one.
    pub(crate) marker: Option<MarkerRow>,
    /// The server's process that runs it.
    pub(crate) process: Option<Process>,
}

impl<DB: Backend> Held<DB> {
    pub(crate) async fn acquire(pool: &Pool<DB>) -> Result<Self, Error> {
        let connection = Some(pool.acquire().await.map_err(|error| why_not(pool, error))?);
        let runtime = Handle::try_current().ok();
        let is_maintained = pool.options().get_min_connections() > 0;
        let transaction = OpenTransaction::default();
        Ok(Self(Box::new(Inner {
            connection,
            pool: DB::HAS_SERVER.then(|| pool.clone()),
            runtime,
            is_maintained,
            transaction,
        })))
    }

    pub(crate) fn get(&mut self) -> Result<&mut DB::Connection, Error> {
        match &mut self.0.connection {
            Some(connection) => Ok(connection),
            None => Err(Error::PoolClosed),
        }
    }

    pub(crate) fn peek(&self) -> Option<&DB::Connection> {
        self.0.connection.as_deref()
    }

    /// The pool it came from, if there is a server that may have to be told something.
    pub(crate) fn pool(&self) -> Option<&Pool<DB>> {
        self.0.pool.as_ref()
    }

    /// Back to the pool: no transaction is open on it, and no answer of the server is outstanding.
    ///
    /// The pool pings it first, without a limit: a peer that has fallen silent would keep the place in the pool for ever.
    pub(crate) fn release(mut self) {
        let Some(mut connection) = self.0.connection.take() else { return };
        // What the pool's own drop does. But that hands tokio a future of thousands of bytes, which are copied from place to
        // place; this hands it a box.
        let returning = connection.return_to_pool();
        if DB::HAS_SERVER {
            spawn(
                &self.0.runtime,
                boxed!(async move { clock::timeout(PATIENCE, returning).await.unwrap_or(()) }),
            );
        } else {
            spawn(&self.0.runtime, boxed!(returning));
        }
        if self.0.is_maintained {
            let _runtime = self.0.runtime.as_ref().map(Handle::enter);
            drop(connection);
        }
    }

    /// Where it was acquired, for work that goes on behind its back.
    pub(crate) fn runtime(&self) -> Option<Handle> {
        self.0.runtime.clone()
    }
}

/// Runs work to its end in this runtime.
pub(crate) fn spawn(runtime: &Option<Handle>, work: impl Future<Output = ()> + Send + 'static) {
    match runtime {
        Some(runtime) => drop(runtime.spawn(work)),
        // Not tokio's: sqlx reaches it from everywhere.
        None => drop(sqlx_core::rt::spawn(work)),
    }
}

/// Says what sqlx leaves open: whether a pool that timed out had no connection to lend, or could open none.
///
/// One with all of its connections keeps sqlx's error as it is, for that is what it means and what is matched on.
fn why_not<DB: Backend>(pool: &Pool<DB>, error: Error) -> Error {
    let (connections, options) = (pool.size(), pool.options());
    let max_connections = options.get_max_connections();
    if !matches!(error, Error::PoolTimedOut) || connections >= max_connections {
        return error;
    }
    let acquire_timeout = options.get_acquire_timeout();
    UnitError::CannotConnect { connections, max_connections, acquire_timeout, source: error }.into()
}

impl<DB: Backend> Deref for Held<DB> {
    type Target = Inner<DB>;

    fn deref(&self) -> &Inner<DB> {
        &self.0
    }
}

impl<DB: Backend> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut Inner<DB> {
        &mut self.0
    }
}

impl<DB: Backend> Drop for Inner<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Detached, its socket is closed here and now: no task, so it works in a runtime that is shutting down too.
            // The runtime is entered for the pool's `min_connections`, which may want to spawn.
            let _runtime = self.runtime.as_ref().map(Handle::enter);
            drop(connection.detach());
        }
    }
}
