//! Settings of the ladder.

use std::time::Duration;

use kneepoint_model::ladder::{LatencySlo, SearchPlan};
use serde::Serialize;

use crate::config::raw::Ladder;
use crate::config::required::{required, required_time, serialize_time};
use crate::config::value::Rate;
use crate::config::{ConfigError, Overrides};

/// Shortest length of a phase.
const MIN_PHASE: Duration = Duration::from_secs(1);

/// `[ladder]`, with overrides applied.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LadderPart {
    /// Raising the rate ends where this is violated.
    #[serde(rename = "promise")]
    pub(crate) objective: LatencySlo,
    pub(crate) rungs: Vec<String>,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) closed: Duration,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) step: Duration,
    pub(crate) search: SearchPlan,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) equal: Duration,
    pub(crate) rate: Rate,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) warmup: Duration,
}

/// Combines the file and the command line.
pub(super) fn build_ladder(raw: &Ladder, over: &Overrides) -> Result<LadderPart, ConfigError> {
    let part = LadderPart {
        objective: over.objective.clone().unwrap_or_else(|| required(raw.slo.clone()).0),
        rungs: if over.rungs.is_empty() { required(raw.rungs.clone()) } else { over.rungs.clone() },
        closed: required_time(raw.closed),
        step: required_time(raw.step),
        search: SearchPlan { max_trials: required(raw.steps).0 as usize, ..SearchPlan::default() },
        equal: required_time(raw.equal),
        rate: over.equal_rate.unwrap_or(required(raw.rate)),
        warmup: required_time(raw.warmup),
    };
    for (name, length) in [("closed", part.closed), ("step", part.step), ("equal", part.equal)] {
        if length < MIN_PHASE {
            return Err(ConfigError::Merged(format!(
                "ladder.{name} = \"{}s\" is too short; the minimum is 1s, e.g. {name} = \"5s\"",
                length.as_secs_f64()
            )));
        }
    }
    Ok(part)
}
