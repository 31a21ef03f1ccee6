//! Reading run folders: whole ones, those that were cut off, and those of a later kneepoint.

use std::fs;

use kneepoint_analysis::{RunFacts, analyse, base_verdict};
use kneepoint_model::run::{RunFolder, names};
use kneepoint_model::verdict::VerdictStatus;
use serde_json::{Value, json};

fn manifest() -> Value {
    json!({
        "format_version": 1, "run_id": "r1", "kneepoint": "0.1.0", "started": "2025-01-01T00:00:00Z",
        "command": ["kneepoint", "run"], "config": {}, "seed": 1, "commit": null,
        "host": {"os": "", "kernel": "", "cores": 2, "cpu": "", "memory_bytes": 0, "swap_bytes": 0},
        "driver": "native", "topology": "nginx", "target": "http://127.0.0.1:18080/", "versions": {},
        "stages": [{"name": "up", "status": "done", "seconds": 1.0}], "unmeasured": [], "complete": false,
        "stopped_by": null
    })
}

fn phase(name: &str) -> Value {
    let none = json!({"count": 0, "mean": 0, "p50": 0, "p90": 0, "p95": 0, "p99": 0, "p999": 0, "max": 0});
    json!({
        "format_version": 1, "name": name, "load": {"model": "closed", "users": 2}, "scenarios": {"browse": 1},
        "seed": 1, "started_ms": 1000, "measured_from_ms": 2000, "measured_until_ms": 12000, "offered_rps": null,
        "achieved_rps": 0.0, "requests": 0, "errors": 0, "outcomes": {}, "journeys": 0, "journeys_failed": 0,
        "response_us": none, "service_us": none, "ttfb_us": none, "connect_us": none, "sched_lag_us": none,
        "pool_wait_us": none, "curve": [], "endpoints": [], "seconds": [], "exemplars": [], "log": "",
        "generator": {"cpu_us": 0, "busiest_thread": 0.0, "run_queue_us": 0, "requests_per_cpu_second": 0.0},
        "validity": {"valid": true, "why": [], "notes": []}, "partial": false
    })
}

fn folder(dir: &tempfile::TempDir) -> RunFolder {
    let folder = RunFolder::create(dir.path(), "r1").expect("create");
    folder.write_json(names::MANIFEST, &manifest()).expect("write");
    folder
}

#[test]
fn phases_come_in_their_order_and_plans_are_not_phases() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let folder = folder(&dir);
    for name in ["steps", "profiled", "open", "closed"] {
        folder.write_json(&names::load(name), &phase(name)).expect("write");
        folder.write_json(&format!("load/{name}.plan.json"), &json!({"whatever": true})).expect("write");
    }
    folder
        .write_json(
            &names::access("open"),
            &json!({"format_version": 1, "lines": 7, "garbage": 0, "new_connections": 0, "routes": []}),
        )
        .expect("write");
    let facts = RunFacts::load(&folder).expect("reads");
    let order: Vec<&str> = facts.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(order, ["closed", "open", "profiled", "steps"]);
    assert_eq!(facts.access["open"].lines, 7);
    assert_eq!(facts.measured_phases().count(), 3);
}

#[test]
fn a_folder_cut_off_at_its_start_is_partial_and_has_an_analysis() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let facts = RunFacts::load(&folder(&dir)).expect("reads");
    let verdict = base_verdict(&facts, &analyse(&facts));
    assert_eq!((verdict.status, verdict.exit_code), (VerdictStatus::Partial, 130));
}

#[test]
fn a_damaged_file_is_named_and_a_cut_line_counted() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let folder = folder(&dir);
    fs::write(folder.path(names::SITE), "{\"format_version\": 1, ").expect("write");
    fs::write(folder.path(names::RESOURCES), "{\"at_ms\": 1, \"tick").expect("write");
    let facts = RunFacts::load(&folder).expect("reads");
    assert_eq!((facts.unread.len(), facts.unreadable_samples), (1, 1));
    assert!(facts.unread[0].starts_with("site.json: "), "{:?}", facts.unread);
    let notes = analyse(&facts).validity.notes;
    assert!(notes.iter().any(|note| note.contains("site.json")), "{notes:?}");
}

#[test]
fn a_later_format_and_a_missing_manifest_are_refused() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let folder = folder(&dir);
    folder.write_json(names::PROBE, &json!({"format_version": 99})).expect("write");
    let error = RunFacts::load(&folder).expect_err("too new");
    assert!(error.to_string().contains("use a newer kneepoint"), "{error}");
    fs::remove_file(folder.path(names::MANIFEST)).expect("remove");
    assert!(RunFacts::load(&folder).is_err());
}
