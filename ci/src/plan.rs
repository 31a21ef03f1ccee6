//! All assertions of a run: the parsed `[slo]` table and the assertions of scenario steps.
//!
//! ```toml
//! [slo]
//! assert = ["p95 < 300ms", "error < 0.1%"]
//! [slo.endpoint]
//! "GET /catalogue/" = ["queries_per_request <= 6"]
//! ```

use std::collections::BTreeMap;

use kneepoint_analysis::RunFacts;
use kneepoint_analysis::facts::PROFILED;
use kneepoint_model::finding::Severity;
use kneepoint_model::metric::Metric;
use kneepoint_model::text::single_line;
use thiserror::Error;

use crate::refusal::{SloError, find_closest};
use crate::slo::Assertion;

/// Longest text of the configuration or of a run that an error shows, in characters.
const MAX_SHOWN: usize = 400;

/// The assertions of a run and the rules for checking them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SloPlan {
    /// Assertions about all endpoints together.
    pub global: Vec<Assertion>,
    /// Assertions about single endpoints, by the name of the step.
    pub endpoints: BTreeMap<String, Vec<Assertion>>,
    /// The phase in which all are checked; `None` selects the default phase of each metric ([`crate::measure`]).
    pub phase: Option<String>,
    /// Findings of this severity or above fail the run.
    pub fail_on: Option<Severity>,
    /// Assertions in the run folder that this kneepoint cannot parse; each one is inconclusive.
    pub unreadable: Vec<UnreadableAssertion>,
}

/// An assertion that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableAssertion {
    /// The endpoint that it limits.
    pub endpoint: String,
    /// The assertion as it was written.
    pub text: String,
    /// The message of the parser.
    pub why: String,
}

/// A refused plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// An assertion cannot be parsed.
    #[error("{table}, entry {entry}: {error}")]
    Assertion {
        /// `slo.assert` or `slo.endpoint."GET /x/"`.
        table: String,
        /// Index of the entry, from 1.
        entry: usize,
        /// The fault of the assertion.
        error: Box<SloError>,
    },
    /// The metric is not measured per endpoint.
    #[error(
        "slo.endpoint.\"{endpoint}\": {metric} is measured for the whole stack, not for one endpoint; move it to slo.assert"
    )]
    NotPerEndpoint {
        /// The endpoint in the configuration.
        endpoint: String,
        /// The metric of the assertion.
        metric: Metric,
    },
    /// The profilers change the latency of the profiled phase.
    #[error(
        "slo.phase: `profiled` cannot be checked, because the profilers slow it down; use `closed` or `open`"
    )]
    ProfiledPhase,
    /// No scenario step has this name.
    #[error(
        "slo.endpoint: there is no step named `{endpoint}`{}; the steps are: {known}",
        .suggestion.as_ref().map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
    )]
    UnknownEndpoint {
        /// The name in the configuration.
        endpoint: String,
        /// A similar step.
        suggestion: Option<String>,
        /// The existing steps.
        known: String,
    },
}

impl SloPlan {
    /// Parses the `[slo]` table; returns the first fault.
    pub fn parse(
        global: &[String],
        endpoints: &BTreeMap<String, Vec<String>>,
        phase: Option<&str>,
        fail_on: Option<Severity>,
    ) -> Result<Self, PlanError> {
        if phase == Some(PROFILED) {
            return Err(PlanError::ProfiledPhase);
        }
        let mut plan = Self {
            global: parse_all("slo.assert", global)?,
            endpoints: BTreeMap::new(),
            phase: phase.map(str::to_owned),
            fail_on,
            unreadable: Vec::new(),
        };
        for (endpoint, texts) in endpoints {
            let assertions =
                parse_all(&format!("slo.endpoint.\"{}\"", single_line(endpoint, MAX_SHOWN)), texts)?;
            if let Some(whole) = assertions.iter().find(|assertion| !is_per_endpoint(assertion.metric())) {
                return Err(PlanError::NotPerEndpoint {
                    endpoint: single_line(endpoint, MAX_SHOWN),
                    metric: whole.metric(),
                });
            }
            plan.endpoints.insert(endpoint.clone(), assertions);
        }
        Ok(plan)
    }

    /// Adds the assertions of the scenario steps. The run folder contains them, so that the gate can run again from the
    /// folder only.
    #[must_use]
    pub fn with_step_assertions(mut self, facts: &RunFacts) -> Self {
        for endpoint in facts.phases.iter().flat_map(|phase| &phase.endpoints) {
            for text in &endpoint.slo {
                match parse_step_assertion(text) {
                    Ok(assertion) => {
                        let assertions = self.endpoints.entry(endpoint.name.clone()).or_default();
                        if !assertions.contains(&assertion) {
                            assertions.push(assertion);
                        }
                    }
                    Err(why) => {
                        let unreadable = UnreadableAssertion {
                            endpoint: single_line(&endpoint.name, MAX_SHOWN),
                            text: single_line(text, MAX_SHOWN),
                            why: single_line(&why, MAX_SHOWN),
                        };
                        if !self.unreadable.contains(&unreadable) {
                            self.unreadable.push(unreadable);
                        }
                    }
                }
            }
        }
        self
    }

    /// True when there are no assertions and findings do not fail the run.
    pub fn is_empty(&self) -> bool {
        self.global.is_empty()
            && self.unreadable.is_empty()
            && self.endpoints.values().all(Vec::is_empty)
            && self.fail_on.is_none()
    }
}

/// False for CPU, which is measured for the whole stack.
fn is_per_endpoint(metric: Metric) -> bool {
    metric != Metric::CpuPerRequest
}

/// Parses the assertion of a scenario step; the error is a complete message.
pub fn parse_step_assertion(text: &str) -> Result<Assertion, String> {
    let assertion = Assertion::parse(text).map_err(|error| error.to_string())?;
    if is_per_endpoint(assertion.metric()) {
        return Ok(assertion);
    }
    Err(format!(
        "{} is measured for the whole stack, not for one step; move it to [slo] of kneepoint.toml",
        assertion.metric()
    ))
}

fn parse_all(table: &str, texts: &[String]) -> Result<Vec<Assertion>, PlanError> {
    let parse = |(at, text): (usize, &String)| {
        Assertion::parse(text).map_err(|error| PlanError::Assertion {
            table: table.to_owned(),
            entry: at + 1,
            error: Box::new(error),
        })
    };
    texts.iter().enumerate().map(parse).collect()
}

/// Refuses assertions about unknown endpoints; `known` are the names of all steps of the run.
pub fn check_endpoints(plan: &SloPlan, known: &[String]) -> Result<(), PlanError> {
    const CLOSE: f64 = 0.8;
    const SHOWN: usize = 12;
    let Some(endpoint) = plan.endpoints.keys().find(|endpoint| !known.contains(endpoint)) else {
        return Ok(());
    };
    let mut names: Vec<&str> = known.iter().map(String::as_str).collect();
    let suggestion = find_closest(endpoint, names.iter().copied(), CLOSE);
    let more = if names.len() > SHOWN { ", …" } else { "" };
    names.truncate(SHOWN);
    Err(PlanError::UnknownEndpoint {
        endpoint: single_line(endpoint, MAX_SHOWN),
        suggestion: suggestion.map(|name| single_line(&name, MAX_SHOWN)),
        known: single_line(&format!("{}{more}", names.join(", ")), MAX_SHOWN),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn with(endpoint: &str, texts: &[&str]) -> Result<SloPlan, PlanError> {
        SloPlan::parse(&[], &BTreeMap::from([(endpoint.to_owned(), strings(texts))]), None, None)
    }

    #[test]
    fn a_table_is_read_whole() {
        let plan = SloPlan::parse(&strings(&["p95 < 300ms"]), &BTreeMap::new(), Some("closed"), None)
            .expect("valid");
        assert_eq!(plan.global[0].to_string(), "p95 < 300ms");
        assert!(!plan.is_empty() && SloPlan::default().is_empty());
    }

    #[test]
    fn refusals_name_table_and_entry() {
        let error = with("GET /x/", &["p95 < 1s", "p95 < 1"]).expect_err("no unit");
        assert!(
            error.to_string().starts_with("slo.endpoint.\"GET /x/\", entry 2: invalid assertion"),
            "{error}"
        );
        let error = with("GET /x/", &["cpu_per_request < 1ms"]).expect_err("whole stack only");
        assert!(error.to_string().contains("move it to slo.assert"), "{error}");
        assert_eq!(
            SloPlan::parse(&[], &BTreeMap::new(), Some("profiled"), None),
            Err(PlanError::ProfiledPhase)
        );
    }

    #[test]
    fn an_unknown_endpoint_is_refused_with_a_suggestion() {
        let plan = with("GET /catalog/", &["p95 < 1s"]).expect("valid");
        let known = strings(&["GET /catalogue/", "GET /book/{id}/"]);
        let error = check_endpoints(&plan, &known).expect_err("unknown");
        assert!(error.to_string().contains("did you mean `GET /catalogue/`"), "{error}");
        assert_eq!(check_endpoints(&with("GET /catalogue/", &["p95 < 1s"]).expect("valid"), &known), Ok(()));
    }
}
