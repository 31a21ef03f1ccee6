//! Objectives of a step, for its endpoint. The gate parses and judges them; a scenario keeps their text and source location.

use crate::error::{Diagnostic, ScenarioError};

/// One objective in the syntax of `[slo]`, e.g. `p95 <= 200ms`.
#[derive(Debug, Clone)]
pub struct StepSlo {
    pub(crate) assertion: String,
    /// Points at the value in the file; its problem text is still empty.
    pub(crate) location: Box<Diagnostic>,
}

impl StepSlo {
    /// The objective in the syntax of `[slo] assert`.
    pub fn assertion(&self) -> &str {
        &self.assertion
    }

    /// An error that points at this objective in the scenario file.
    pub fn to_error(&self, problem: String) -> ScenarioError {
        ScenarioError::Invalid(Box::new(Diagnostic { problem, ..(*self.location).clone() }))
    }
}
