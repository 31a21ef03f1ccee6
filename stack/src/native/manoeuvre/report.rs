//! What a manoeuvre did.

use kneepoint_model::experiment::Rollout;
use kneepoint_model::units::Micros;
use serde::Serialize;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManoeuvreStep {
    /// What was done, in words.
    pub what: String,
    /// How long it took.
    pub took_us: Micros,
}

/// A manoeuvre that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManoeuvreReport {
    /// Which.
    pub manoeuvre: Rollout,
    /// How long all of it took.
    pub took_us: Micros,
    /// Step by step.
    pub steps: Vec<ManoeuvreStep>,
    /// What must be known to read what visitors noticed.
    pub notes: Vec<String>,
}
