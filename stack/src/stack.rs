//! One interface for a stack, whichever driver runs it.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::experiment::Rollout;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_process::Lifetime;

use crate::attach::{AttachPlan, attach};
use crate::compose::{self, ComposeStack};
use crate::error::StackError;
use crate::native::{self, NativeStack};
use crate::reference::{ReferenceDriver, ReferencePlan};
use crate::rollout::{RolloutReport, rollout_impossible};

/// A stack that runs: started here, or attached to.
#[derive(Debug)]
pub enum Stack {
    /// Processes of this machine; must be taken down.
    Native {
        /// The handle of the running services.
        stack: Box<NativeStack>,
        /// What cannot be measured with this topology and driver.
        unmeasured: Vec<Unmeasured>,
    },
    /// Containers; must be taken down.
    Compose(Box<ComposeStack>),
    /// A site that kneepoint neither starts nor stops.
    Attached(Box<StackInfo>),
}

/// The outcome of [`Stack::down`].
#[derive(Debug)]
pub struct StackDown {
    /// One line for the console.
    pub summary: String,
    /// What still runs or exists; `None` when nothing remains.
    pub leftovers: Option<String>,
    /// The health of the stack just before it was stopped.
    pub health: Result<(), StackError>,
}

impl Stack {
    /// Prepares the reference stack, brings it up and waits until every tier responds. Blocks; on any failure nothing keeps
    /// running.
    ///
    /// # Errors
    /// Those of `prepare` and `up` of the driver.
    pub fn bring_up(
        plan: &ReferencePlan,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<Self, StackError> {
        let (topology, unmeasured) = plan.resolve_topology()?;
        match plan.driver {
            ReferenceDriver::Native => {
                let prepared = native::prepare(&plan.native_prepare(&topology), cancel, events)?;
                let stack = native::up(&plan.native_plan(topology), &prepared, cancel, events)?;
                Ok(Self::Native { stack: Box::new(stack), unmeasured })
            }
            ReferenceDriver::Compose => {
                let prepared = compose::prepare(&plan.compose_prepare(&topology), cancel, events)?;
                let stack = compose::up(&plan.compose_plan(topology), &prepared, cancel, events)?;
                Ok(Self::Compose(Box::new(stack)))
            }
        }
    }

    /// As [`Stack::bring_up`], and leaves the stack running after this process has ended.
    ///
    /// # Errors
    /// Those of [`Stack::bring_up`].
    pub fn leave_running(
        plan: &ReferencePlan,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<StackInfo, StackError> {
        let plan = ReferencePlan { lifetime: Lifetime::Detached, ..plan.clone() };
        Self::bring_up(&plan, cancel, events).map(|stack| stack.info().clone())
    }

    /// Attaches to a site that already runs.
    ///
    /// # Errors
    /// Those of [`attach()`].
    pub fn attach(plan: &AttachPlan, cancel: &Cancel) -> Result<Self, StackError> {
        attach(plan, cancel).map(|info| Self::Attached(Box::new(info)))
    }

    /// What runs, with addresses, processes and versions.
    pub fn info(&self) -> &StackInfo {
        match self {
            Self::Native { stack, .. } => stack.info(),
            Self::Compose(stack) => stack.info(),
            Self::Attached(info) => info,
        }
    }

    /// What cannot be measured on this stack, why, and the fix.
    pub fn unmeasured(&self) -> &[Unmeasured] {
        match self {
            Self::Native { unmeasured, .. } => unmeasured,
            Self::Compose(stack) => stack.unmeasured(),
            Self::Attached(_) => &[],
        }
    }

    /// Checks once whether every service runs and responds; an attached site is not checked.
    ///
    /// # Errors
    /// `Unhealthy` for the first service that does not, with the end of its log.
    pub fn check(&self, cancel: &Cancel) -> Result<(), StackError> {
        match self {
            Self::Native { stack, .. } => stack.check(cancel),
            Self::Compose(stack) => stack.check(cancel),
            Self::Attached(_) => Ok(()),
        }
    }

    /// Replaces the app servers while users are on the site.
    ///
    /// # Errors
    /// `Rollout` when this stack cannot do it, as an attached site never can; others as in the drivers.
    pub fn roll_out(
        &mut self,
        which: Rollout,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<RolloutReport, StackError> {
        match self {
            Self::Native { stack, .. } => stack.roll_out(which, cancel, events),
            Self::Compose(stack) => stack.roll_out(which, cancel, events),
            Self::Attached(_) => Err(rollout_impossible(which, "kneepoint did not start this site")),
        }
    }

    /// Takes the stack down: SIGTERM, and SIGKILL after `grace`. With `check_first` the health of containers is checked before,
    /// so that one that died during the run is reported. An attached site is not touched.
    pub fn down(self, grace: Duration, check_first: bool) -> StackDown {
        match self {
            Self::Attached(_) => StackDown {
                summary: "nothing to stop: kneepoint did not start this site".to_owned(),
                leftovers: None,
                health: Ok(()),
            },
            Self::Native { stack, .. } => {
                let report = stack.down(grace);
                let summary = format!("stopped {} services", report.stopped.len());
                StackDown { summary, leftovers: report.leftovers_text(), health: Ok(()) }
            }
            Self::Compose(stack) => {
                let health = if check_first { stack.check(&Cancel::new()) } else { Ok(()) };
                let report = stack.down(grace);
                let removed = report.removed.counts();
                let summary = format!("removed {removed}; Docker lists nothing of this stack any more");
                StackDown { summary, leftovers: report.leftovers_text(), health }
            }
        }
    }
}
