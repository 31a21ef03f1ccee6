//! The climb of the ladder.

use std::time::Duration;

use kneepoint_model::ladder::{LatencySlo, SearchPlan};
use serde::Serialize;

use super::{seconds, set, time};
use crate::config::raw::Ladder;
use crate::config::value::Rate;
use crate::config::{ConfigError, Overrides};

/// No phase of a climb may be shorter.
const SHORTEST_PHASE: Duration = Duration::from_secs(1);
/// The climb of the ladder.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LadderPart {
    pub(crate) promise: LatencySlo,
    pub(crate) rungs: Vec<String>,
    #[serde(serialize_with = "seconds")]
    pub(crate) closed: Duration,
    #[serde(serialize_with = "seconds")]
    pub(crate) step: Duration,
    pub(crate) search: SearchPlan,
    #[serde(serialize_with = "seconds")]
    pub(crate) equal: Duration,
    pub(crate) rate: Rate,
    #[serde(serialize_with = "seconds")]
    pub(crate) warmup: Duration,
}

/// Makes it of the file and the command line.
pub(super) fn ladder(raw: &Ladder, over: &Overrides) -> Result<LadderPart, ConfigError> {
    let part = LadderPart {
        promise: over.promise.clone().unwrap_or_else(|| set(raw.slo.clone()).0),
        rungs: if over.rungs.is_empty() { set(raw.rungs.clone()) } else { over.rungs.clone() },
        closed: time(raw.closed),
        step: time(raw.step),
        search: SearchPlan { max_trials: set(raw.steps).0 as usize, ..SearchPlan::default() },
        equal: time(raw.equal),
        rate: over.equal_rate.unwrap_or(set(raw.rate)),
        warmup: time(raw.warmup),
    };
    for (name, length) in [("closed", part.closed), ("step", part.step), ("equal", part.equal)] {
        if length < SHORTEST_PHASE {
            return Err(ConfigError::Merged(format!(
                "ladder.{name} = \"{}s\" is too short to measure anything; at least 1s, e.g. {name} = \"5s\"",
                length.as_secs_f64()
            )));
        }
    }
    Ok(part)
}
