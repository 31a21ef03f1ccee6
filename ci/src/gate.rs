//! `gate.json`: what the gate said.

use kneepoint_model::finding::Severity;
use kneepoint_model::summary::AssertionSummary;
use kneepoint_model::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// The judged promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// Version of this file's format.
    pub format_version: u32,
    /// What is said of the run as a whole.
    pub verdict: Verdict,
    /// Each assertion.
    pub assertions: Vec<AssertionSummary>,
    /// Severity from which a finding fails the run, when that was asked for.
    pub fail_on: Option<Severity>,
    /// Ids of the findings that fail it.
    pub failing_findings: Vec<String>,
}
