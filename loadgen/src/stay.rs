//! The group of steps that a journey is in: from the due moment of its first step there to the end of its last.

use std::time::Instant;

use crate::recorder::Left;
use crate::world::World;

/// A journey's way through groups. Dropped within one, it was cut short.
pub(crate) struct Stay<'a> {
    world: &'a World,
    within: Option<Within>,
}

struct Within {
    group: usize,
    /// When its first step was due.
    due: Instant,
    /// When its last step so far ended.
    done: Instant,
}

impl<'a> Stay<'a> {
    pub(crate) const fn new(world: &'a World) -> Self {
        Self { world, within: None }
    }

    /// The next step is of this group, or of none, and is due then.
    pub(crate) fn enter(&mut self, group: Option<usize>, due: Instant) {
        if self.within.as_ref().map(|within| within.group) == group {
            return;
        }
        self.leave(Left::Done);
        self.within = group.map(|group| Within { group, due, done: due });
    }

    /// The step ended.
    pub(crate) fn ended(&mut self, done: Instant, ok: bool) {
        if let Some(within) = &mut self.within {
            within.done = done;
        }
        if !ok {
            self.leave(Left::Failed);
        }
    }

    /// The journey goes on without the group, or is over.
    pub(crate) fn leave(&mut self, left: Left) {
        if let Some(Within { group, due, done }) = self.within.take() {
            self.world.recorder.left(group, left, due, done);
        }
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        self.leave(Left::Unfinished);
    }
}
