//! Everything that is promised of a run: the `[slo]` table, read and trusted from then on.
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
use thiserror::Error;

use crate::refusal::{SloError, closest};
use crate::slo::Assertion;

/// What is promised.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SloPlan {
    /// Of all endpoints together.
    pub global: Vec<Assertion>,
    /// Of single endpoints, by the name of the step.
    pub endpoints: BTreeMap<String, Vec<Assertion>>,
    /// Phase in which all are judged; without it each metric is judged where it belongs (see [`crate::measure`]).
    pub phase: Option<String>,
    /// A finding of this severity or above fails the run.
    pub fail_on: Option<Severity>,
    /// Promises in the run folder that this kneepoint cannot read; each is a doubt.
    pub unread: Vec<Unread>,
}

/// A promise that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Of which endpoint.
    pub endpoint: String,
    /// As it was written.
    pub text: String,
    /// Why not.
    pub why: String,
}

/// Why a plan was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// An assertion cannot be read.
    #[error("{table}, entry {entry}: {error}")]
    Assertion {
        /// `slo.assert` or `slo.endpoint."GET /x/"`.
        table: String,
        /// Which entry, from one.
        entry: usize,
        /// What is wrong with it.
        error: Box<SloError>,
    },
    /// The metric is not known for each endpoint.
    #[error(
        "slo.endpoint.\"{endpoint}\": {metric} is measured for the whole stack, not for one endpoint; move it to slo.assert"
    )]
    NotPerEndpoint {
        /// Which endpoint.
        endpoint: String,
        /// Which metric.
        metric: Metric,
    },
    /// Latency of a phase in which profiles are taken is not the stack's.
    #[error(
        "slo.phase: the profiled phase pays for its profiles and is never judged; use `closed` or `open`"
    )]
    ProfiledPhase,
    /// No step of the scenarios has this name.
    #[error(
        "slo.endpoint: no step is called `{endpoint}`{}; steps are: {known}",
        .suggestion.as_ref().map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
    )]
    UnknownEndpoint {
        /// What was written.
        endpoint: String,
        /// What may have been meant.
        suggestion: Option<String>,
        /// The steps there are.
        known: String,
    },
}

impl SloPlan {
    /// Reads the table's texts; the first thing wrong is refused.
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
            global: read("slo.assert", global)?,
            endpoints: BTreeMap::new(),
            phase: phase.map(str::to_owned),
            fail_on,
            unread: Vec::new(),
        };
        for (endpoint, texts) in endpoints {
            let own = read(&format!("slo.endpoint.\"{}\"", clean(endpoint)), texts)?;
            if let Some(whole) = own.iter().find(|own| !is_per_endpoint(own.metric())) {
                return Err(PlanError::NotPerEndpoint { endpoint: clean(endpoint), metric: whole.metric() });
            }
            plan.endpoints.insert(endpoint.clone(), own);
        }
        Ok(plan)
    }

    /// With what the scenarios of the run promised of their steps: the run folder remembers it, so that a run is judged
    /// again from its folder alone.
    #[must_use]
    pub fn with_promised(mut self, facts: &RunFacts) -> Self {
        for endpoint in facts.phases.iter().flat_map(|phase| &phase.endpoints) {
            for text in &endpoint.slo {
                match promise(text) {
                    Ok(assertion) => {
                        let own = self.endpoints.entry(endpoint.name.clone()).or_default();
                        if !own.contains(&assertion) {
                            own.push(assertion);
                        }
                    }
                    Err(why) => {
                        let unread =
                            Unread { endpoint: clean(&endpoint.name), text: clean(text), why: clean(&why) };
                        if !self.unread.contains(&unread) {
                            self.unread.push(unread);
                        }
                    }
                }
            }
        }
        self
    }

    /// True when nothing at all is promised.
    pub fn is_empty(&self) -> bool {
        self.global.is_empty()
            && self.unread.is_empty()
            && self.endpoints.values().all(Vec::is_empty)
            && self.fail_on.is_none()
    }
}

/// CPU is measured for the whole stack.
fn is_per_endpoint(metric: Metric) -> bool {
    metric != Metric::CpuPerRequest
}

/// Reads what a step of a scenario promises; the words say what is wrong with it.
pub fn promise(text: &str) -> Result<Assertion, String> {
    let assertion = Assertion::parse(text).map_err(|error| error.to_string())?;
    if is_per_endpoint(assertion.metric()) {
        return Ok(assertion);
    }
    Err(format!(
        "{} is measured for the whole stack, not for one step; move it to [slo] of kneepoint.toml",
        assertion.metric()
    ))
}

fn read(table: &str, texts: &[String]) -> Result<Vec<Assertion>, PlanError> {
    let one = |(at, text): (usize, &String)| {
        Assertion::parse(text).map_err(|error| PlanError::Assertion {
            table: table.to_owned(),
            entry: at + 1,
            error: Box::new(error),
        })
    };
    texts.iter().enumerate().map(one).collect()
}

/// Refuses promises about endpoints that no step has; `known` are the names of the steps that will run.
pub fn check_endpoints(plan: &SloPlan, known: &[String]) -> Result<(), PlanError> {
    const CLOSE: f64 = 0.8;
    const SHOWN: usize = 12;
    let Some(endpoint) = plan.endpoints.keys().find(|endpoint| !known.contains(endpoint)) else {
        return Ok(());
    };
    let mut names: Vec<&str> = known.iter().map(String::as_str).collect();
    let suggestion = closest(endpoint, names.iter().copied(), CLOSE);
    let more = if names.len() > SHOWN { ", …" } else { "" };
    names.truncate(SHOWN);
    Err(PlanError::UnknownEndpoint {
        endpoint: clean(endpoint),
        suggestion: suggestion.map(|name| clean(&name)),
        known: format!("{}{more}", clean(&names.join(", "))),
    })
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
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
        assert!(error.to_string().starts_with("slo.endpoint.\"GET /x/\", entry 2: cannot read"), "{error}");
        let error = with("GET /x/", &["cpu_per_request < 1ms"]).expect_err("whole stack only");
        assert!(error.to_string().contains("move it to slo.assert"), "{error}");
        assert_eq!(
            SloPlan::parse(&[], &BTreeMap::new(), Some("profiled"), None),
            Err(PlanError::ProfiledPhase)
        );
    }

    #[test]
    fn an_unknown_endpoint_is_refused_with_what_was_meant() {
        let plan = with("GET /catalog/", &["p95 < 1s"]).expect("valid");
        let known = strings(&["GET /catalogue/", "GET /book/{id}/"]);
        let error = check_endpoints(&plan, &known).expect_err("unknown");
        assert!(error.to_string().contains("did you mean `GET /catalogue/`"), "{error}");
        assert_eq!(check_endpoints(&with("GET /catalogue/", &["p95 < 1s"]).expect("valid"), &known), Ok(()));
    }
}
