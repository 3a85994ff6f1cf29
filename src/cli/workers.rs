//! Threads for reading, comparing and drawing.

use rayon::ThreadPoolBuilder;

/// As many as there are CPUs; this thread alone where the system gives no more (`ulimit -u`). Called before the first use.
pub(super) fn workers() {
    // A pool that failed to start cannot be replaced, so it is tried with another.
    if ThreadPoolBuilder::new().build().is_err() {
        // Only fails if there is a pool already, which is as good.
        _ = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    }
}
