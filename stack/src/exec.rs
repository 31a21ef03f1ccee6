//! Runs a tool to its end under the model's wish to stop.
//!
//! `process` knows only its own switch, so a small thread carries the wish over; it lives as long as the tool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Output, ProcessError, Program, Stream};

use crate::StackError;

/// How often the wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs `program`, handing on each line; a failure is told as a failure of `step`.
pub(crate) fn run(
    program: Program,
    step: &'static str,
    deadline: Duration,
    cancel: &Cancel,
    each: &mut dyn FnMut(Stream, &str),
) -> Result<Output, StackError> {
    let switch = kneepoint_process::Cancel::new();
    let program = program.cancel_on(&switch);
    let ended = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Acquire) {
                if cancel.is_set() {
                    switch.cancel();
                    return;
                }
                thread::park_timeout(LOOK);
            }
        });
        // Also when `each` panics, or the scope would wait for ever.
        let _guard = SetOnDrop(&ended);
        program.run_with_lines(deadline, each)
    });
    result.map_err(|error| match error {
        ProcessError::Cancelled(_) => StackError::Cancelled,
        source => StackError::Step { step, source: Box::new(source) },
    })
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_wish_to_stop_ends_the_tool() {
        let cancel = Cancel::new();
        let program = Program::new("sh").args(["-c", "echo started; sleep 30"]);
        let started = Instant::now();
        let result = run(program, "waiting", Duration::from_secs(20), &cancel, &mut |_, _| cancel.set());
        assert!(matches!(result, Err(StackError::Cancelled)));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_failure_names_the_step() {
        let program = Program::new("sh").args(["-c", "echo no such table >&2; exit 3"]);
        let error =
            run(program, "migrating", Duration::from_secs(5), &Cancel::new(), &mut |_, _| {}).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("migrating failed:") && text.contains("no such table"), "{text}");
    }
}
