//! Gaps in a measurement, each with its reason and its fix.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that could not be measured, the reason, and the one thing that would change that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unmeasured {
    /// The figure or feature that is missing from the report.
    pub what: String,
    /// The reason, in words.
    pub why: String,
    /// The command or setting that fixes it.
    pub fix: String,
}
