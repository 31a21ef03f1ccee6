//! The ground of an experiment: one or two stacks, each in a slot of its own with data of its own, and their end.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::Manoeuvre;
use kneepoint_model::stack::StackInfo;
use kneepoint_stack::toggle::Variant;
use kneepoint_stack::{ReferencePlan, Stack, StackError, Topology, TopologyChoice};

use super::bench::Bench;
use super::quiet::Quietly;
use crate::config::StackDriver;
use crate::failure::Failure;
use crate::stage::reference::{data_size, reference_plan};

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
    stack: Stack,
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
    pub(super) fn manoeuvre(&mut self, which: Manoeuvre, bench: &Bench<'_>) -> Result<(), String> {
        let quietly = Quietly(&**bench.events);
        let made = self.stack.roll_out(which, &bench.stop.cancel, &quietly);
        made.map(drop).map_err(|error| error.to_string())
    }

    /// Takes it down; what could not be stopped is a failure.
    pub(super) fn down(self) -> Result<(), Failure> {
        match self.stack.down(GRACE, false).leftovers {
            None => Ok(()),
            Some(left) => Err(Failure::new(ExitCode::StackFailed, left)),
        }
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
    let logs = bench.folder.path("logs").join(format!("{name}-{slot}"));
    let plan = ReferencePlan {
        slot: Some(slot.to_owned()),
        topology: TopologyChoice::Given(Box::new(topology.clone())),
        workers: None,
        db: None,
        size: data_size(bench.part.size),
        env: switches,
        ..reference_plan(bench.stack, bench.home, Some(logs))?
    };
    let quietly = Quietly(&**bench.events);
    let stack =
        Stack::bring_up(&plan, &bench.stop.cancel, &quietly).map_err(|error| refused(&error, bench))?;
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

fn refused(error: &StackError, bench: &Bench<'_>) -> NoGround {
    if bench.stop.cancel.is_set() {
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
