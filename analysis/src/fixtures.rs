//! Fixtures of the unit tests: the runs of `kneepoint-testing` as facts, and helpers that run rules on them.

use kneepoint_model::db::DbWindow;
use kneepoint_model::finding::Finding;
use kneepoint_model::probe::CacheTest;
use kneepoint_testing::{RunParts, bookstore, builders, run_facts};

pub(crate) use kneepoint_testing::bookstore::{START, digest, phase, sample};

use crate::conditions::phase_conditions;
use crate::facts::RunFacts;
use crate::findings::{Context, RuleOutcome};

/// A run that has only a manifest.
pub(crate) fn empty() -> RunFacts {
    run_facts!(RunFacts, RunParts::new(builders::manifest()))
}

/// A run without faults.
pub(crate) fn healthy() -> RunFacts {
    run_facts!(RunFacts, bookstore::healthy())
}

/// The database and cache counters of a phase of the healthy run.
pub(crate) fn window<'a>(facts: &'a mut RunFacts, phase: &str) -> &'a mut DbWindow {
    facts.db.get_mut(phase).expect("the healthy run has a window for each phase")
}

/// Runs a rule on facts.
pub(crate) fn findings(facts: &RunFacts, check: fn(&Context<'_>) -> RuleOutcome) -> Vec<Finding> {
    with_context(facts, |context| check(context).findings)
}

/// Calls a function with the context of a rule.
pub(crate) fn with_context<T>(facts: &RunFacts, check: impl FnOnce(&Context<'_>) -> T) -> T {
    let conditions = phase_conditions(facts);
    let (endpoints, tiers) =
        (crate::attribute::summarise_endpoints(facts), crate::tiers::summarise_tiers(facts));
    check(&Context { facts, conditions: &conditions, endpoints: &endpoints, tiers: &tiers })
}

/// The two-user test of a route.
pub(crate) fn cache_test(facts: &mut RunFacts, route: usize) -> &mut CacheTest {
    facts.probe.as_mut().expect("probe").routes[route].cache.as_mut().expect("a two-user test")
}
