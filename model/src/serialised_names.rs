//! Test: fields and variants whose names in Rust differ from those in files keep the names of format version 1.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cache_status::CacheOutcome;
use crate::db::QueryPlan;
use crate::experiment::{EffectAssessment, EffectVerdict, Ending, Rollout, RolloutResult};
use crate::histogram::Quantiles;
use crate::ladder::SearchPlan;
use crate::load::Pacing;
use crate::load_segment::SegmentStats;
use crate::probe::{CacheTest, ProbeResult};
use crate::site::SiteMap;
use crate::units::{Micros, PerSecond};
use crate::warm::WarmResult;

fn has_keys(value: &impl serde::Serialize, keys: &[&str]) {
    let value = serde_json::to_value(value).expect("json");
    for key in keys {
        assert!(value.get(key).is_some_and(|value| *value != Value::Null), "no {key} in {value}");
    }
}

#[test]
fn renamed_fields_keep_their_names_in_files() {
    let verdict = EffectVerdict::NoEffectSeen;
    let assessment =
        EffectAssessment { verdict, effect: None, smallest_detectable: Some(0.1), why: Vec::new() };
    has_keys(&assessment, &["judgement", "smallest_seen"]);
    assert_eq!(serde_json::to_value(Ending::Assessed(assessment)).expect("json")["status"], "judged");
    let rollout = RolloutResult {
        rollout: Rollout::BlueGreen,
        rate: PerSecond(1.0),
        requests: 0,
        lost: 0,
        how: BTreeMap::default(),
        response_us: Quantiles::default(),
        took_us: Micros::ZERO,
        trouble: None,
    };
    assert_eq!(serde_json::to_value(rollout).expect("json")["manoeuvre"], "blue-green");
    has_keys(&SearchPlan::default(), &["max_steps"]);
    has_keys(&Pacing::default(), &["slack_us"]);
    has_keys(&SiteMap::default(), &["left_alone", "left_alone_counts"]);
    has_keys(&WarmResult::default(), &["flat"]);
    has_keys(
        &SegmentStats {
            segment: "hold 1/s for 1s".parse().expect("a segment"),
            offered_rps: PerSecond(1.0),
            requests: 1,
            errors: 0,
            response_us: Quantiles::default(),
            service_us: Quantiles::default(),
        },
        &["stage"],
    );
    let second = CacheOutcome::None;
    has_keys(
        &CacheTest { same_body: true, shared_token: false, second, uncached_reasons: Vec::new() },
        &["because"],
    );
    let probe =
        json!({"format_version": 1, "routes": [], "statements": {}, "seen_through": 0.5, "took_us": 1});
    assert!(serde_json::from_value::<ProbeResult>(probe).expect("probe.json").probe_coverage.is_some());
    let plan = json!({"outcome": "not_seen", "why": "x"});
    assert_eq!(
        serde_json::from_value::<QueryPlan>(plan).expect("plan"),
        QueryPlan::Unavailable { why: "x".to_owned() }
    );
}

#[test]
fn a_phase_of_format_version_1_is_read_with_its_segments_and_exhausted_feeds() {
    let quantiles = serde_json::to_value(Quantiles::default()).expect("json");
    let mut phase = json!({
        "format_version": 1, "name": "open", "load": {"model": "open", "rate": 1.0}, "scenarios": {}, "seed": 1,
        "started_ms": 0, "measured_from_ms": 0, "measured_until_ms": 1, "offered_rps": null, "achieved_rps": 0.0,
        "requests": 0, "errors": 0, "outcomes": {}, "journeys": 0, "journeys_failed": 0, "curve": [], "endpoints": [],
        "seconds": [], "exemplars": [], "log": "load/open.hlog", "partial": false,
        "generator": crate::load::GeneratorHealth::default(), "validity": crate::load::Validity::default(),
        "dry": [{"scenario": "a", "feed": "b", "rows": 1, "journeys": 2}],
        "stages": [{"stage": {"from": 1.0, "to": 1.0, "length_us": 1_000_000}, "offered_rps": 1.0, "requests": 1,
            "errors": 0, "response_us": quantiles, "service_us": quantiles}],
    });
    for times in ["response_us", "service_us", "ttfb_us", "connect_us", "sched_lag_us", "pool_wait_us"] {
        phase[times] = quantiles.clone();
    }
    let phase: crate::load::LoadPhase = serde_json::from_value(phase).expect("load/open.json");
    assert_eq!((phase.exhausted_feeds.len(), phase.segments.len()), (1, 1));
    has_keys(&phase, &["dry", "stages"]);
}
