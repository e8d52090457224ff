//! A statement's rows, streamed.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;
use futures_core::stream::Stream;
use sqlx_core::Error;

use super::state::Shared;
use crate::backend::{Backend, Step};

/// The steps of a statement, produced by a future that owns the connection's lease.
///
/// The future leaves each step in the session's slot and waits until the stream has taken it. (A stream that held both
/// the lease and the rows that borrow from it would have to borrow from itself.)
pub(super) struct Steps<'s, DB: Backend> {
    shared: &'s Shared<DB>,
    producer: Option<BoxFuture<'s, Result<(), Error>>>,
}

impl<'s, DB: Backend> Steps<'s, DB> {
    pub(super) fn new(shared: &'s Shared<DB>, producer: BoxFuture<'s, Result<(), Error>>) -> Self {
        Self { shared, producer: Some(producer) }
    }
}

impl<DB: Backend> Stream for Steps<'_, DB> {
    type Item = Result<Step<DB>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(producer) = &mut self.producer else { return Poll::Ready(None) };
        match producer.as_mut().poll(context) {
            Poll::Pending => match self.shared.take_step() {
                Some(step) => Poll::Ready(Some(Ok(step))),
                None => Poll::Pending,
            },
            Poll::Ready(outcome) => {
                self.producer = None;
                // A deadline may strike in the very poll that left a row; it is not for the next stream.
                drop(self.shared.take_step());
                Poll::Ready(outcome.err().map(Err))
            }
        }
    }
}

impl<DB: Backend> Shared<DB> {
    /// Hands a step to the stream, and waits until it has been taken.
    pub(super) async fn emit(&self, step: Step<DB>) {
        let mut step = Some(step);
        poll_fn(|_| match step.take() {
            // The stream takes it in the very poll that sees this `Pending`, so nobody needs to be woken.
            Some(step) => {
                *self.step.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
                Poll::Pending
            }
            None => Poll::Ready(()),
        })
        .await;
    }

    fn take_step(&self) -> Option<Step<DB>> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
