//! Dropping a future before it is done.

#![allow(dead_code, reason = "each test that shares this uses a part of it")]

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// When a future is dropped before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Never,
    /// When it has answered "pending" so many times. With 0 it is dropped without having been polled at all.
    AfterPolls(u32),
    /// By tokio's `timeout`.
    Timeout(Duration),
}

/// What became of a future that was to be cut off.
#[derive(Debug)]
pub(crate) enum Ran<T> {
    /// It was faster.
    Done(T),
    /// It was dropped while something was in flight.
    Cut,
    /// It was dropped unpolled.
    Unstarted,
}

impl Cut {
    pub(crate) async fn apply<F: Future>(self, future: F) -> Ran<F::Output> {
        match self {
            Self::Never => Ran::Done(future.await),
            Self::AfterPolls(0) => Ran::Unstarted,
            Self::AfterPolls(polls) => {
                let mut future = pin!(future);
                let mut left = polls;
                poll_fn(|context| match future.as_mut().poll(context) {
                    Poll::Ready(value) => Poll::Ready(Ran::Done(value)),
                    Poll::Pending => {
                        left -= 1;
                        if left == 0 { Poll::Ready(Ran::Cut) } else { Poll::Pending }
                    }
                })
                .await
            }
            Self::Timeout(limit) => match tokio::time::timeout(limit, future).await {
                Ok(value) => Ran::Done(value),
                Err(_) => Ran::Cut,
            },
        }
    }
}
