//! Down: the machine is given back, and it is checked that nothing is left.

use std::time::Duration;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::stage::Stage;
use kneepoint_stack::DownReport;

use crate::failure::Failure;
use crate::run::Run;
use crate::stage::up::Standing;

/// How long services may take to end by themselves.
const GRACE: Duration = Duration::from_secs(8);

pub(crate) fn down(stack: Standing, run: &mut Run) -> Result<(), Failure> {
    match stack {
        Standing::Attached(_) => {
            run.note(Stage::Down, "nothing to stop: the site is not kneepoint's");
            Ok(())
        }
        Standing::Compose { stack, .. } => crate::stage::compose::down(*stack, run),
        Standing::Native { stack, .. } => {
            let report = stack.down(GRACE);
            run.note(Stage::Down, format!("{} services stopped", report.stopped.len()));
            if report.leftovers.is_empty() {
                return Ok(());
            }
            Err(Failure::new(ExitCode::StackFailed, format!("{}; kneepoint down --all", leftovers(&report))))
        }
    }
}

/// What could not be stopped, in words.
pub(crate) fn leftovers(report: &DownReport) -> String {
    let each = report.leftovers.iter().map(|l| format!("{} (pid {}, of {})", l.name, l.pid, l.service));
    format!("still running: {}", each.collect::<Vec<_>>().join(", "))
}
