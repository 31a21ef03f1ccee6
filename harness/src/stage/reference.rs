//! The plan of the reference stack, made of this tool's own settings and executable.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::stack::StackInfo;
use kneepoint_stack::{
    Database, Lifetime, PortPlan, ReferenceDriver, ReferencePlan, Size, Stack, TopologyChoice,
};

use crate::announce::Announcer;
use crate::config::{DataSize, StackDb, StackDriver, StackPart};
use crate::failure::Failure;
use crate::run;
use crate::signals::Shutdown;

/// The name that leaves the choice of the topology to the driver.
const AUTO: &str = "auto";

/// The stack as configured. It ends with this process, and writes its logs to `logs` (default: the stack's own folder).
pub(crate) fn reference_plan(
    part: &StackPart,
    home: &Path,
    logs: Option<PathBuf>,
) -> Result<ReferencePlan, Failure> {
    Ok(ReferencePlan {
        root: home.to_owned(),
        slot: None,
        driver: match part.driver {
            StackDriver::Native => ReferenceDriver::Native,
            StackDriver::Compose => ReferenceDriver::Compose,
        },
        topology: match part.topology.as_str() {
            AUTO => TopologyChoice::Auto,
            name => TopologyChoice::Named(name.to_owned()),
        },
        workers: u16::try_from(part.workers).ok().and_then(NonZeroU16::new),
        db: match part.db {
            StackDb::Auto => None,
            StackDb::Sqlite => Some(Database::Sqlite),
            StackDb::Mysql => Some(Database::Mysql),
            StackDb::Mariadb => Some(Database::Mariadb),
        },
        size: data_size(part.size),
        seed: part.seed,
        python: part.python.clone(),
        ports: PortPlan { site: part.port, fixed: false },
        env: part.env.clone(),
        logs,
        lifetime: Lifetime::DieWithParent,
        exe: std::env::current_exe().map_err(|e| Failure::new(ExitCode::Internal, e))?,
    })
}

/// The configured amount of data as the stack crate names it.
pub(crate) const fn data_size(size: DataSize) -> Size {
    match size {
        DataSize::S => Size::S,
        DataSize::M => Size::M,
        DataSize::L => Size::L,
    }
}

/// The refusal of a program that is built without the tiers of the reference stack.
pub(crate) fn not_built() -> Failure {
    Failure::new(
        ExitCode::MissingTool,
        "this kneepoint is built without the reference stack; build it with the feature `reference-tiers` (on by default), or \
         measure a site that already runs: --attach URL",
    )
}

/// Refuses a topology that does not exist, with the names of those that do, before anything starts.
pub(crate) fn check(part: &StackPart, home: &Path) -> Result<(), Failure> {
    if !cfg!(feature = "reference-tiers") {
        return Err(not_built());
    }
    reference_plan(part, home, None)?.resolve_topology()?;
    Ok(())
}

/// Brings the stack up and leaves it running after this process has ended.
pub(crate) fn leave_running(
    part: &StackPart,
    home: &Path,
    shutdown: &Shutdown,
    events: &Arc<Announcer>,
) -> Result<StackInfo, Failure> {
    run::write_gitignore(home)?;
    let plan = reference_plan(part, home, None)?;
    Stack::leave_running(&plan, &shutdown.cancel, &**events)
        .map_err(|e| if shutdown.cancel.is_cancelled() { shutdown.failure() } else { e.into() })
}
