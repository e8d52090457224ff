//! When `run` tries again, and how long it waits before.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

/// How often [`run`](crate::Options::run) may run its closure, and how long it waits in between.
///
/// Only a unit of which nothing is stored is run again, and only when what the *session* saw passes by itself: a
/// serialization failure, a deadlock, a lock that was not free in time, a connection lost before COMMIT was sent (and with
/// nothing before that which may have been one, see [`Cause::Unseen`](crate::Cause::Unseen)), one that was of no use any more
/// (a stale plan, a prepared statement that is not there, a server that takes no writes, a node that left its cluster). An exhausted pool is no reason: a
/// unit inside of a unit would only wait for its own connection again. The closure's own errors are never read. The pauses grow exponentially, with full jitter: each is a random part of the step.
///
/// ```
/// use std::time::Duration;
/// use unit_of_work::Retry;
///
/// let retry = Retry::attempts(5).backoff(Duration::from_millis(5), Duration::from_millis(500)).deadline(Duration::from_secs(3));
/// # let _ = retry;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    attempts: u32,
    first: Duration,
    most: Duration,
    deadline: Option<Duration>,
    conflicts: bool,
}

impl Retry {
    /// Once: no retry. What `run` does by default.
    pub const NEVER: Self = Self::attempts(1);

    /// At most this many attempts, the first one included.
    #[must_use]
    pub const fn attempts(attempts: u32) -> Self {
        Self {
            attempts,
            first: Duration::from_millis(10),
            most: Duration::from_secs(1),
            deadline: None,
            conflicts: false,
        }
    }

    /// The longest pause before the second attempt (10 ms), which doubles with each one, and its limit (1 s).
    #[must_use]
    pub const fn backoff(self, first: Duration, most: Duration) -> Self {
        Self { first, most, ..self }
    }

    /// No further attempt is begun after this time, counted from the begin of the first.
    #[must_use]
    pub const fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Whether a unit whose flush found rows that others had changed since it read them ([`Error::Conflict`]) is run again.
    /// Off by default: to run again is to keep what the others wrote, without a word to the user.
    ///
    /// [`Error::Conflict`]: crate::Error::Conflict
    #[must_use]
    pub const fn on_conflicts(self, retry: bool) -> Self {
        Self { conflicts: retry, ..self }
    }

    /// Whether an optimistic version that did not match is worth another attempt.
    pub(crate) fn retries_conflicts(&self) -> bool {
        self.conflicts
    }

    /// How long to wait after this many attempts, the first of which began then; `None` if that was the last.
    pub(crate) fn pause(&self, attempts: u32, began: Instant) -> Option<Duration> {
        if attempts >= self.attempts {
            return None;
        }
        let doublings = attempts.saturating_sub(1).min(20);
        let step = self.first.saturating_mul(1 << doublings).min(self.most);
        let pause = step.mul_f64(random_part());
        let over = self.deadline.is_some_and(|deadline| began.elapsed() + pause >= deadline);
        (!over).then_some(pause)
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::NEVER
    }
}

/// A random number from 0 to 1. (The standard library seeds its hashers at random, which is all the chance jitter needs.)
fn random_part() -> f64 {
    let random = RandomState::new().build_hasher().finish() >> 11;
    // 53 bits: what an `f64` holds exactly.
    random as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_full_jitter_up_to_their_limit() {
        let retry = Retry::attempts(10).backoff(Duration::from_millis(10), Duration::from_millis(50));
        let longest =
            |attempts| (0..2_000).filter_map(|_| retry.pause(attempts, Instant::now())).max().unwrap();
        for (attempts, step) in [(1, 10), (2, 20), (3, 40), (4, 50), (9, 50)] {
            let (longest, step) = (longest(attempts), Duration::from_millis(step));
            assert!(longest <= step && longest > step / 2, "{longest:?} after {attempts}");
        }
        let shortest = (0..2_000).filter_map(|_| retry.pause(4, Instant::now())).min().unwrap();
        assert!(
            shortest < Duration::from_millis(5),
            "full jitter reaches down to nothing, not only to {shortest:?}"
        );
    }

    #[test]
    fn attempts_and_deadline_end_it() {
        assert_eq!(Retry::NEVER.pause(1, Instant::now()), None);
        assert!(Retry::attempts(3).pause(2, Instant::now()).is_some());
        assert_eq!(Retry::attempts(3).pause(3, Instant::now()), None);
        assert_eq!(Retry::attempts(3).deadline(Duration::ZERO).pause(1, Instant::now()), None);
        assert!(Retry::attempts(u32::MAX).pause(u32::MAX - 1, Instant::now()).is_some());
    }
}
