//! Ladder runs: two rungs end to end, an interrupted one, and a stored one that is reported again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::support::{Sandbox, lock_machine, signal, wait_for_exit, wait_until};

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

/// The only ladder run of a sandbox.
fn latest_ladder(sandbox: &Sandbox) -> PathBuf {
    let mut all: Vec<PathBuf> =
        fs::read_dir(sandbox.home.join("ladders")).expect("ladders").flatten().map(|e| e.path()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A rung without a figure is accepted only if the machine disturbed it, not the stack or the ladder run.
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
fn two_rungs_are_measured_and_compared() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("ladder");
    sandbox.config(SHORT);
    let ended = sandbox.run(&["ladder", "gunicorn", "runserver", "--slo", "p95 < 2s"]);
    let folder = latest_ladder(&sandbox);
    let comparison = json(&folder.join("comparison.json"));
    let rungs = comparison["rungs"].as_array().expect("rungs");
    let names: Vec<&str> = rungs.iter().map(|rung| rung["name"].as_str().expect("name")).collect();
    assert_eq!(names, ["runserver", "gunicorn"], "lowest first, whatever the order of the arguments");
    rungs.iter().for_each(measured_or_disturbed);
    let all = rungs.iter().all(|rung| rung["state"]["state"] == "measured");
    ended.assert_exit(if all { 0 } else { 3 });

    let ladder = json(&folder.join("ladder.json"));
    assert_eq!(
        (&ladder["complete"], &ladder["promise"]["limit_us"]),
        (&Value::Bool(true), &2_000_000.into())
    );
    for rung in ladder["rungs"].as_array().expect("rungs") {
        let run = sandbox.home.join("runs").join(rung["run"].as_str().expect("a run folder"));
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
    for part in ["runserver", "gunicorn", "All rungs and the load generator share one machine", "ladder.html"]
    {
        assert!(ended.stdout.contains(part), "{part} is missing from:\n{}", ended.stdout);
    }
    sandbox.assert_nothing_runs();
    again(&sandbox, &folder, ended.code);
}

/// The equal phase was made on both, so that there is always something to hold against each other.
fn comparable(rung: &Value) -> bool {
    rung["equal"].is_object()
}

/// The comparison is a pure function of the folders.
fn again(sandbox: &Sandbox, folder: &Path, code: i32) {
    let before = fs::read_to_string(folder.join("comparison.json")).expect("comparison");
    fs::remove_file(folder.join("ladder.html")).expect("remove");
    let id = folder.file_name().expect("name").to_str().expect("name");
    for args in [vec!["ladder", "--report", id], vec!["ladder", "--report"]] {
        sandbox.run(&args).assert_exit(code);
    }
    assert_eq!(before, fs::read_to_string(folder.join("comparison.json")).expect("comparison"));
    assert!(folder.join("ladder.html").is_file());
    let said = sandbox.run(&["ladder", "--report", "--format", "json"]).assert_exit(code).stdout.clone();
    assert_eq!(serde_json::from_str::<Value>(&said).expect("JSON")["rungs"][0]["name"], "runserver");
}

/// Waits until the second rung is being loaded.
fn in_the_second_rung(sandbox: &Sandbox) {
    wait_until(Duration::from_secs(200), "the load of the second rung", || {
        let folder = fs::read_dir(sandbox.home.join("ladders")).ok()?.flatten().next()?.path();
        let ladder: Value =
            serde_json::from_str(&fs::read_to_string(folder.join("ladder.json")).ok()?).ok()?;
        let run = sandbox.home.join("runs").join(ladder["rungs"][1]["run"].as_str()?);
        fs::read_to_string(run.join("load/closed.seconds.jsonl")).ok()?.lines().nth(1).map(drop)
    });
}

#[test]
fn an_interrupted_ladder_run_reports_the_rungs_that_were_finished() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("ladder_interrupted");
    sandbox.config(SHORT);
    let mut child = sandbox.start(&["ladder", "runserver", "gunicorn", "--slo", "p95 < 2s"]);
    in_the_second_rung(&sandbox);
    signal(&child, Signal::INT);
    assert_eq!(wait_for_exit(&mut child, Duration::from_secs(40)), 130);
    sandbox.assert_nothing_runs();
    let comparison = json(&latest_ladder(&sandbox).join("comparison.json"));
    measured_or_disturbed(&comparison["rungs"][0]);
    assert_eq!(comparison["rungs"][1]["state"]["state"], "cut_off", "{:#}", comparison["rungs"][1]);
    assert!(
        fs::read_to_string(latest_ladder(&sandbox).join("ladder.md")).expect("report").contains("PARTIAL")
    );
}

#[test]
fn a_killed_ladder_run_can_still_be_reported() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("ladder_killed");
    sandbox.config(SHORT);
    let mut child = sandbox.start(&["ladder", "runserver", "gunicorn", "--slo", "p95 < 2s"]);
    in_the_second_rung(&sandbox);
    signal(&child, Signal::KILL);
    child.wait().expect("it ended");
    sandbox.assert_nothing_runs();
    let ended = sandbox.run(&["ladder", "--report"]);
    ended.assert_exit(130);
    let comparison = json(&latest_ladder(&sandbox).join("comparison.json"));
    measured_or_disturbed(&comparison["rungs"][0]);
    assert_eq!(comparison["rungs"][1]["state"]["state"], "cut_off");
    assert!(ended.stdout.contains("PARTIAL"), "{}", ended.stdout);
}

#[test]
fn an_impossible_ladder_run_is_refused_before_anything_starts() {
    let sandbox = Sandbox::new("ladder_refused");
    for (args, said) in [
        (vec!["ladder", "ngnix"], "`ngnix` is not a rung of the ladder; the rungs are: runserver, gunicorn"),
        (vec!["ladder", "--slo", "rps > 5/s"], "--slo: `rps > 5/s` is not about a response time"),
        (vec!["ladder", "--topology", "nginx"], "write their names"),
        (vec!["ladder", "--report", "nothing"], "stored ones: none"),
        (vec!["ladder", "--report"], "no ladder run under"),
        (vec!["ladder", "--rate", "fast"], "is not a rate"),
    ] {
        let ended = sandbox.run(&args);
        ended.assert_exit(2);
        assert!(ended.stderr.contains(said), "{args:?}: {}", ended.stderr);
    }
    sandbox.config("[ladder]\nstep = \"10ms\"\n");
    let ended = sandbox.run(&["ladder"]);
    ended.assert_exit(2);
    assert!(ended.stderr.contains("ladder.step"), "{}", ended.stderr);
    assert!(!sandbox.home.join("ladders").exists(), "nothing was begun");
}
