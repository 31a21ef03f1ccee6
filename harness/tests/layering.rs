//! The dependency law of ARCHITECTURE.md, read from `cargo metadata`: who may know whom.

use std::collections::{BTreeMap, BTreeSet};

fn law() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let none = [];
    let rows: [(&str, &[&str]); 14] = [
        ("kneepoint-model", &none),
        ("kneepoint-process", &none),
        ("kneepoint-engine", &none),
        ("kneepoint-objects", &none),
        ("kneepoint-scenarios", &["kneepoint-model"]),
        ("kneepoint-analysis", &["kneepoint-model"]),
        // Fixtures for tests: no crate may link it outside its tests.
        ("kneepoint-testing", &["kneepoint-model"]),
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

fn metadata() -> serde_json::Value {
    let output = assert_cmd::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .ok()
        .expect("cargo metadata answers");
    serde_json::from_slice(&output.stdout).expect("cargo metadata speaks JSON")
}

/// Every package with the names of what it is linked with (tests may use more).
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata()["packages"].as_array().expect("packages").clone();
    packages
        .iter()
        .map(|package| {
            let linked = package["dependencies"].as_array().expect("dependencies").iter();
            let linked =
                linked.filter(|d| d["kind"].is_null()).map(|d| d["name"].as_str().expect("name").to_owned());
            (package["name"].as_str().expect("name").to_owned(), linked.collect())
        })
        .collect()
}

#[test]
fn every_crate_knows_only_whom_the_law_allows() {
    let law = law();
    for (package, linked) in edges() {
        let may = law
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} is not in the law: add it to ARCHITECTURE.md and here"));
        for other in linked.iter().filter(|name| law.contains_key(name.as_str())) {
            assert!(may.contains(other.as_str()), "{package} may not know {other}; see ARCHITECTURE.md");
        }
    }
}

#[test]
fn the_command_line_library_lives_in_the_harness_only() {
    for (package, linked) in edges() {
        assert!(package == "kneepoint" || !linked.contains("clap"), "{package} may not know clap");
    }
}

#[test]
fn the_vocabulary_knows_no_runtime() {
    let edges = edges();
    for runtime in ["tokio", "reqwest", "hyper", "clap"] {
        assert!(!edges["kneepoint-model"].contains(runtime), "kneepoint-model may not know {runtime}");
        assert!(!edges["kneepoint-analysis"].contains(runtime), "kneepoint-analysis may not know {runtime}");
    }
}
