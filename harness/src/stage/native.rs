//! The native driver's part of `up`: what it takes to run the embedded reference stack from this very binary.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::run::names;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_stack::{
    Database, Lifetime, Needs, PortPlan, PreparePlan, RunningStack, Size, StackError, Topology, UpPlan,
    WatchdogCommand, prepare, up,
};

use crate::announce::Announcer;
use crate::config::{DataSize, StackDb, StackDriver, StackPart};
use crate::failure::Failure;
use crate::run::{self, Run};
use crate::signals::Shutdown;
use crate::stage::up::{Standing, failure};

/// The name that leaves the choice of topology to the machine.
pub(super) const AUTO: &str = "auto";

/// Brings it up as a part of this run: it ends with this process, whatever ends it.
pub(super) fn bring_up(part: &StackPart, home: &Path, run: &mut Run) -> Result<Standing, Failure> {
    let (topology, missing) = topology(part)?;
    run.add_unmeasured(missing);
    run.add_unmeasured(topology.unmeasured_natively());
    let logs = Some(run.folder.path(names::LOGS));
    let stack = start(part, topology, home, logs, Lifetime::DieWithParent, &run.shutdown, &run.events)?;
    let info = stack.info().clone();
    Ok(Standing::Native { stack: Box::new(stack), info })
}

/// Brings it up and lets it stand after this process has ended.
pub(crate) fn leave_standing(
    part: &StackPart,
    home: &Path,
    shutdown: &Shutdown,
    events: &Arc<Announcer>,
) -> Result<StackInfo, Failure> {
    run::write_gitignore(home)?;
    let (topology, _) = topology(part)?;
    let stack = start(part, topology, home, None, Lifetime::Detached, shutdown, events)?;
    Ok(stack.info().clone())
}

fn topology(part: &StackPart) -> Result<(Topology, Option<Unmeasured>), Failure> {
    let chosen = match part.topology.as_str() {
        AUTO => Topology::default_here(),
        name => Topology::named(name).map(|topology| (topology, None)),
    };
    let (mut topology, missing) = chosen.map_err(|e| failure(&e))?;
    set(&mut topology, part);
    Ok((topology, missing))
}

/// What the plan changes of a topology, whatever the driver.
pub(super) fn set(topology: &mut Topology, part: &StackPart) {
    if let Some(workers) = u16::try_from(part.workers).ok().and_then(NonZeroU16::new) {
        topology.workers = Some(workers);
    }
    topology.db = match part.db {
        StackDb::Auto => topology.db,
        StackDb::Sqlite => Some(Database::Sqlite),
        StackDb::Mysql => Some(Database::Mysql),
        StackDb::Mariadb => Some(Database::Mariadb),
    };
}

/// A topology that exists, or the refusal that names those that do; before anything starts.
pub(crate) fn check(part: &StackPart) -> Result<(), Failure> {
    match part.driver {
        StackDriver::Native => topology(part).map(|_| ()),
        StackDriver::Compose => super::compose::topology(part).map(|_| ()),
    }
}

fn start(
    part: &StackPart,
    topology: Topology,
    home: &Path,
    logs: Option<PathBuf>,
    lifetime: Lifetime,
    shutdown: &Shutdown,
    events: &Arc<Announcer>,
) -> Result<RunningStack, Failure> {
    let exe = std::env::current_exe().map_err(|e| Failure::new(ExitCode::Internal, e))?;
    let refused =
        |e: StackError| if shutdown.cancel.is_cancelled() { shutdown.failure() } else { failure(&e) };
    let plan = PreparePlan {
        root: home.to_owned(),
        size: size(part.size),
        seed: part.seed,
        python: part.python.clone(),
        needs: Needs::of(&topology, &part.env),
    };
    let prepared = prepare(&plan, &shutdown.cancel, &**events).map_err(refused)?;
    let plan = UpPlan {
        slot: None,
        topology,
        ports: PortPlan { site: part.port, fixed: false },
        env: part.env.clone(),
        logs,
        lifetime,
        engine: Some(vec![exe.to_string_lossy().into_owned(), "engine".to_owned()]),
        objects: Some(vec![exe.to_string_lossy().into_owned(), "objects".to_owned()]),
        watchdog: Some(WatchdogCommand { exe, args: vec!["watchdog".to_owned()] }),
    };
    up(&plan, &prepared, &shutdown.cancel, &**events).map_err(refused)
}

/// The data that the driver knows by that size.
pub(crate) const fn size(size: DataSize) -> Size {
    match size {
        DataSize::S => Size::S,
        DataSize::M => Size::M,
        DataSize::L => Size::L,
    }
}
