//! Futures that are made in the box they stay in.

/// `Box::pin`, without a copy. That one makes the future first, on the stack, and then copies all of its bytes, be they in use
/// yet or not, for should the allocation fail the future is still to be dropped. This one allocates first. (A macro, for the
/// argument of a function is made before it.)
macro_rules! boxed {
    ($future:expr) => {{
        let boxed = Box::write(Box::new_uninit(), $future);
        Box::into_pin(boxed)
    }};
}
pub(crate) use boxed;
