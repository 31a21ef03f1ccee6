//! The dependency law of ARCHITECTURE.md: which crate may use which.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::packages;

fn law() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let none = [];
    let rows: [(&str, &[&str]); 16] = [
        // Fixtures for tests: no crate may link it outside its tests.
        ("kneepoint-testing", &["kneepoint-model"]),
        ("kneepoint-model", &none),
        ("kneepoint-process", &["kneepoint-model"]),
        ("kneepoint-service", &none),
        ("kneepoint-engine", &["kneepoint-service"]),
        ("kneepoint-objects", &["kneepoint-service"]),
        ("kneepoint-scenarios", &["kneepoint-model"]),
        ("kneepoint-analysis", &["kneepoint-model"]),
        ("kneepoint-live", &["kneepoint-model"]),
        ("kneepoint-crawler", &["kneepoint-model", "kneepoint-scenarios"]),
        ("kneepoint-loadgen", &["kneepoint-model", "kneepoint-scenarios"]),
        ("kneepoint-profiler", &["kneepoint-model", "kneepoint-process"]),
        ("kneepoint-stack", &["kneepoint-model", "kneepoint-process"]),
        ("kneepoint-ci", &["kneepoint-model", "kneepoint-analysis"]),
        ("kneepoint-reports", &["kneepoint-model", "kneepoint-analysis"]),
        (
            "kneepoint",
            &[
                "kneepoint-model",
                "kneepoint-process",
                "kneepoint-engine",
                "kneepoint-objects",
                "kneepoint-scenarios",
                "kneepoint-analysis",
                "kneepoint-live",
                "kneepoint-crawler",
                "kneepoint-loadgen",
                "kneepoint-profiler",
                "kneepoint-stack",
                "kneepoint-ci",
                "kneepoint-reports",
            ],
        ),
    ];
    rows.into_iter().map(|(name, may)| (name, may.iter().copied().collect())).collect()
}

/// Every package with the names of its normal dependencies; tests may use more.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    packages()
        .iter()
        .map(|package| {
            let linked = package.dependencies.iter().filter(|d| d["kind"].is_null());
            let names = linked.map(|d| d["name"].as_str().expect("name").to_owned());
            (package.name.clone(), names.collect())
        })
        .collect()
}

#[test]
fn every_crate_uses_only_what_the_law_allows() {
    let law = law();
    for (package, linked) in edges() {
        let may = law
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} is not in the law: add it to ARCHITECTURE.md and here"));
        for other in linked.iter().filter(|name| law.contains_key(name.as_str())) {
            assert!(may.contains(other.as_str()), "{package} may not use {other}; see ARCHITECTURE.md");
        }
    }
}

#[test]
fn the_command_line_library_is_used_by_the_harness_only() {
    for (package, linked) in edges() {
        assert!(package == "kneepoint" || !linked.contains("clap"), "{package} may not use clap");
    }
}

#[test]
fn the_vocabulary_and_the_analysis_use_no_runtime() {
    let edges = edges();
    for runtime in ["tokio", "reqwest", "hyper", "clap"] {
        assert!(!edges["kneepoint-model"].contains(runtime), "kneepoint-model may not use {runtime}");
        assert!(!edges["kneepoint-analysis"].contains(runtime), "kneepoint-analysis may not use {runtime}");
    }
}
