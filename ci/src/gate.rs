//! The content of `gate.json`.

use kneepoint_model::finding::Severity;
use kneepoint_model::summary::AssertionSummary;
use kneepoint_model::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// The result of the gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// Version of this file's format.
    pub format_version: u32,
    /// Verdict on the whole run.
    pub verdict: Verdict,
    /// The result of each assertion.
    pub assertions: Vec<AssertionSummary>,
    /// Severity from which a finding fails the run; `None` when findings do not fail it.
    pub fail_on: Option<Severity>,
    /// Ids of the findings that fail the run.
    pub failing_findings: Vec<String>,
}
