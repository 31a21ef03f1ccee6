//! Seconds of load that are not sent yet. Bounded: pushing never waits for the collector.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use kneepoint_model::live::LiveSecond;

/// An entry holds the histograms of all endpoints, a few megabytes.
const CAPACITY: usize = 4;

/// A second of load, and the name of its run.
pub(super) type RunSecond = (LiveSecond, Arc<str>);

/// The queue between the load generator and the sending thread.
#[derive(Default)]
pub(super) struct SendQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    seconds: VecDeque<RunSecond>,
    closed: bool,
}

impl SendQueue {
    /// Appends a second. A full queue drops the oldest one first, and the last second of a phase only when there is nothing
    /// else. False when one was dropped.
    pub(super) fn push(&self, second: RunSecond) -> bool {
        let mut waiting = self.lock();
        let mut has_room = true;
        if waiting.seconds.len() >= CAPACITY {
            has_room = false;
            let oldest = waiting.seconds.iter().position(|(second, _)| !second.is_last()).unwrap_or(0);
            waiting.seconds.remove(oldest);
        }
        waiting.seconds.push_back(second);
        self.changed.notify_one();
        has_room
    }

    /// Waits for the next second; `None` when the queue is closed and empty.
    pub(super) fn wait_next(&self) -> Option<RunSecond> {
        let mut waiting = self.lock();
        loop {
            if let Some(second) = waiting.seconds.pop_front() {
                return Some(second);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets [`SendQueue::wait_next`] return `None` once the queue is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::test_seconds::second;

    #[test]
    fn seconds_are_dropped_and_the_last_of_a_phase_is_not() {
        let queue = SendQueue::default();
        let mut last = second(0);
        last.interval = Duration::ZERO;
        let run: Arc<str> = "r1".into();
        assert!(queue.push((last, Arc::clone(&run))));
        let kept: Vec<bool> = (1..=5).map(|n| queue.push((second(n), Arc::clone(&run)))).collect();
        assert_eq!(kept, [true, true, true, false, false]);
        queue.close();
        let left = std::iter::from_fn(|| queue.wait_next()).map(|(second, _)| second.elapsed.as_secs() - 1);
        let left: Vec<u64> = left.collect();
        assert_eq!(left, [0, 3, 4, 5]);
    }
}
