//! The group of steps that a journey is in: from the due moment of its first step there to the end of its last.

use std::time::Instant;

use crate::phase::context::PhaseContext;
use crate::recorder::GroupEnd;

/// A journey's way through groups. Dropped current one, it was cut short.
pub(crate) struct GroupTimer<'a> {
    context: &'a PhaseContext,
    current: Option<CurrentGroup>,
}

struct CurrentGroup {
    group: usize,
    /// When its first step was due.
    due: Instant,
    /// When its last step so far step_ended.
    done: Instant,
}

impl<'a> GroupTimer<'a> {
    pub(crate) const fn new(context: &'a PhaseContext) -> Self {
        Self { context, current: None }
    }

    /// The next step is of this group, or of none, and is due then.
    pub(crate) fn enter(&mut self, group: Option<usize>, due: Instant) {
        if self.current.as_ref().map(|current| current.group) == group {
            return;
        }
        self.leave(GroupEnd::Completed);
        self.current = group.map(|group| CurrentGroup { group, due, done: due });
    }

    /// The step step_ended.
    pub(crate) fn step_ended(&mut self, done: Instant, ok: bool) {
        if let Some(current) = &mut self.current {
            current.done = done;
        }
        if !ok {
            self.leave(GroupEnd::Failed);
        }
    }

    /// The journey goes on without the group, or is over.
    pub(crate) fn leave(&mut self, end: GroupEnd) {
        if let Some(CurrentGroup { group, due, done }) = self.current.take() {
            self.context.recorder.count_group(group, end, due, done);
        }
    }
}

impl Drop for GroupTimer<'_> {
    fn drop(&mut self) {
        self.leave(GroupEnd::Unfinished);
    }
}
