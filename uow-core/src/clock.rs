//! Waiting, and not for ever: by tokio's timer in its runtime, by a thread in any other. (Which of them there is is the user's
//! choice, through sqlx, and what has no timer must not be without a limit for that.)

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;

/// Waits.
pub(crate) async fn sleep(duration: Duration) {
    let mut timer = Timer::new(duration);
    poll_fn(|context| timer.poll(context)).await;
}

/// What comes of the future, if it is done within this time.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    // What is done at once needs no timer.
    let mut timer = None;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => timer.get_or_insert_with(|| Timer::new(limit)).poll(context).map(|()| None),
    })
    .await
}

enum Timer {
    Tokio(Pin<Box<tokio::time::Sleep>>),
    Thread(Alarm),
}

impl Timer {
    fn new(duration: Duration) -> Self {
        match Handle::try_current() {
            Ok(_) => Self::Tokio(Box::pin(tokio::time::sleep(duration))),
            Err(_) => Self::Thread(Alarm::set(duration)),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tokio(sleep) => sleep.as_mut().poll(context),
            Self::Thread(alarm) => alarm.poll(context),
        }
    }
}

/// A thread that sleeps; dropped, the alarm wakes it up to end at once.
struct Alarm(Arc<Bell>);

#[derive(Default)]
struct Bell {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rang: bool,
    /// The alarm is dropped, and nobody waits any more.
    unset: bool,
    waker: Option<Waker>,
}

impl Alarm {
    fn set(duration: Duration) -> Self {
        let bell = Arc::<Bell>::default();
        let rings = Arc::clone(&bell);
        let sleep = move || {
            let state = rings.lock();
            drop(rings.changed.wait_timeout_while(state, duration, |state| !state.unset));
            rings.ring();
        };
        if thread::Builder::new().name("unit-of-work timer".to_owned()).spawn(sleep).is_err() {
            // Too early is better than never.
            bell.ring();
        }
        Self(bell)
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        // (Neither made nor dropped while the bell is locked, for a waker is somebody else's code.)
        let waker = context.waker().clone();
        let mut state = self.0.lock();
        if state.rang {
            return Poll::Ready(());
        }
        let former = state.waker.replace(waker);
        drop(state);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.unset = true;
        let waker = state.waker.take();
        drop(state);
        self.0.changed.notify_one();
        drop(waker);
    }
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let mut state = self.lock();
        state.rang = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::task::Wake;
    use std::time::Instant;

    use super::*;

    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// Runs a future on this thread, with nothing else there.
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    #[test]
    fn there_is_a_timer_in_every_runtime_and_in_none() {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let story = || async {
            let began = Instant::now();
            assert_eq!(timeout(Duration::from_secs(10), async { 1 }).await, Some(1));
            assert_eq!(timeout(Duration::from_millis(20), pending::<()>()).await, None);
            assert_eq!(timeout(Duration::MAX, sleep(Duration::from_millis(20))).await, Some(()));
            let elapsed = began.elapsed();
            assert!(elapsed >= Duration::from_millis(40) && elapsed < Duration::from_secs(5), "{elapsed:?}");
        };
        tokio.block_on(story());
        block_on(story());
    }

    #[test]
    fn an_alarm_that_nobody_waits_for_any_more_keeps_no_thread() {
        let alarm = Alarm::set(Duration::MAX);
        let bell = Arc::downgrade(&alarm.0);
        drop(alarm);
        let began = Instant::now();
        while bell.strong_count() > 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "its thread still waits");
            thread::yield_now();
        }
    }
}
