//! `up`, `down`, `status`: the reference stack without a run around it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use kneepoint_model::event::{Event, EventSink as _, Stage, StageStatus};
use kneepoint_model::exit::ExitCode;
use kneepoint_stack::compose::{self, ComposeDown, ComposeStatus};
use kneepoint_stack::native::{self, NativeDown, NativeStatus};

use super::{console_of, home, main_job, plan};
use crate::announce::Announcer;
use crate::cli::{Common, Format, StackArgs};
use crate::config::Target;
use crate::console;
use crate::failure::Failure;
use crate::signals::Stop;
use crate::stage::down::require_nothing_left;
use crate::stage::reference;

const GRACE: Duration = Duration::from_secs(8);
/// Longest wait without a look at the wish to stop.
const LOOK: Duration = Duration::from_millis(20);

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
    let result = reference::leave_running(part, &plan.home, &stop, &events);
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
    let home = home(common)?;
    let stop = Stop::listen()?;
    let (tell, told) = mpsc::channel();
    let folder = home.clone();
    let work = move || {
        let _ = tell.send(take_down(&folder, all));
    };
    std::thread::Builder::new().name("down".to_owned()).spawn(work).map_err(Failure::internal)?;
    loop {
        match told.recv_timeout(LOOK) {
            Ok(taken) => return taken.and_then(|(report, containers)| said(&report, &containers)),
            // What is half done is left as it is: the record stays until everything has ended.
            Err(RecvTimeoutError::Timeout) if stop.cancel.is_set() => return Err(interrupted(&home, &stop)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::internal("a thread panicked")),
        }
    }
}

fn take_down(home: &Path, all: bool) -> Result<(NativeDown, ComposeDown), Failure> {
    let refused = |e| crate::stage::up::failure(&e);
    let report = native::down_recorded(home, GRACE, all).map_err(refused)?;
    let containers = compose::down_recorded(home, GRACE, all).map_err(refused)?;
    Ok((report, containers))
}

/// What a wish to stop left, and how it is finished.
fn interrupted(home: &Path, stop: &Stop) -> Failure {
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
        Err(error) => left.push(format!("containers, which could not be asked for: {error}")),
    }
    Failure { message: format!("{}; {}", stop.failure(), left_words(&left)), ..stop.failure() }
}

fn left_words(left: &[String]) -> String {
    if left.is_empty() {
        return "nothing of the stack runs any more; the next kneepoint down or up clears its record"
            .to_owned();
    }
    format!("still there: {}; the next kneepoint down finishes it", left.join(", "))
}

fn said(report: &NativeDown, containers: &ComposeDown) -> Result<ExitCode, Failure> {
    let stopped: Vec<String> = report.stopped.iter().chain(&containers.stopped).cloned().collect();
    let mut said = if stopped.is_empty() && containers.removed.is_empty() {
        "nothing was running".to_owned()
    } else {
        format!("stopped: {}", stopped.join(", "))
    };
    if !containers.removed.is_empty() {
        let _ = write!(said, "\nremoved: {}", containers.removed.counts());
    }
    if let Some(owner) = report.in_use_by.or(containers.in_use_by) {
        return Err(Failure::new(
            ExitCode::StackFailed,
            format!(
                "a run (pid {owner}) is at work with the stack and will take it down; kneepoint down --all ends it now"
            ),
        ));
    }
    require_nothing_left(containers.leftovers_text())?;
    if !containers.removed.is_empty() {
        said.push_str("\nDocker lists nothing of this folder's any more");
    }
    console::print(&said);
    match report.leftovers_text() {
        None => Ok(ExitCode::Ok),
        Some(left) => Err(Failure::new(ExitCode::StackFailed, left)),
    }
}

pub(super) fn status(common: &Common) -> Result<ExitCode, Failure> {
    let home = home(common)?;
    let (native, compose) =
        (native::status(&home), compose::status(&home).map_err(|e| crate::stage::up::failure(&e))?);
    if native.is_none() && compose.is_none() {
        console::print("nothing is up: kneepoint up");
    } else if common.format == Format::Json {
        for info in native.iter().map(|status| &status.info).chain(compose.iter().map(|status| &status.info))
        {
            console::print(&serde_json::to_string_pretty(info).map_err(Failure::internal)?);
        }
    } else {
        let said: Vec<String> = native.iter().map(words).chain(compose.iter().map(container_words)).collect();
        console::print(&said.join("\n"));
    }
    Ok(ExitCode::Ok)
}

fn container_words(status: &ComposeStatus) -> String {
    let url = status.info.as_ref().map_or("coming up".to_owned(), |info| format!("at {}", info.base_url));
    let mut text = format!("{} in containers {url}\n", status.topology);
    for container in &status.containers {
        let _ = writeln!(text, "  {:<10} {} ({})", container.service, container.state, container.name);
    }
    text.push_str(&ending(status.owner, status.orphaned));
    text
}

fn ending(owner: Option<i32>, orphaned: bool) -> String {
    match owner {
        Some(owner) => format!("a run (pid {owner}) will take it down"),
        None if orphaned => "its owner died: kneepoint down".to_owned(),
        None => "kneepoint down stops it".to_owned(),
    }
}

fn words(status: &NativeStatus) -> String {
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
    text.push_str(&ending(status.owner, status.orphaned));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named_with_what_finishes_it() {
        let left = ["server (3 processes)".to_owned(), "container kp-db".to_owned()];
        assert_eq!(
            left_words(&left),
            "still there: server (3 processes), container kp-db; the next kneepoint down finishes it"
        );
        assert!(left_words(&[]).contains("nothing of the stack runs"));
    }
}
