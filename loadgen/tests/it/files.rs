//! The files of a phase, and what is recovered from them after a kill.

use std::fs;
use std::time::Duration;

use kneepoint_loadgen::recover_phase;
use kneepoint_model::run::names;

use crate::{TestRun, get, open, plan, scenario, servers};

#[test]
fn a_killed_phase_is_recovered_from_its_files() {
    let test_run = TestRun::new();
    let api = scenario("name = \"api\"\n[[step]]\npath = \"/missing\"\n");
    let mut plan = plan(open(100.0), &servers::calm(), vec![(get("/item/7"), 3), (api, 1)]);
    plan.duration = Duration::from_millis(2500);
    let phase = test_run.run(&plan);

    // With all files complete, only what was in memory is missing.
    let whole = recover_phase(&test_run.run, "test").expect("readable").expect("began");
    assert!(whole.partial && whole.validity.why[0].contains("cut short"));
    assert_eq!(whole.endpoints, phase.endpoints);
    assert_eq!(whole.response_us, phase.response_us);
    assert_eq!((whole.sched_lag_us, &whole.seconds), (phase.sched_lag_us, &phase.seconds));
    assert_eq!((whole.journeys, whole.journeys_failed), (phase.journeys, phase.journeys_failed));
    assert_eq!(whole.exemplars, phase.exemplars);
    assert_eq!(whole.measured_until_ms, phase.measured_until_ms);

    // A kill in the middle of writing the third measured second.
    let keep = |name: &str, lines: usize, cut: usize| {
        let text = fs::read_to_string(test_run.run.path(name)).expect("file");
        let mut kept: String = text.split_inclusive('\n').take(lines).collect();
        kept.truncate(kept.len() - cut);
        fs::write(test_run.run.path(name), kept).expect("write");
    };
    keep(&names::seconds("test"), 3, 0);
    keep("load/test.tallies.jsonl", 4, 60);
    let log = fs::read_to_string(test_run.run.path(&names::hlog("test"))).expect("log");
    keep(&names::hlog("test"), log.lines().count() - 3, 25);
    let cut = recover_phase(&test_run.run, "test").expect("readable").expect("began");
    assert!(cut.requests > 150 && cut.requests < phase.requests, "{}", cut.requests);
    assert_eq!(cut.measured(), Duration::from_secs(2));
    assert!(cut.endpoints[1].errors > 0 && cut.endpoints[0].errors == 0);

    assert!(recover_phase(&test_run.run, "never").expect("readable").is_none());
}

#[test]
fn no_secret_reaches_the_run_folder() {
    let test_run = TestRun::new();
    let login = scenario(
        "name = \"login\"\nneeds_throw_away = true\n[[step]]\npath = \"/login/\"\nextract.token = { css = \"input\", attr = \"value\" }\n[[step]]\nmethod = \"POST\"\npath = \"/login/\"\nform = { token = \"{token}\", name = \"reader0\", password = \"hunter2\" }\n[[step]]\npath = \"/missing\"\n",
    );
    let phase = test_run.run(&plan(open(20.0), &servers::calm(), vec![(login, 1)]));
    assert!(phase.requests > 0 && phase.errors > 0);
    test_run.run.write_json(&names::load("test"), &phase).expect("write");
    for entry in fs::read_dir(test_run.run.path(names::LOAD)).expect("folder").flatten() {
        let text = fs::read_to_string(entry.path()).expect("text");
        for secret in ["s3cret", "hunter2", "session=", "csrf="] {
            assert!(!text.contains(secret), "{secret} in {:?}", entry.path());
        }
    }
}
