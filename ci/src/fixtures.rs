//! Fixtures of the unit tests: the gate runs of `kneepoint-testing` as facts, and plans.

use std::collections::BTreeMap;

use kneepoint_analysis::RunFacts;
use kneepoint_testing::{gate, run_facts};

pub(crate) use kneepoint_testing::gate::finding;

use crate::plan::SloPlan;

/// A plan from the texts of its assertions.
pub(crate) fn plan(global: &[&str], endpoints: &[(&str, &[&str])]) -> SloPlan {
    let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let endpoints: BTreeMap<String, Vec<String>> =
        endpoints.iter().map(|(name, texts)| ((*name).to_owned(), strings(texts))).collect();
    SloPlan::parse(&strings(global), &endpoints, None, None).expect("valid")
}

/// A run without faults.
pub(crate) fn run() -> RunFacts {
    run_facts!(RunFacts, gate::run())
}

/// A run whose site sends names and texts that try to break a report.
pub(crate) fn hostile() -> RunFacts {
    run_facts!(RunFacts, gate::hostile())
}
