//! A handle by which one thread (a signal handler, say) tells another to stop waiting for a program.
//!
//! It only carries the wish; [`crate::Program::run`] looks at it while it waits and ends the program promptly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A shared, one-way switch: once cancelled, it stays cancelled. Clones share the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A switch that is not yet thrown.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches a flag that somebody else owns (and sets).
    pub fn from_flag(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }

    /// Asks everything that watches this switch to stop. Only an atomic store, so a signal handler may call it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether [`Cancel::cancel`] was called on this switch or a clone of it.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
