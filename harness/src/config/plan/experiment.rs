//! Advice put to the test.

use std::time::Duration;

use serde::Serialize;

use super::{seconds, set, time};
use crate::config::raw::{DataSize, Experiment};
use crate::config::{ConfigError, Overrides};

/// Fewer pairs cannot carry a verdict that is wrong once in a hundred times (`kneepoint_analysis::paired`).
const LEAST_PAIRS: u32 = 8;

/// Advice put to the test.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ExperimentPart {
    /// Pairs that a verdict is drawn from.
    pub(crate) pairs: u32,
    /// Pairs that may be measured again because something disturbed them.
    pub(crate) spare: u32,
    /// Length of a block; a pair has two.
    #[serde(serialize_with = "seconds")]
    pub(crate) block: Duration,
    /// Size of the data.
    pub(crate) size: DataSize,
}

/// Makes it of the file and the command line.
pub(super) fn experiment(raw: &Experiment, over: &Overrides) -> Result<ExperimentPart, ConfigError> {
    let part = ExperimentPart {
        pairs: over.pairs.unwrap_or(set(raw.pairs).0),
        spare: set(raw.spare),
        block: over.block.unwrap_or(time(raw.block)),
        size: over.size.unwrap_or(set(raw.size)),
    };
    if !(LEAST_PAIRS..=200).contains(&part.pairs) {
        return Err(ConfigError::Merged(format!(
            "experiment.pairs = {} is not between {LEAST_PAIRS} and 200; e.g. pairs = 10",
            part.pairs
        )));
    }
    if !(Duration::from_millis(100)..=Duration::from_mins(1)).contains(&part.block) {
        return Err(ConfigError::Merged(format!(
            "experiment.block = \"{}s\" is not between 100ms and 60s; e.g. block = \"1s\"",
            part.block.as_secs_f64()
        )));
    }
    Ok(part)
}
