//! Settings of experiments.

use std::time::Duration;

use serde::Serialize;

use crate::config::raw::{DataSize, Experiment};
use crate::config::required::{required, required_time, serialize_time};
use crate::config::{ConfigError, Overrides};

/// Fewer pairs have no 99 % interval (`kneepoint_analysis::paired`).
const MIN_PAIRS: u32 = 8;

/// `[experiment]`, with overrides applied.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ExperimentPart {
    /// Pairs that give a verdict.
    pub(crate) pairs: u32,
    /// Pairs that may be measured again because something disturbed them.
    pub(crate) spare: u32,
    /// Length of a block; a pair has two.
    #[serde(serialize_with = "serialize_time")]
    pub(crate) block: Duration,
    /// Size of the data.
    pub(crate) size: DataSize,
}

/// Combines the file and the command line.
pub(super) fn build_experiment(raw: &Experiment, over: &Overrides) -> Result<ExperimentPart, ConfigError> {
    let part = ExperimentPart {
        pairs: over.pairs.unwrap_or(required(raw.pairs).0),
        spare: required(raw.spare),
        block: over.block.unwrap_or(required_time(raw.block)),
        size: over.size.unwrap_or(required(raw.size)),
    };
    if !(MIN_PAIRS..=200).contains(&part.pairs) {
        return Err(ConfigError::Merged(format!(
            "experiment.pairs = {} is not between {MIN_PAIRS} and 200; e.g. pairs = 10",
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
