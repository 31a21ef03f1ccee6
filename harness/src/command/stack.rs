//! `up`, `down`, `status`: the reference stack without a run.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use kneepoint_model::event::{Event, EventSink as _};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_stack::compose::{self, ComposeDown, ComposeStatus};
use kneepoint_stack::native::{self, NativeDown, NativeStatus};

use super::{absolute_home, load_plan, new_console, run};
use crate::announce::Announcer;
use crate::cli::{Common, Format, StackArgs};
use crate::config::Target;
use crate::console;
use crate::failure::Failure;
use crate::signals::Shutdown;
use crate::stage::down::require_nothing_left;
use crate::stage::reference;

/// Grace period between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(8);
/// Time between two checks for a shutdown request.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

pub(super) fn up(common: &Common, args: &StackArgs) -> Result<ExitCode, Failure> {
    let plan = load_plan(common, &run::stack_overrides(args))?;
    let Target::Reference(part) = &plan.target else {
        return Err(Failure::new(
            ExitCode::Usage,
            "[site] url names a site that already runs, so there is nothing to bring up; remove it to use the reference stack",
        ));
    };
    let shutdown = Shutdown::listen()?;
    let events = Arc::new(Announcer::new(new_console(common)));
    let began = std::time::Instant::now();
    events.emit(Event::StageStarted { stage: Stage::Up });
    let result = reference::leave_running(part, &plan.home, &shutdown, &events);
    let status = if result.is_ok() { StageStatus::Done } else { StageStatus::Failed };
    events.emit(Event::StageEnded { stage: Stage::Up, status, seconds: began.elapsed().as_secs_f64() });
    let info = result?;
    if common.format == Format::Json {
        console::print(&serde_json::to_string_pretty(&info).map_err(Failure::internal)?);
    } else {
        console::print(&format!(
            "{} is up at {}\nkneepoint status shows it, kneepoint down stops it",
            info.topology, info.base_url
        ));
    }
    Ok(ExitCode::Ok)
}

pub(super) fn down(common: &Common, all: bool) -> Result<ExitCode, Failure> {
    let home = absolute_home(common)?;
    let shutdown = Shutdown::listen()?;
    let (sender, receiver) = mpsc::channel();
    let folder = home.clone();
    let work = move || {
        let _ = sender.send(take_down(&folder, all));
    };
    std::thread::Builder::new().name("down".to_owned()).spawn(work).map_err(Failure::internal)?;
    loop {
        match receiver.recv_timeout(POLL_INTERVAL) {
            Ok(result) => return result.and_then(|(report, containers)| print_stopped(&report, &containers)),
            // The record of the stack stays until everything has ended, so the next `down` finishes the work.
            Err(RecvTimeoutError::Timeout) if shutdown.cancel.is_cancelled() => {
                return Err(interruption(&home, &shutdown));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::internal("a thread panicked")),
        }
    }
}

fn take_down(home: &Path, all: bool) -> Result<(NativeDown, ComposeDown), Failure> {
    let report = native::down_recorded(home, GRACE, all)?;
    let containers = compose::down_recorded(home, GRACE, all)?;
    Ok((report, containers))
}

/// The failure of an interrupted `down`: what still runs, and how to finish.
fn interruption(home: &Path, shutdown: &Shutdown) -> Failure {
    let native = native::status(home);
    let services =
        native.iter().flat_map(|status| &status.services).filter(|service| !service.pids.is_empty());
    let mut left: Vec<String> =
        services.map(|service| format!("{} ({} processes)", service.name, service.pids.len())).collect();
    match compose::status(home) {
        Ok(status) => {
            let containers = status.into_iter().flat_map(|status| status.containers);
            left.extend(containers.map(|container| format!("container {}", container.name)));
        }
        Err(error) => left.push(format!("containers, which could not be listed: {error}")),
    }
    Failure {
        message: format!("{}; {}", shutdown.failure(), describe_leftovers(&left)),
        ..shutdown.failure()
    }
}

fn describe_leftovers(left: &[String]) -> String {
    if left.is_empty() {
        return "no process of the stack is running; the next kneepoint down or up clears its record"
            .to_owned();
    }
    format!("still running: {}; finish with: kneepoint down", left.join(", "))
}

fn print_stopped(report: &NativeDown, containers: &ComposeDown) -> Result<ExitCode, Failure> {
    let stopped: Vec<String> = report.stopped.iter().chain(&containers.stopped).cloned().collect();
    let mut text = if stopped.is_empty() && containers.removed.is_empty() {
        "nothing was running".to_owned()
    } else {
        format!("stopped: {}", stopped.join(", "))
    };
    if !containers.removed.is_empty() {
        let _ = write!(text, "\nremoved: {}", containers.removed.counts());
    }
    if let Some(owner) = report.in_use_by.or(containers.in_use_by) {
        return Err(Failure::new(
            ExitCode::StackFailed,
            format!(
                "a run (pid {owner}) uses the stack and will take it down; to stop it now: kneepoint down --all"
            ),
        ));
    }
    require_nothing_left(containers.leftovers_text())?;
    if !containers.removed.is_empty() {
        text.push_str("\nDocker lists nothing of this folder any more");
    }
    console::print(&text);
    match report.leftovers_text() {
        None => Ok(ExitCode::Ok),
        Some(left) => Err(Failure::new(ExitCode::StackFailed, left)),
    }
}

pub(super) fn status(common: &Common) -> Result<ExitCode, Failure> {
    let home = absolute_home(common)?;
    let (native, compose) = (native::status(&home), compose::status(&home)?);
    if native.is_none() && compose.is_none() {
        console::print("nothing is up; start the stack with: kneepoint up");
    } else if common.format == Format::Json {
        for info in native.iter().map(|status| &status.info).chain(compose.iter().map(|status| &status.info))
        {
            console::print(&serde_json::to_string_pretty(info).map_err(Failure::internal)?);
        }
    } else {
        let lines: Vec<String> =
            native.iter().map(describe_native).chain(compose.iter().map(describe_containers)).collect();
        console::print(&lines.join("\n"));
    }
    Ok(ExitCode::Ok)
}

fn describe_containers(status: &ComposeStatus) -> String {
    let url = status.info.as_ref().map_or("coming up".to_owned(), |info| format!("at {}", info.base_url));
    let mut text = format!("{} in containers {url}\n", status.topology);
    for container in &status.containers {
        let _ = writeln!(text, "  {:<10} {} ({})", container.service, container.state, container.name);
    }
    text.push_str(&describe_owner(status.owner, status.orphaned));
    text
}

fn describe_owner(owner: Option<i32>, orphaned: bool) -> String {
    match owner {
        Some(owner) => format!("a run (pid {owner}) will take it down"),
        None if orphaned => "the run that owned it has died; stop it with: kneepoint down".to_owned(),
        None => "stop it with: kneepoint down".to_owned(),
    }
}

fn describe_native(status: &NativeStatus) -> String {
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
    text.push_str(&describe_owner(status.owner, status.orphaned));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_named_with_the_command_that_stops_them() {
        let left = ["server (3 processes)".to_owned(), "container kp-db".to_owned()];
        assert_eq!(
            describe_leftovers(&left),
            "still running: server (3 processes), container kp-db; finish with: kneepoint down"
        );
        assert!(describe_leftovers(&[]).contains("no process of the stack is running"));
    }
}
