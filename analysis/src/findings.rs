//! Findings: one rule a file, each a pure function of the [`Context`].
//!
//! Truth rules for all of them: no rule but those that explain errors (`errors`, `generator_limited`, `lost_update`,
//! `deadlocks`, `max_connections`) looks at a phase that may not be believed;
//! fewer than [`MIN_SAMPLES`] requests are not enough data, and a rule that could not judge says so; the profiled phase
//! gives no latency; a stack without the fault gives no finding.

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

/// What a rule has to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// What it found.
    pub findings: Vec<Finding>,
    /// Why it could not judge, or not all of it.
    pub not_judged: Option<String>,
}

impl Judgement {
    fn found(findings: Vec<Finding>) -> Self {
        Self { findings, not_judged: None }
    }
    fn not_judged(why: &str) -> Self {
        Self { findings: Vec::new(), not_judged: Some(why.to_owned()) }
    }
}

type Check = fn(&Context<'_>) -> Judgement;

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

/// Asks every rule; findings in their final order, and what became of each rule.
pub fn check_all(context: &Context<'_>) -> (Vec<Finding>, Vec<RuleReport>) {
    let (mut findings, mut reports) = (Vec::new(), Vec::new());
    for (rule, check) in RULES {
        let judgement = check(context);
        let count = judgement.findings.len() as u64;
        reports.push(RuleReport { rule, findings: count, not_judged: judgement.not_judged });
        findings.extend(judgement.findings);
    }
    order::sort(&mut findings);
    (findings, reports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{analyse, hand};

    #[test]
    fn a_healthy_stack_has_no_findings_and_every_rule_could_judge() {
        let analysis = analyse(&hand::healthy());
        assert!(analysis.findings.is_empty(), "{:#?}", analysis.findings);
        let silent: Vec<_> = analysis.rules.iter().filter(|rule| rule.not_judged.is_some()).collect();
        assert!(silent.is_empty(), "{silent:#?}");
    }

    #[test]
    fn every_rule_is_asked_once() {
        let mut rules = RULES.map(|(rule, _)| rule).to_vec();
        rules.sort();
        rules.dedup();
        assert_eq!(rules.len(), RULES.len());
    }
}
