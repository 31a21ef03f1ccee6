//! The ground of an experiment: one or two stacks, each in a slot of its own with data of its own, and their end.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::Rollout;
use kneepoint_model::stack::StackInfo;
use kneepoint_stack::toggle::Variant;
use kneepoint_stack::{
    Lifetime, Needs, PortPlan, PreparePlan, Prepared, RunningStack, StackError, Topology, UpPlan,
    WatchdogCommand, prepare, up,
};

use super::bench::Bench;
use super::quiet::Quietly;
use crate::config::StackDriver;
use crate::failure::Failure;
use crate::stage::native::size;

/// What a stack gets between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(6);

/// Why a stack does not stand: the experiment cannot be run, or everything ends.
pub(super) enum NoGround {
    /// It cannot stand here.
    Missing {
        /// Why.
        why: String,
        /// What to do.
        fix: String,
        /// The exit code that belongs to it.
        exit: ExitCode,
    },
    /// A signal, or a fault of kneepoint's own.
    Ends(Failure),
}

impl From<Failure> for NoGround {
    fn from(failure: Failure) -> Self {
        Self::Ends(failure)
    }
}

/// A stack that stands for an experiment.
pub(super) struct Ground {
    stack: RunningStack,
}

impl Ground {
    /// What stands.
    pub(super) fn info(&self) -> &StackInfo {
        self.stack.info()
    }

    /// Whether it still answers.
    pub(super) fn answers(&self, bench: &Bench<'_>) -> Result<(), String> {
        self.stack.check(&bench.stop.cancel).map_err(|error| error.to_string())
    }

    /// Changes it while visitors are on the site.
    pub(super) fn manoeuvre(&mut self, which: Rollout, bench: &Bench<'_>) -> Result<(), String> {
        let quietly = Quietly(&**bench.events);
        let made = self.stack.manoeuvre(which, &bench.stop.cancel, &quietly);
        made.map(drop).map_err(|error| error.to_string())
    }

    /// Takes it down; what could not be stopped is a failure.
    pub(super) fn down(self) -> Result<(), Failure> {
        let report = self.stack.down(GRACE);
        if report.leftovers.is_empty() {
            return Ok(());
        }
        Err(Failure::new(ExitCode::StackFailed, crate::stage::down::leftovers(&report)))
    }
}

/// Brings up a variant in a slot.
pub(super) fn stand(
    variant: &Variant,
    slot: &str,
    name: &str,
    bench: &Bench<'_>,
) -> Result<Ground, NoGround> {
    stand_as(&variant.topology, &variant.env, slot, name, bench)
}

/// Brings up a topology with switches in a slot; its logs go into the folder of the experiment.
pub(super) fn stand_as(
    topology: &Topology,
    env: &BTreeMap<String, String>,
    slot: &str,
    name: &str,
    bench: &Bench<'_>,
) -> Result<Ground, NoGround> {
    if bench.stack.driver == StackDriver::Compose {
        return Err(NoGround::Missing {
            why: "experiments do not stand in containers yet".to_owned(),
            fix: "run it with --driver native".to_owned(),
            exit: ExitCode::MissingTool,
        });
    }
    let mut switches = bench.stack.env.clone();
    switches.extend(env.clone());
    let prepared = prepared(Needs::of(topology, &switches), bench)?;
    let exe = std::env::current_exe().map_err(Failure::internal)?;
    let plan = UpPlan {
        slot: Some(slot.to_owned()),
        topology: topology.clone(),
        ports: PortPlan { site: bench.stack.port, fixed: false },
        env: switches,
        logs: Some(bench.folder.path("logs").join(format!("{name}-{slot}"))),
        lifetime: Lifetime::DieWithParent,
        engine: Some(vec![exe.to_string_lossy().into_owned(), "engine".to_owned()]),
        objects: Some(vec![exe.to_string_lossy().into_owned(), "objects".to_owned()]),
        watchdog: Some(WatchdogCommand { exe, args: vec!["watchdog".to_owned()] }),
    };
    let quietly = Quietly(&**bench.events);
    let stack = up(&plan, &prepared, &bench.stop.cancel, &quietly).map_err(|error| refused(&error, bench))?;
    let ground = Ground { stack };
    match super::missing::tier_missing(topology, ground.info()) {
        None => Ok(ground),
        Some(what) => {
            ground.down()?;
            Err(NoGround::Missing {
                why: format!("the {} driver brings up no {what}", bench.stack.driver.name()),
                fix: "see `kneepoint doctor` for what can be had here".to_owned(),
                exit: ExitCode::MissingTool,
            })
        }
    }
}

fn prepared(needs: Needs, bench: &Bench<'_>) -> Result<Prepared, NoGround> {
    let plan = PreparePlan {
        root: bench.home.to_owned(),
        size: size(bench.part.size),
        seed: bench.stack.seed,
        python: bench.stack.python.clone(),
        needs,
    };
    prepare(&plan, &bench.stop.cancel, &Quietly(&**bench.events)).map_err(|error| refused(&error, bench))
}

fn refused(error: &StackError, bench: &Bench<'_>) -> NoGround {
    if bench.stop.cancel.is_cancelled() {
        return NoGround::Ends(bench.stop.failure());
    }
    match (error, error.exit_code()) {
        (StackError::ToolMissing { program, fix }, exit) => {
            NoGround::Missing { why: format!("{program} is not installed"), fix: (*fix).to_owned(), exit }
        }
        (_, ExitCode::Internal) => NoGround::Ends(Failure::internal(error)),
        (_, exit) => NoGround::Missing {
            why: error.to_string(),
            fix: "mend what the message says; the logs are in the folder of the experiment".to_owned(),
            exit,
        },
    }
}
