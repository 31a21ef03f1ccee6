//! Seconds that were not sent yet: bounded, and never waited for by those who put them in.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use kneepoint_model::live::LiveSecond;

/// Each holds the histograms of all endpoints, a few megabytes.
const MOST: usize = 4;

/// A second, and the run that it belongs to.
pub(super) type OfRun = (LiveSecond, Arc<str>);

/// A queue from the collector of load to the thread that sends.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    seconds: VecDeque<OfRun>,
    closed: bool,
}

impl Queue {
    /// Puts a second in; the oldest gives way when there is no room, but the last of a phase only to another last one. False when one
    /// gave way.
    pub(super) fn put(&self, second: OfRun) -> bool {
        let mut waiting = self.lock();
        let mut has_room = true;
        if waiting.seconds.len() >= MOST {
            has_room = false;
            let least = waiting.seconds.iter().position(|(second, _)| !second.is_last()).unwrap_or(0);
            waiting.seconds.remove(least);
        }
        waiting.seconds.push_back(second);
        self.changed.notify_one();
        has_room
    }

    /// Waits for the next; `None` when it is closed and empty.
    pub(super) fn next(&self) -> Option<OfRun> {
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

    /// Nothing more comes.
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
    use crate::watch::tests::second;

    #[test]
    fn seconds_give_way_and_the_last_of_a_phase_does_not() {
        let queue = Queue::default();
        let mut last = second(0);
        last.interval = Duration::ZERO;
        let run: Arc<str> = "r1".into();
        assert!(queue.put((last, Arc::clone(&run))));
        let kept: Vec<bool> = (1..=5).map(|n| queue.put((second(n), Arc::clone(&run)))).collect();
        assert_eq!(kept, [true, true, true, false, false]);
        queue.close();
        let left = std::iter::from_fn(|| queue.next()).map(|(second, _)| second.elapsed.as_secs() - 1);
        let left: Vec<u64> = left.collect();
        assert_eq!(left, [0, 3, 4, 5]);
    }
}
