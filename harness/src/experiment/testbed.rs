//! The testbed of an experiment: a stack in a slot with data of its own.

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

use super::context::ExperimentContext;
use super::warnings_only::WarningsOnly;
use crate::config::StackDriver;
use crate::failure::Failure;
use crate::stage::native::size;

/// Grace period between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(6);

/// Why a stack is not available: this experiment cannot be run, or all of them end.
pub(super) enum TestbedError {
    /// The stack cannot run on this machine.
    Missing {
        /// The reason, as shown in the report.
        why: String,
        /// What the user can do about it.
        fix: String,
        /// The exit code when the toggle was requested by name.
        exit: ExitCode,
    },
    /// A signal, or an internal fault.
    Fatal(Failure),
}

impl From<Failure> for TestbedError {
    fn from(failure: Failure) -> Self {
        Self::Fatal(failure)
    }
}

/// A running stack that an experiment owns; [`Testbed::down`] must be called.
pub(super) struct Testbed {
    stack: RunningStack,
}

impl Testbed {
    pub(super) fn info(&self) -> &StackInfo {
        self.stack.info()
    }

    /// Fails when a service of the stack no longer responds.
    pub(super) fn check_health(&self, context: &ExperimentContext<'_>) -> Result<(), String> {
        self.stack.check(&context.shutdown.cancel).map_err(|error| error.to_string())
    }

    /// Replaces the servers while load is running.
    pub(super) fn roll_out(&mut self, which: Rollout, context: &ExperimentContext<'_>) -> Result<(), String> {
        let sink = WarningsOnly(&**context.events);
        let made = self.stack.manoeuvre(which, &context.shutdown.cancel, &sink);
        made.map(drop).map_err(|error| error.to_string())
    }

    /// Stops the stack; a process that cannot be stopped is a failure.
    pub(super) fn down(self) -> Result<(), Failure> {
        let report = self.stack.down(GRACE);
        if report.leftovers.is_empty() {
            return Ok(());
        }
        Err(Failure::new(ExitCode::StackFailed, crate::stage::down::leftovers(&report)))
    }
}

/// Brings up a variant of the stack in a slot.
pub(super) fn bring_up(
    variant: &Variant,
    slot: &str,
    name: &str,
    context: &ExperimentContext<'_>,
) -> Result<Testbed, TestbedError> {
    bring_up_topology(&variant.topology, &variant.env, slot, name, context)
}

/// Brings up a topology with environment switches in a slot; its logs go into the folder of the experiment.
pub(super) fn bring_up_topology(
    topology: &Topology,
    env: &BTreeMap<String, String>,
    slot: &str,
    name: &str,
    context: &ExperimentContext<'_>,
) -> Result<Testbed, TestbedError> {
    if context.stack.driver == StackDriver::Compose {
        return Err(TestbedError::Missing {
            why: "experiments are not supported in containers yet".to_owned(),
            fix: "run it with --driver native".to_owned(),
            exit: ExitCode::MissingTool,
        });
    }
    let mut switches = context.stack.env.clone();
    switches.extend(env.clone());
    let prepared = prepare_stack(Needs::of(topology, &switches), context)?;
    let exe = std::env::current_exe().map_err(Failure::internal)?;
    let plan = UpPlan {
        slot: Some(slot.to_owned()),
        topology: topology.clone(),
        ports: PortPlan { site: context.stack.port, fixed: false },
        env: switches,
        logs: Some(context.folder.path("logs").join(format!("{name}-{slot}"))),
        lifetime: Lifetime::DieWithParent,
        engine: Some(vec![exe.to_string_lossy().into_owned(), "engine".to_owned()]),
        objects: Some(vec![exe.to_string_lossy().into_owned(), "objects".to_owned()]),
        watchdog: Some(WatchdogCommand { exe, args: vec!["watchdog".to_owned()] }),
    };
    let sink = WarningsOnly(&**context.events);
    let stack = up(&plan, &prepared, &context.shutdown.cancel, &sink)
        .map_err(|error| testbed_error(&error, context))?;
    let testbed = Testbed { stack };
    match super::missing::missing_tier(topology, testbed.info()) {
        None => Ok(testbed),
        Some(what) => {
            testbed.down()?;
            Err(TestbedError::Missing {
                why: format!("the {} driver brings up no {what}", context.stack.driver.name()),
                fix: "`kneepoint doctor` lists what is available on this machine".to_owned(),
                exit: ExitCode::MissingTool,
            })
        }
    }
}

fn prepare_stack(needs: Needs, context: &ExperimentContext<'_>) -> Result<Prepared, TestbedError> {
    let plan = PreparePlan {
        root: context.home.to_owned(),
        size: size(context.part.size),
        seed: context.stack.seed,
        python: context.stack.python.clone(),
        needs,
    };
    prepare(&plan, &context.shutdown.cancel, &WarningsOnly(&**context.events))
        .map_err(|error| testbed_error(&error, context))
}

fn testbed_error(error: &StackError, context: &ExperimentContext<'_>) -> TestbedError {
    if context.shutdown.cancel.is_cancelled() {
        return TestbedError::Fatal(context.shutdown.failure());
    }
    match (error, error.exit_code()) {
        (StackError::ToolMissing { program, fix }, exit) => {
            TestbedError::Missing { why: format!("{program} is not installed"), fix: (*fix).to_owned(), exit }
        }
        (_, ExitCode::Internal) => TestbedError::Fatal(Failure::internal(error)),
        (_, exit) => TestbedError::Missing {
            why: error.to_string(),
            fix: "fix what the message names; the logs are in the folder of the experiment".to_owned(),
            exit,
        },
    }
}
