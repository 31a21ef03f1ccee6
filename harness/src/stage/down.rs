//! Down: the stack is taken down, and it is checked that nothing is left.

use std::time::Duration;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::stage::Stage;
use kneepoint_stack::Stack;

use crate::failure::Failure;
use crate::run::Run;

/// How long services may take to end by themselves.
const GRACE: Duration = Duration::from_secs(8);

pub(crate) fn down(stack: Stack, run: &mut Run) -> Result<(), Failure> {
    let interrupted = run.shutdown.cancel.is_cancelled();
    let down = stack.down(GRACE, !interrupted);
    run.note(Stage::Down, down.summary);
    require_nothing_left(down.leftovers)?;
    Ok(down.health?)
}

/// What could not be stopped or removed, as a failure.
pub(crate) fn require_nothing_left(leftovers: Option<String>) -> Result<(), Failure> {
    leftovers.map_or(Ok(()), |left| {
        Err(Failure::new(ExitCode::StackFailed, format!("{left}; kneepoint down --all")))
    })
}
