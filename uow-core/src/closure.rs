//! The bounds that let an async closure be run inside `tokio::spawn` and a web handler.
//!
//! `AsyncFnMut(&mut U)` alone leaves its future's `Send` unnamed, and rustc then answers "`Send` is not general enough".
//! These twins name the future, so that a bound can say `Fut: Send`. They are implemented for every closure that fits.

/// An async closure that can be called again and again: it carries no state from one call to the next.
///
/// A closure that mutates what it captured does not implement it, which is what keeps one attempt of
/// [`run`](crate::Options::run) from leaking into the next.
pub trait AsyncFuncMut<T, R>: AsyncFnMut(T) -> R + FnMut(T) -> <Self as AsyncFuncMut<T, R>>::Fut {
    /// The future of one call.
    type Fut: Future<Output = R>;
}

impl<T, R, F, Fut> AsyncFuncMut<T, R> for F
where
    F: AsyncFnMut(T) -> R + FnMut(T) -> Fut,
    Fut: Future<Output = R>,
{
    type Fut = Fut;
}

/// An async closure that is called once and may use up what it captured.
pub trait AsyncFuncOnce<T, R>: AsyncFnOnce(T) -> R + FnOnce(T) -> <Self as AsyncFuncOnce<T, R>>::Fut {
    /// The future of the call.
    type Fut: Future<Output = R>;
}

impl<T, R, F, Fut> AsyncFuncOnce<T, R> for F
where
    F: AsyncFnOnce(T) -> R + FnOnce(T) -> Fut,
    Fut: Future<Output = R>,
{
    type Fut = Fut;
}
