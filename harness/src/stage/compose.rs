//! The compose driver's part of `up`: the whole reference stack in containers, in which this very binary runs too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::exit::ExitCode;
use kneepoint_model::run::names;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_stack::compose::{
    ComposeDown, ComposeGuard, ComposePlan, ComposePrepare, ComposeStack, prepare, up,
};
use kneepoint_stack::{Lifetime, PortPlan, StackError, Topology, WatchdogCommand};

use crate::announce::Announcer;
use crate::config::StackPart;
use crate::failure::Failure;
use crate::run::{self, Run};
use crate::signals::Shutdown;
use crate::stage::native::{AUTO, set, size};
use crate::stage::up::{Standing, failure};

/// What `auto` means in containers: everything.
const WHOLE: &str = "full";
/// How long containers may take to end by themselves.
const GRACE: std::time::Duration = std::time::Duration::from_secs(8);

/// Brings it up as a part of this run: it ends with this process, whatever ends it.
pub(super) fn bring_up(part: &StackPart, home: &Path, run: &mut Run) -> Result<Standing, Failure> {
    let logs = Some(run.folder.path(names::LOGS));
    let stack = start(part, home, logs, Lifetime::DieWithParent, &run.shutdown, &run.events)?;
    run.add_unmeasured(stack.unmeasured().to_vec());
    let info = stack.info().clone();
    Ok(Standing::Compose { stack: Box::new(stack), info })
}

/// Brings it up and lets it stand after this process has ended.
pub(crate) fn leave_standing(
    part: &StackPart,
    home: &Path,
    shutdown: &Shutdown,
    events: &Arc<Announcer>,
) -> Result<StackInfo, Failure> {
    run::write_gitignore(home)?;
    let stack = start(part, home, None, Lifetime::Detached, shutdown, events)?;
    Ok(stack.info().clone())
}

/// A topology that exists, or the refusal that names those that do; before anything starts.
pub(crate) fn topology(part: &StackPart) -> Result<Topology, Failure> {
    let name = if part.topology == AUTO { WHOLE } else { &part.topology };
    let mut topology = Topology::named(name).map_err(|e| failure(&e))?;
    set(&mut topology, part);
    Ok(topology)
}

/// What cleans up after `kill -9`: this very binary.
pub(crate) fn guard() -> Result<(PathBuf, ComposeGuard), Failure> {
    let exe = std::env::current_exe().map_err(|e| Failure::new(ExitCode::Internal, e))?;
    let watchdog = WatchdogCommand { exe: exe.clone(), args: vec!["watchdog".to_owned()] };
    let cleaner = vec![exe.to_string_lossy().into_owned(), "clean".to_owned()];
    Ok((exe, ComposeGuard { watchdog, cleaner }))
}

fn start(
    part: &StackPart,
    home: &Path,
    logs: Option<PathBuf>,
    lifetime: Lifetime,
    shutdown: &Shutdown,
    events: &Arc<Announcer>,
) -> Result<ComposeStack, Failure> {
    let refused =
        |e: StackError| if shutdown.cancel.is_cancelled() { shutdown.failure() } else { failure(&e) };
    let (binary, guard) = guard()?;
    let topology = topology(part)?;
    let plan = ComposePrepare {
        root: home.to_owned(),
        size: size(part.size),
        seed: part.seed,
        topologies: vec![topology.clone()],
        binary,
        guard: Some(guard.clone()),
    };
    let prepared = prepare(&plan, &shutdown.cancel, &**events).map_err(refused)?;
    let plan = ComposePlan {
        slot: None,
        topology,
        ports: PortPlan { site: part.port, fixed: false },
        env: part.env.clone(),
        quotas: false,
        logs,
        lifetime,
        guard: Some(guard),
    };
    up(&plan, &prepared, &shutdown.cancel, &**events).map_err(refused)
}

/// Looks once more whether every container is well, keeps their logs, and removes everything.
pub(super) fn down(stack: ComposeStack, run: &Run) -> Result<(), Failure> {
    let interrupted = run.shutdown.cancel.is_cancelled();
    let well = if interrupted { Ok(()) } else { stack.check(&Cancel::new()) };
    let report = stack.down(GRACE);
    run.note(
        Stage::Down,
        format!("removed {}; Docker lists nothing of this stack any more", report.removed.counts()),
    );
    left(&report)?;
    well.map_err(|e| failure(&e))
}

/// What could not be removed, as a failure.
pub(crate) fn left(report: &ComposeDown) -> Result<(), Failure> {
    if report.left.is_empty() {
        return Ok(());
    }
    let why = report.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    let message = format!("still there: {}{why}; kneepoint down --all", report.left.names());
    Err(Failure::new(ExitCode::StackFailed, message))
}
