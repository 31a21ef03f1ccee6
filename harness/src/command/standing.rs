//! `up`, `down`, `status`: the reference stack without a run around it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_model::event::{Event, EventSink as _, Stage, StageStatus};
use kneepoint_model::exit::ExitCode;
use kneepoint_stack::{StackStatus, down_recorded, status as recorded};

use super::{console_of, home, main_job, plan};
use crate::announce::Announcer;
use crate::cli::{Common, Format, StackArgs};
use crate::config::Target;
use crate::console;
use crate::failure::Failure;
use crate::signals::Stop;
use crate::stage::down::leftovers;
use crate::stage::native;

const GRACE: Duration = Duration::from_secs(8);

pub(super) fn up(common: &Common, args: &StackArgs) -> Result<ExitCode, Failure> {
    let plan = plan(common, &main_job::stack(args))?;
    let Target::Reference(part) = &plan.target else {
        return Err(Failure::new(
            ExitCode::Usage,
            "[site] url names a site that already runs: there is nothing to bring up",
        ));
    };
    let stop = Stop::listen()?;
    let events = Arc::new(Announcer::new(console_of(common)));
    let began = std::time::Instant::now();
    events.emit(Event::StageStarted { stage: Stage::Up });
    let result = native::leave_standing(part, &plan.home, &stop, &events);
    let status = if result.is_ok() { StageStatus::Done } else { StageStatus::Failed };
    events.emit(Event::StageEnded { stage: Stage::Up, status, seconds: began.elapsed().as_secs_f64() });
    let info = result?;
    if common.format == Format::Json {
        console::print(&serde_json::to_string_pretty(&info).map_err(Failure::internal)?);
    } else {
        console::print(&format!(
            "{} is up at {}\nkneepoint status · kneepoint down",
            info.topology, info.base_url
        ));
    }
    Ok(ExitCode::Ok)
}

pub(super) fn down(common: &Common, all: bool) -> Result<ExitCode, Failure> {
    let report = down_recorded(&home(common)?, GRACE, all).map_err(|e| crate::stage::up::failure(&e))?;
    let stopped = if report.stopped.is_empty() {
        "nothing was running".to_owned()
    } else {
        format!("stopped: {}", report.stopped.join(", "))
    };
    if let Some(owner) = report.in_use_by {
        return Err(Failure::new(
            ExitCode::StackFailed,
            format!(
                "a run (pid {owner}) is at work with the stack and will take it down; kneepoint down --all ends it now"
            ),
        ));
    }
    console::print(&stopped);
    if report.leftovers.is_empty() {
        return Ok(ExitCode::Ok);
    }
    Err(Failure::new(ExitCode::StackFailed, leftovers(&report)))
}

pub(super) fn status(common: &Common) -> Result<ExitCode, Failure> {
    match recorded(&home(common)?) {
        Some(status) if common.format == Format::Json => {
            console::print(&serde_json::to_string_pretty(&status.info).map_err(Failure::internal)?);
        }
        Some(status) => console::print(&words(&status)),
        None => console::print("nothing is up: kneepoint up"),
    }
    Ok(ExitCode::Ok)
}

fn words(status: &StackStatus) -> String {
    let url = status.info.as_ref().map_or("coming up".to_owned(), |info| format!("at {}", info.base_url));
    let mut text = format!("{} {url}\n", status.topology);
    for service in &status.services {
        let state = if service.pids.is_empty() {
            "ended".to_owned()
        } else {
            format!("{} processes", service.pids.len())
        };
        let _ = writeln!(text, "  {:<10} {state}", service.name);
    }
    match status.owner {
        Some(owner) => {
            let _ = write!(text, "a run (pid {owner}) will take it down");
        }
        None if status.orphaned => text.push_str("its owner died: kneepoint down"),
        None => text.push_str("kneepoint down stops it"),
    }
    text
}
