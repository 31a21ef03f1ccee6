//! Builds the analysis of a run from its facts; each part has its own file.

use std::collections::BTreeMap;

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::{FORMAT_VERSION, names};
use kneepoint_model::site::PageVerdict;
use kneepoint_model::summary::{CacheSummary, LoadSummary, ProfileSummary, SmokeSummary};
use kneepoint_model::units::Ratio;

use crate::facts::RunFacts;
use crate::server_timing::sum_run;
use crate::types::{Analysis, PhaseConditions};
use crate::{attribute, conditions, db_summary, findings, tiers};

/// Analyses a run. Total: every run folder has an analysis, also an empty one.
pub fn analyse(facts: &RunFacts) -> Analysis {
    let conditions = conditions::phase_conditions(facts);
    let endpoints = attribute::summarise_endpoints(facts);
    let tiers = tiers::summarise_tiers(facts);
    let context = findings::Context { facts, conditions: &conditions, endpoints: &endpoints, tiers: &tiers };
    let (findings, rules) = findings::check_all(&context);
    Analysis {
        format_version: FORMAT_VERSION,
        validity: conditions::run_validity(facts, &conditions),
        smoke: summarise_crawl(facts),
        load: facts.phases.iter().map(|phase| summarise_load(phase, &conditions)).collect(),
        cache: summarise_caches(facts),
        db: db_summary::summarise_databases(facts),
        profiles: summarise_profiles(facts),
        conditions,
        endpoints,
        tiers,
        findings,
        rules,
    }
}

fn summarise_crawl(facts: &RunFacts) -> SmokeSummary {
    let pages = facts.site.as_ref().map_or(&[][..], |site| site.pages.as_slice());
    let count = |verdict| pages.iter().filter(|page| page.verdict == verdict).count() as u64;
    SmokeSummary {
        pages: pages.len() as u64,
        broken: count(PageVerdict::Failed),
        warned: count(PageVerdict::Warned),
    }
}

fn summarise_load(phase: &LoadPhase, conditions: &[PhaseConditions]) -> LoadSummary {
    let conditions = conditions.iter().find(|conditions| conditions.phase == phase.name);
    let validity = conditions.map_or(&phase.validity, |conditions| &conditions.validity);
    LoadSummary {
        phase: phase.name.clone(),
        model: phase.load.name().to_owned(),
        scenario: phase.scenarios.clone(),
        offered_rps: phase.offered_rps,
        achieved_rps: phase.achieved_rps,
        requests: phase.requests,
        errors: phase.errors,
        response_us: phase.response_us,
        service_us: phase.service_us,
        ttfb_us: phase.ttfb_us,
        sched_lag_us: phase.sched_lag_us,
        valid: validity.valid,
        why: validity.why.clone(),
    }
}

fn summarise_caches(facts: &RunFacts) -> CacheSummary {
    let mut proxy: BTreeMap<CacheOutcome, u64> = BTreeMap::new();
    let by_client =
        facts.measured_phases().flat_map(|phase| &phase.endpoints).map(|endpoint| &endpoint.cache);
    by_client.for_each(|cache| add_counts(&mut proxy, cache));
    if attribute::hit_ratio(&proxy).is_none() {
        // No response had a `Cache-Status`; the proxy log may contain it.
        proxy.clear();
        let logs = facts.measured_phases().filter_map(|phase| facts.access.get(&phase.name));
        logs.flat_map(|log| &log.routes).for_each(|route| add_counts(&mut proxy, &route.cache));
    }
    let sums = sum_run(facts);
    CacheSummary {
        proxy_hit: attribute::hit_ratio(&proxy),
        proxy,
        app_hits: sums.cache_hits,
        app_misses: sums.cache_misses,
        app_hit: Ratio::from_parts(sums.cache_hits, sums.cache_hits + sums.cache_misses),
    }
}

fn add_counts(into: &mut BTreeMap<CacheOutcome, u64>, from: &BTreeMap<CacheOutcome, u64>) {
    for (outcome, count) in from {
        *into.entry(*outcome).or_default() += count;
    }
}

fn summarise_profiles(facts: &RunFacts) -> Vec<ProfileSummary> {
    let entries = facts.profiles.as_ref().map_or(&[][..], |index| index.profiles.as_slice());
    let summary = |entry: &kneepoint_model::profile::ProfileEntry| ProfileSummary {
        tier: entry.tier,
        source: entry.source,
        samples: entry.facts.samples,
        expected_samples: entry.facts.expected_samples,
        file: names::folded(&entry.file),
    };
    entries.iter().map(summary).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn an_empty_folder_has_an_analysis() {
        let analysis = analyse(&fixtures::empty());
        assert!(!analysis.validity.valid);
        assert!(analysis.findings.is_empty(), "{:?}", analysis.findings);
        assert!(analysis.db.source.starts_with("nothing"));
    }

    #[test]
    fn the_analysis_is_equal_after_a_round_trip_through_json() {
        let analysis = analyse(&fixtures::healthy());
        let text = serde_json::to_string(&analysis).expect("writes");
        assert_eq!(serde_json::from_str::<Analysis>(&text).expect("reads").endpoints, analysis.endpoints);
    }

    #[test]
    fn cache_hits_come_from_the_proxy_log_when_responses_have_no_cache_status() {
        let mut facts = fixtures::healthy();
        let log = facts.access.get_mut("closed").expect("log");
        log.routes[0].cache = BTreeMap::from([(CacheOutcome::Hit, 3), (CacheOutcome::Miss, 1)]);
        assert_eq!(analyse(&facts).cache.proxy_hit, Some(Ratio(0.75)));
    }
}
