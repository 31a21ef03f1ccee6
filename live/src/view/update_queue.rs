//! The queue between the threads that announce something and the drawing thread. Bounded: when it is full the oldest
//! update is dropped, so that no producer ever waits for the view.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::state::Update;

/// More than a run announces between two frames.
const CAPACITY: usize = 1_024;

/// Updates that are not drawn yet.
#[derive(Debug, Default)]
pub(crate) struct UpdateQueue(Mutex<VecDeque<Update>>);

impl UpdateQueue {
    /// Appends an update and drops the oldest one when there is no room.
    pub(crate) fn push(&self, update: Update) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == CAPACITY {
            waiting.pop_front();
        }
        waiting.push_back(update);
    }

    /// Removes and returns everything, oldest first.
    pub(crate) fn drain(&self) -> VecDeque<Update> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay() {
        let queue = UpdateQueue::default();
        for n in 0..CAPACITY + 7 {
            queue.push(Update::Heading(n.to_string()));
        }
        let drained = queue.drain();
        assert_eq!(drained.len(), CAPACITY);
        assert!(matches!(drained.front(), Some(Update::Heading(text)) if text == "7"));
        assert!(queue.drain().is_empty());
    }
}
