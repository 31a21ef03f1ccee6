//! The climb: two rungs end to end, a climb that is interrupted, and a stored one that is said again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::support::{Place, signal, turn, wait_for_exit, wait_until};

/// Short phases: the figures are few, everything else is as it is.
const SHORT: &str = r#"
[crawl]
max_pages = 40
per_template = 2
[warm]
max_rounds = 3
[load]
users = 4
[ladder]
closed = "3s"
step = "2s"
steps = 3
equal = "3s"
warmup = "1s"
rate = "4/s"
"#;

/// The only climb of a place.
fn climb(place: &Place) -> PathBuf {
    let mut all: Vec<PathBuf> =
        fs::read_dir(place.home.join("ladders")).expect("ladders").flatten().map(|e| e.path()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A rung without a figure is excused only when what spoilt it was the machine, never the stack or the climb.
fn measured_or_disturbed(rung: &Value) {
    match rung["state"]["state"].as_str() {
        Some("measured") => {
            assert!(rung["throughput"]["kept"].as_f64().expect("a rate") > 0.0, "{rung:#}");
        }
        Some("no_figure") => {
            let why = rung["state"]["why"].as_str().expect("why");
            let machine = [
                "processes outside the stack",
                "the load generator was at its limit",
                "requests were measured; p95 needs",
            ];
            assert!(machine.iter().any(|part| why.contains(part)), "{why}");
        }
        _ => panic!("{rung:#}"),
    }
}

#[test]
fn two_rungs_are_climbed_and_compared() {
    let _turn = turn();
    let place = Place::new("ladder");
    place.config(SHORT);
    let ended = place.run(&["ladder", "gunicorn", "runserver", "--slo", "p95 < 2s"]);
    let folder = climb(&place);
    let comparison = json(&folder.join("comparison.json"));
    let rungs = comparison["rungs"].as_array().expect("rungs");
    let names: Vec<&str> = rungs.iter().map(|rung| rung["name"].as_str().expect("name")).collect();
    assert_eq!(names, ["runserver", "gunicorn"], "lowest first, whatever the order of the arguments");
    rungs.iter().for_each(measured_or_disturbed);
    let all = rungs.iter().all(|rung| rung["state"]["state"] == "measured");
    ended.exits(if all { 0 } else { 3 });

    let ladder = json(&folder.join("ladder.json"));
    assert_eq!(
        (&ladder["complete"], &ladder["promise"]["limit_us"]),
        (&Value::Bool(true), &2_000_000.into())
    );
    for rung in ladder["rungs"].as_array().expect("rungs") {
        let run = place.home.join("runs").join(rung["run"].as_str().expect("a run folder"));
        let manifest = json(&run.join("manifest.json"));
        assert_eq!((&manifest["topology"], &manifest["complete"]), (&rung["name"], &Value::Bool(true)));
        for phase in ["closed", "step-01", "open"] {
            let phase = json(&run.join(format!("load/{phase}.json")));
            assert!(phase["requests"].as_u64() > Some(0), "{}", phase["name"]);
            assert_eq!(phase["errors"], 0, "{}: {}", phase["name"], phase["outcomes"]);
        }
        assert!(run.join("report.html").is_file() && !run.join("load/profiled.json").exists());
    }
    // What does not depend on times is known on every machine.
    for rung in rungs {
        assert!(rung["memory"]["server"].as_u64() > Some(10 << 20), "{rung:#}");
        assert!(rung["per_request"]["statements"].as_f64() > Some(0.5), "{rung:#}");
        assert!(rung["limiting"]["evidence"][0].is_string(), "{rung:#}");
    }
    assert_eq!(
        rungs[1]["bought"]["against"],
        if comparable(&rungs[0]) { "runserver".into() } else { Value::Null }
    );
    for part in ["runserver", "gunicorn", "All rungs share this one machine", "ladder.html"] {
        assert!(ended.stdout.contains(part), "{part} is missing from:\n{}", ended.stdout);
    }
    place.assert_nothing_runs();
    again(&place, &folder, ended.code);
}

/// The equal phase was made on both, so that there is always something to hold against each other.
fn comparable(rung: &Value) -> bool {
    rung["equal"].is_object()
}

/// The comparison is a pure function of the folders.
fn again(place: &Place, folder: &Path, code: i32) {
    let before = fs::read_to_string(folder.join("comparison.json")).expect("comparison");
    fs::remove_file(folder.join("ladder.html")).expect("remove");
    let id = folder.file_name().expect("name").to_str().expect("name");
    for args in [vec!["ladder", "--report", id], vec!["ladder", "--report"]] {
        place.run(&args).exits(code);
    }
    assert_eq!(before, fs::read_to_string(folder.join("comparison.json")).expect("comparison"));
    assert!(folder.join("ladder.html").is_file());
    let said = place.run(&["ladder", "--report", "--format", "json"]).exits(code).stdout.clone();
    assert_eq!(serde_json::from_str::<Value>(&said).expect("JSON")["rungs"][0]["name"], "runserver");
}

/// Waits until the second rung is being loaded.
fn in_the_second_rung(place: &Place) {
    wait_until(Duration::from_secs(200), "the load of the second rung", || {
        let folder = fs::read_dir(place.home.join("ladders")).ok()?.flatten().next()?.path();
        let ladder: Value =
            serde_json::from_str(&fs::read_to_string(folder.join("ladder.json")).ok()?).ok()?;
        let run = place.home.join("runs").join(ladder["rungs"][1]["run"].as_str()?);
        fs::read_to_string(run.join("load/closed.seconds.jsonl")).ok()?.lines().nth(1).map(drop)
    });
}

#[test]
fn a_climb_that_is_interrupted_reports_the_rungs_that_were_finished() {
    let _turn = turn();
    let place = Place::new("ladder_interrupted");
    place.config(SHORT);
    let mut child = place.start(&["ladder", "runserver", "gunicorn", "--slo", "p95 < 2s"]);
    in_the_second_rung(&place);
    signal(&child, Signal::INT);
    assert_eq!(wait_for_exit(&mut child, Duration::from_secs(40)), 130);
    place.assert_nothing_runs();
    let comparison = json(&climb(&place).join("comparison.json"));
    measured_or_disturbed(&comparison["rungs"][0]);
    assert_eq!(comparison["rungs"][1]["state"]["state"], "cut_off", "{:#}", comparison["rungs"][1]);
    assert!(fs::read_to_string(climb(&place).join("ladder.md")).expect("report").contains("PARTIAL"));
}

#[test]
fn a_climb_that_is_killed_can_still_be_reported() {
    let _turn = turn();
    let place = Place::new("ladder_killed");
    place.config(SHORT);
    let mut child = place.start(&["ladder", "runserver", "gunicorn", "--slo", "p95 < 2s"]);
    in_the_second_rung(&place);
    signal(&child, Signal::KILL);
    child.wait().expect("it ended");
    place.assert_nothing_runs();
    let ended = place.run(&["ladder", "--report"]);
    ended.exits(130);
    let comparison = json(&climb(&place).join("comparison.json"));
    measured_or_disturbed(&comparison["rungs"][0]);
    assert_eq!(comparison["rungs"][1]["state"]["state"], "cut_off");
    assert!(ended.stdout.contains("PARTIAL"), "{}", ended.stdout);
}

#[test]
fn what_cannot_be_climbed_is_refused_before_anything_starts() {
    let place = Place::new("ladder_refused");
    for (args, said) in [
        (vec!["ladder", "ngnix"], "`ngnix` is no rung of the ladder; there are: runserver, gunicorn"),
        (vec!["ladder", "--slo", "rps > 5/s"], "--slo: `rps > 5/s` is not about a response time"),
        (vec!["ladder", "--topology", "nginx"], "write their names"),
        (vec!["ladder", "--report", "nothing"], "there are: none yet"),
        (vec!["ladder", "--report"], "no climb under"),
        (vec!["ladder", "--rate", "fast"], "is not a rate"),
    ] {
        let ended = place.run(&args);
        ended.exits(2);
        assert!(ended.stderr.contains(said), "{args:?}: {}", ended.stderr);
    }
    place.config("[ladder]\nstep = \"10ms\"\n");
    let ended = place.run(&["ladder"]);
    ended.exits(2);
    assert!(ended.stderr.contains("ladder.step"), "{}", ended.stderr);
    assert!(!place.home.join("ladders").exists(), "nothing was begun");
}
