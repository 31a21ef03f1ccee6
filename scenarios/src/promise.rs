//! What a step promises of its endpoint. The gate reads and judges it; a scenario keeps the words and their place.

use crate::refusal::{Refusal, ScenarioError};

/// One promise, in the language of `[slo]`, e.g. `p95 <= 200ms`.
#[derive(Debug, Clone)]
pub struct Promised {
    pub(crate) text: String,
    /// Where it stands, ready to be refused.
    pub(crate) place: Box<Refusal>,
}

impl Promised {
    /// As `[slo]` would say it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is said when it cannot be kept to.
    pub fn refuse(&self, problem: String) -> ScenarioError {
        ScenarioError::Refused(Box::new(Refusal { problem, ..(*self.place).clone() }))
    }
}
