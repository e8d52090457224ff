//! The allocator of the benches: the system's, which counts while it is asked to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

static COUNTING: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
/// Bytes allocated less bytes freed since counting began; below 0 where older ones were freed.
static BYTES: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, all threads counted together. (What is not Rust has its own.)
#[derive(Debug, Clone, Copy)]
pub struct Counting;

/// What was allocated between [`start`] and [`stop`].
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Calls that allocate, or allocate anew.
    pub allocations: u64,
    /// The most bytes at a time beyond those that were there at the start.
    pub peak: i64,
    /// The bytes beyond those that are still there.
    pub left: i64,
}

/// Begins to count, from nothing.
pub fn start() {
    CALLS.store(0, Relaxed);
    BYTES.store(0, Relaxed);
    PEAK.store(0, Relaxed);
    COUNTING.store(true, Relaxed);
}

/// Ends the count.
pub fn stop() -> Counts {
    COUNTING.store(false, Relaxed);
    Counts { allocations: CALLS.load(Relaxed), peak: PEAK.load(Relaxed), left: BYTES.load(Relaxed) }
}

fn count(calls: u64, bytes: i64) {
    if COUNTING.load(Relaxed) {
        CALLS.fetch_add(calls, Relaxed);
        let now = BYTES.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(now, Relaxed);
    }
}

// SAFETY: every method hands its arguments on to the system's allocator, which keeps the contract, and returns its answer.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller's contract is that of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // What is large is moved without being there twice: the system gives its pages another address.
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
