//! Feeds under load: every row in order, rows that are used once, and what happens when a feed is exhausted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kneepoint_loadgen::recover_phase;
use kneepoint_scenarios::Scenario;

use crate::{TestRun, closed, open, plan, servers};

/// A scenario in a folder of its own, with a feed of this many rows beside it.
fn with_feed(rows: usize, pick: &str, name: &str) -> Scenario {
    let dir = tempfile::tempdir().expect("temporary folder");
    let lines: Vec<String> = (1..=rows).map(|row| format!("{row},secret{row}\n")).collect();
    std::fs::write(dir.path().join("rows.csv"), format!("id,word\n{}", lines.concat())).expect("write");
    let text = format!(
        "name = \"{name}\"\n[feeds.row]\nfile = \"rows.csv\"\npick = \"{pick}\"\n[[step]]\nname = \"GET {name}\"\npath = \"/{name}/{{row.id}}/{{row.word}}\"\n"
    );
    std::fs::write(dir.path().join("x.toml"), text).expect("write");
    Scenario::load(&dir.path().join("x.toml")).unwrap_or_else(|e| panic!("{e}"))
}

/// How often each path below a prefix was requested.
fn counts(requested: &servers::RequestedPaths, prefix: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for path in requested.lock().expect("lock").iter().filter_map(|path| path.strip_prefix(prefix)) {
        *counts.entry(path.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn in_turn_uses_every_row_beside_other_scenarios() {
    let (base, requested) = servers::recording();
    let var = crate::scenario(
        "name = \"var\"\n[vars.n]\nrange = [1, 7]\npick = \"in-turn\"\n[[step]]\nname = \"GET var\"\npath = \"/var/{n}\"\n",
    );
    let test_run = TestRun::new();
    let mut plan =
        plan(open(120.0), &base, vec![(with_feed(10, "in-turn", "fed"), 1), (var, 1), (crate::get("/"), 1)]);
    plan.warmup = Duration::ZERO;
    let phase = test_run.run(&plan);
    assert_eq!(phase.errors, 0, "{:#?}", phase.exemplars);
    // 40 journeys each, so each of 10 rows four times, and each of 7 numbers five or six times.
    let rows = counts(&requested, "/fed/");
    let whole: BTreeMap<String, u64> = (1..=10).map(|row| (format!("{row}/secret{row}"), 4)).collect();
    assert_eq!(rows, whole);
    let numbers = counts(&requested, "/var/");
    assert_eq!(numbers.len(), 7);
    assert!(numbers.values().all(|times| [5, 6].contains(times)), "{numbers:?}");
}

#[test]
fn a_journey_without_a_row_of_its_own_is_not_begun_in_the_open_model() {
    let (base, requested) = servers::recording();
    let scenario = with_feed(5, "unique", "once");
    let test_run = TestRun::new();
    let mut plan = plan(open(20.0), &base, vec![(crate::get("/"), 1), (scenario.clone(), 1)]);
    plan.warmup = Duration::ZERO;
    let phase = test_run.run(&plan);
    assert_eq!(counts(&requested, "/once/").into_values().collect::<Vec<_>>(), [1; 5]);
    assert_eq!((phase.requests, phase.journeys, phase.exhausted_feeds.len()), (15, 15, 1));
    assert_eq!((phase.exhausted_feeds[0].rows, phase.exhausted_feeds[0].journeys), (5, 5));
    let expected = "feed `row` of scenario `once` gives each of its 5 rows once in a run and had none left, so 5 journeys were not begun";
    assert!(phase.validity.why.iter().any(|why| why.contains(expected)), "{:?}", phase.validity);
    let recovered = recover_phase(&test_run.run, "test").expect("readable").expect("began");
    assert_eq!(recovered.exhausted_feeds, phase.exhausted_feeds);

    // The next phase of the same run uses no row again.
    plan.name = "next".into();
    let next = test_run.run(&plan);
    assert_eq!((next.exhausted_feeds[0].journeys, counts(&requested, "/once/").len()), (10, 5));
}

#[test]
fn users_without_data_wait_in_the_closed_model() {
    let (base, requested) = servers::recording();
    let test_run = TestRun::new();
    let began = Instant::now();
    let phase = test_run.run(&plan(closed(4), &base, vec![(with_feed(6, "unique", "once"), 1)]));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(counts(&requested, "/once/").into_values().collect::<Vec<_>>(), [1; 6]);
    assert!(!phase.validity.valid && phase.generator.busiest_thread.0 < 0.5, "{:?}", phase.generator);
    // Each user noticed once, in the warm-up or after it.
    assert!(phase.exhausted_feeds.iter().all(|dry| dry.journeys <= 4), "{:?}", phase.exhausted_feeds);
}
