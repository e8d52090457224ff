//! The way to the raw connection, for what no executor does.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::backend::Backend;
use crate::session::Lease;

/// The unit's own connection, lent by [`Session::connection`](crate::Session::connection) for what no executor does: COPY,
/// notifications, a driver's own methods.
///
/// What is done through it is not seen: a failure does not poison the unit, its commit asks the server for the truth, in the
/// same message, and if the connection is lost before that the outcome is unknown. Use [`Session`](crate::Session) for statements. Do not end the
/// transaction, and read every answer to its end: what a dropped future leaves half-read stays on the connection.
pub struct RawConnection<'s, DB: Backend> {
    lease: Lease<'s, DB>,
}

impl<'s, DB: Backend> RawConnection<'s, DB> {
    pub(crate) fn new(lease: Lease<'s, DB>) -> Self {
        Self { lease }
    }
}

/// What the two `Deref`s cannot say in their types. sqlx's own `PoolConnection` expects the same.
const HELD: &str = "a lease holds its connection until it ends";

impl<DB: Backend> Deref for RawConnection<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        self.lease.peek().unwrap_or_else(|| unreachable!("{HELD}"))
    }
}

impl<DB: Backend> DerefMut for RawConnection<'_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        self.lease.connection().unwrap_or_else(|_| unreachable!("{HELD}"))
    }
}

impl<DB: Backend> Drop for RawConnection<'_, DB> {
    fn drop(&mut self) {
        self.lease.give_back();
    }
}

impl<DB: Backend> fmt::Debug for RawConnection<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawConnection")
    }
}
