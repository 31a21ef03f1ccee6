//! The testbed of an experiment: a stack in a slot with data of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::Rollout;
use kneepoint_model::run::names;
use kneepoint_model::stack::StackInfo;
use kneepoint_stack::toggle::Variant;
use kneepoint_stack::{ReferencePlan, Stack, StackError, Topology, TopologyChoice};

use super::context::ExperimentContext;
use super::warnings_only::WarningsOnly;
use crate::config::StackDriver;
use crate::failure::Failure;
use crate::stage::reference::{data_size, reference_plan};

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
    stack: Stack,
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
        let made = self.stack.roll_out(which, &context.shutdown.cancel, &sink);
        made.map(drop).map_err(|error| error.to_string())
    }

    /// Stops the stack; a process that cannot be stopped is a failure.
    pub(super) fn down(self) -> Result<(), Failure> {
        match self.stack.down(GRACE, false).leftovers {
            None => Ok(()),
            Some(left) => Err(Failure::new(ExitCode::StackFailed, left)),
        }
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
    let logs = context.folder.path(names::LOGS).join(format!("{name}-{slot}"));
    let plan = ReferencePlan {
        slot: Some(slot.to_owned()),
        topology: TopologyChoice::Given(Box::new(topology.clone())),
        workers: None,
        db: None,
        size: data_size(context.part.size),
        env: switches,
        ..reference_plan(context.stack, context.home, Some(logs))?
    };
    let sink = WarningsOnly(&**context.events);
    let stack = Stack::bring_up(&plan, &context.shutdown.cancel, &sink)
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
