//! Findings: one rule per file, each a pure function of the [`Context`].
//!
//! All rules follow these principles. Only the rules that explain errors (`errors`, `generator_limited`, `lost_update`,
//! `deadlocks`, `max_connections`) use invalid phases. Fewer than [`MIN_SAMPLES`] requests are not enough data, and a rule
//! without enough data reports that it is inconclusive. The profiled phase gives no latency. A stack without the fault has
//! no finding.

pub mod buffer_pool;
pub mod cache_hit_ratio;
pub mod cache_miss;
pub mod cache_unused;
pub mod connect_per_request;
mod context;
pub mod count_paging;
pub mod cpu_starvation;
mod database;
pub mod deadlocks;
pub mod debug_mode;
pub mod development_server;
pub mod errors;
pub mod generator_limited;
pub mod lock_waits;
pub mod lost_update;
pub mod many_queries;
pub mod max_connections;
pub mod missing_index;
pub mod n_plus_one;
pub mod no_pagination;
mod order;
mod repeats;
pub mod serializable_reads;
pub mod slow_engine;
mod sql;
mod statement;
pub mod text;
pub mod tmp_tables;
pub mod uncompressed;
pub mod unsafe_cache;
pub mod worker_starvation;

use kneepoint_model::finding::{Finding, Rule};

pub use context::{Context, MIN_SAMPLES};

use crate::types::RuleReport;

/// The result of a rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleOutcome {
    /// The findings of the rule.
    pub findings: Vec<Finding>,
    /// Why the rule, or a part of it, was not evaluated.
    pub not_evaluated: Option<String>,
    /// True when the stack has nothing that the rule checks.
    pub not_applicable: bool,
}

impl RuleOutcome {
    fn found(findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::default() }
    }
    fn inconclusive(why: &str) -> Self {
        Self { not_evaluated: Some(why.to_owned()), ..Self::default() }
    }
    fn not_applicable(why: &str) -> Self {
        Self { not_applicable: true, ..Self::inconclusive(why) }
    }
}

type Check = fn(&Context<'_>) -> RuleOutcome;

const RULES: [(Rule, Check); 25] = [
    (Rule::LostUpdate, lost_update::check),
    (Rule::GeneratorLimited, generator_limited::check),
    (Rule::Errors, errors::check),
    (Rule::UnsafeCache, unsafe_cache::check),
    (Rule::NPlusOne, n_plus_one::check),
    (Rule::ManyQueries, many_queries::check),
    (Rule::MissingIndex, missing_index::check),
    (Rule::CountPaging, count_paging::check),
    (Rule::LockWaits, lock_waits::check),
    (Rule::Deadlocks, deadlocks::check),
    (Rule::SerializableReads, serializable_reads::check),
    (Rule::ConnectPerRequest, connect_per_request::check),
    (Rule::MaxConnections, max_connections::check),
    (Rule::BufferPool, buffer_pool::check),
    (Rule::TmpTables, tmp_tables::check),
    (Rule::CacheMiss, cache_miss::check),
    (Rule::CacheHitRatio, cache_hit_ratio::check),
    (Rule::CacheUnused, cache_unused::check),
    (Rule::WorkerStarvation, worker_starvation::check),
    (Rule::SlowEngine, slow_engine::check),
    (Rule::CpuStarvation, cpu_starvation::check),
    (Rule::NoPagination, no_pagination::check),
    (Rule::Uncompressed, uncompressed::check),
    (Rule::DevelopmentServer, development_server::check),
    (Rule::DebugMode, debug_mode::check),
];

/// Runs every rule; returns the findings in their final order, and the result of each rule.
pub fn check_all(context: &Context<'_>) -> (Vec<Finding>, Vec<RuleReport>) {
    let (mut findings, mut reports) = (Vec::new(), Vec::new());
    for (rule, check) in RULES {
        let outcome = check(context);
        reports.push(RuleReport {
            rule,
            findings: outcome.findings.len() as u64,
            not_evaluated: outcome.not_evaluated,
            not_applicable: outcome.not_applicable,
        });
        findings.extend(outcome.findings);
    }
    order::sort(&mut findings);
    (findings, reports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{analyse, fixtures};

    #[test]
    fn a_healthy_stack_has_no_findings_and_every_rule_is_evaluated() {
        let analysis = analyse(&fixtures::healthy());
        assert!(analysis.findings.is_empty(), "{:#?}", analysis.findings);
        let not_evaluated: Vec<_> =
            analysis.rules.iter().filter(|rule| rule.not_evaluated.is_some()).collect();
        assert!(not_evaluated.is_empty(), "{not_evaluated:#?}");
        let counts = analysis.rule_counts();
        assert_eq!((counts.evaluated, counts.inconclusive, counts.not_applicable), (RULES.len(), 0, 0));
    }

    #[test]
    fn without_data_rules_are_inconclusive_and_without_servers_not_applicable() {
        let counts = analyse(&fixtures::empty()).rule_counts();
        assert!(counts.inconclusive > 0 && counts.not_applicable > 0, "{counts}");
        assert_eq!(counts.evaluated + counts.inconclusive + counts.not_applicable, RULES.len());
        assert!(counts.to_string().starts_with("25 rules: "), "{counts}");
    }

    #[test]
    fn every_rule_runs_once() {
        let mut rules = RULES.map(|(rule, _)| rule).to_vec();
        rules.sort();
        rules.dedup();
        assert_eq!(rules.len(), RULES.len());
    }
}
