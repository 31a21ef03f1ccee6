//! Runs a tool to its end; it is killed on cancellation, and a failure names the step.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Output, ProcessError, Program, Stream};

use crate::error::StackError;

/// Runs `program` and passes each output line to `each`.
///
/// # Errors
/// `Cancelled`, or `Step` naming `step`.
pub(crate) fn run(
    program: Program,
    step: &'static str,
    deadline: Duration,
    cancel: &Cancel,
    each: &mut dyn FnMut(Stream, &str),
) -> Result<Output, StackError> {
    let program = program.cancel_on(cancel);
    let result = program.run_with_lines(deadline, each);
    result.map_err(|error| match error {
        ProcessError::Cancelled(_) => StackError::Cancelled,
        source => StackError::Step { step, source: Box::new(source) },
    })
}

/// Without the variables by which the user's shell may configure another Python.
pub(crate) fn without_python_env(program: Program) -> Program {
    ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE", "PYTHONWARNINGS"]
        .iter()
        .fold(program, Program::env_remove)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn cancellation_ends_the_tool() {
        let cancel = Cancel::new();
        let program = Program::new("sh").args(["-c", "echo started; sleep 30"]);
        let started = Instant::now();
        let result = run(program, "waiting", Duration::from_secs(20), &cancel, &mut |_, _| cancel.cancel());
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
