//! Times the group of steps that a journey is in: from the due time of its first step to the end of its last.

use std::time::Instant;

use crate::phase::context::PhaseContext;
use crate::recorder::GroupEnd;

/// Tracks the current group of a journey. When it is dropped inside a group, the group was cut short.
pub(crate) struct GroupTimer<'a> {
    context: &'a PhaseContext,
    current: Option<CurrentGroup>,
}

struct CurrentGroup {
    group: usize,
    /// Due time of its first step.
    due: Instant,
    /// End of its latest step.
    done: Instant,
}

impl<'a> GroupTimer<'a> {
    pub(crate) const fn new(context: &'a PhaseContext) -> Self {
        Self { context, current: None }
    }

    /// The next step is due at `due`, and belongs to this group or to none.
    pub(crate) fn enter(&mut self, group: Option<usize>, due: Instant) {
        if self.current.as_ref().map(|current| current.group) == group {
            return;
        }
        self.leave(GroupEnd::Completed);
        self.current = group.map(|group| CurrentGroup { group, due, done: due });
    }

    /// A step of the group ended.
    pub(crate) fn step_ended(&mut self, done: Instant, ok: bool) {
        if let Some(current) = &mut self.current {
            current.done = done;
        }
        if !ok {
            self.leave(GroupEnd::Failed);
        }
    }

    /// The journey continues outside the group, or ended.
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
