//! Cancellation, shared by everything that waits. The only type for it in the workspace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A shared one-way switch: once cancelled, it stays cancelled, and so do all clones. A signal, a deadline or a failed part of
/// a run sets it; everything that waits checks it at least every 50 ms.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A switch that nothing has cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Requests that everything which checks this switch stops. Only an atomic store, so a signal handler may call it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
    /// Whether this switch or a clone of it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
    /// Sleeps, but wakes within 20 ms of a cancellation; true when it was cancelled.
    pub fn sleep(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        loop {
            let remaining = until.saturating_duration_since(Instant::now());
            if self.is_cancelled() || remaining.is_zero() {
                return self.is_cancelled();
            }
            std::thread::sleep(remaining.min(Duration::from_millis(20)));
        }
    }
}
