//! Changes of a running stack while users are on the site, step by step: what both drivers share.

use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::experiment::Rollout;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Micros;
use serde::Serialize;

use crate::error::StackError;

/// A finished step of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolloutStep {
    /// What was done, e.g. `gunicorn-2 is taken out and drained`.
    pub what: String,
    /// From the start of the step until its condition held.
    pub took_us: Micros,
}

/// What a finished rollout did, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolloutReport {
    /// The kind of rollout.
    #[serde(rename = "manoeuvre")]
    pub rollout: Rollout,
    /// All steps together.
    pub took_us: Micros,
    /// In the order in which they were done.
    pub steps: Vec<RolloutStep>,
    /// Limits of this stack that explain failed requests.
    pub notes: Vec<String>,
}

/// Since this version nginx can keep idle client connections while it is reloaded.
pub(crate) const NGINX_KEEPS_IDLE: (u32, u32, u32) = (1, 27, 4);
/// The note on rollouts behind an older nginx.
pub(crate) const NGINX_CLOSES_IDLE: &str = "this nginx (before 1.27.4) closes idle client connections when it is reloaded; a \
     request that arrives while a connection is being closed must be sent again by the client";
/// Time limit of a condition within a step.
const STEP_TIMEOUT: Duration = Duration::from_secs(40);

/// Polls until a condition holds. `hint` is appended to the error, e.g. where the logs are.
///
/// # Errors
/// `System` naming `what` after [`STEP_TIMEOUT`]; `Cancelled`; errors of the condition.
pub(crate) fn wait_for_condition(
    what: &str,
    hint: &str,
    pause: Duration,
    cancel: &Cancel,
    mut condition: impl FnMut() -> Result<bool, StackError>,
) -> Result<(), StackError> {
    let started = Instant::now();
    while !condition()? {
        if started.elapsed() >= STEP_TIMEOUT {
            let why = format!("after {} s this does not hold: {what}{hint}", STEP_TIMEOUT.as_secs());
            return Err(StackError::System { what: "a rollout", why });
        }
        if cancel.sleep(pause) {
            return Err(StackError::Cancelled);
        }
    }
    Ok(())
}

/// This stack cannot be changed in this way.
pub(crate) fn rollout_impossible(which: Rollout, why: &str) -> StackError {
    StackError::Rollout { rollout: which.name(), why: why.to_owned() }
}

fn elapsed_micros(started: Instant) -> Micros {
    Micros(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX))
}

/// Runs the steps of a rollout, announces each and measures how long it takes.
pub(crate) struct RolloutSteps<'a> {
    which: Rollout,
    started: Instant,
    finished: Vec<RolloutStep>,
    events: &'a dyn EventSink,
}

impl<'a> RolloutSteps<'a> {
    pub(crate) fn new(which: Rollout, events: &'a dyn EventSink) -> Self {
        Self { which, started: Instant::now(), finished: Vec::new(), events }
    }

    pub(crate) const fn which(&self) -> Rollout {
        self.which
    }

    pub(crate) fn run_step(
        &mut self,
        what: &str,
        action: impl FnOnce() -> Result<(), StackError>,
    ) -> Result<(), StackError> {
        let started = Instant::now();
        let done = self.finished.len() as u64;
        self.events.progress(Stage::Load, done, None, &format!("{}: {what}", self.which.name()));
        action()?;
        self.finished.push(RolloutStep { what: what.to_owned(), took_us: elapsed_micros(started) });
        Ok(())
    }

    pub(crate) fn into_report(self, notes: Vec<String>) -> RolloutReport {
        let Self { which, started, finished: steps, .. } = self;
        RolloutReport { rollout: which, took_us: elapsed_micros(started), steps, notes }
    }
}
