//! Whatever ends kneepoint: a readable folder stays, nothing that it started does, and the next run works.

use std::time::Duration;

use rustix::process::Signal;

use super::support::{SHORT, Sandbox, lock_machine, signal, wait_for_exit, wait_until};

#[test]
fn kill_minus_nine_in_mid_load_leaves_a_folder_that_can_be_reported_and_no_process() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("kill9");
    sandbox.config(&SHORT.replace("closed = \"4s\"", "closed = \"20s\""));
    let mut child = sandbox.start(&["run"]);
    sandbox.wait_for_stage("load");
    let run = sandbox.latest();
    wait_until(Duration::from_secs(30), "four seconds of load", || {
        (std::fs::read_to_string(run.0.join("load/closed.seconds.jsonl")).ok()?.lines().count() >= 4)
            .then_some(())
    });
    signal(&child, Signal::KILL);
    wait_for_exit(&mut child, Duration::from_secs(5));
    sandbox.assert_nothing_runs();

    let ended = sandbox.run(&["report", run.0.to_str().expect("path")]);
    ended.assert_exit(130);
    let summary = run.json("summary.json");
    assert_eq!(summary["verdict"]["status"], "partial", "{}", summary["verdict"]);
    assert!(summary["load"][0]["requests"].as_u64() > Some(10), "{}", summary["load"]);
    assert!(run.text("report.html").to_lowercase().contains("partial"));

    sandbox.run(&["up"]).assert_exit(0);
    sandbox.run(&["down"]).assert_exit(0);
    sandbox.assert_nothing_runs();
}

#[test]
fn kill_minus_nine_in_other_stages_leaves_nothing_and_a_folder_that_can_be_reported() {
    let _machine = lock_machine();
    for stage in ["up", "smoke", "probe", "profile"] {
        let sandbox = Sandbox::new(&format!("kill9_{stage}"));
        sandbox.config(SHORT);
        let mut child = sandbox.start(&["run"]);
        sandbox.wait_for_stage(stage);
        signal(&child, Signal::KILL);
        wait_for_exit(&mut child, Duration::from_secs(5));
        sandbox.assert_nothing_runs();
        let run = sandbox.latest();
        sandbox.run(&["report", run.0.to_str().expect("path")]).assert_exit(130);
        assert_eq!(run.json("summary.json")["verdict"]["status"], "partial", "{stage}");
        sandbox.run(&["up"]).assert_exit(0);
        sandbox.run(&["down"]).assert_exit(0);
    }
}

#[test]
fn a_python_that_is_not_there_has_its_own_exit_code_and_a_command_that_mends_it() {
    let sandbox = Sandbox::new("no_python");
    let ended = sandbox.run(&["run", "--python", "/no/such/python"]);
    ended.assert_exit(7);
    assert!(ended.stderr.contains("python3-venv"), "{}", ended.stderr);
    assert!(sandbox.latest().has("report.html"), "a report says so");
}

#[track_caller]
fn interrupted_in(stage: &str) {
    let sandbox = Sandbox::new(&format!("sigint_{stage}"));
    sandbox.config(SHORT);
    let mut child = sandbox.start(&["run"]);
    sandbox.wait_for_stage(stage);
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, Signal::INT);
    let code = wait_for_exit(&mut child, Duration::from_secs(25));
    let said = std::fs::read_to_string(sandbox.folder.join("stderr.txt")).unwrap_or_default();
    assert_eq!(code, 130, "{stage}: {said}");
    let run = sandbox.latest();
    assert_eq!(run.json("summary.json")["verdict"]["status"], "partial", "{stage}");
    assert!(run.text("report.html").to_lowercase().contains("partial"), "{stage}");
    sandbox.assert_nothing_runs();
}

#[test]
fn sigint_in_every_stage_writes_a_partial_report_and_stops_everything() {
    let _machine = lock_machine();
    for stage in ["up", "smoke", "warm", "probe", "load", "profile"] {
        interrupted_in(stage);
    }
}

#[test]
fn sigterm_has_its_own_exit_code() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("sigterm");
    sandbox.config(SHORT);
    let mut child = sandbox.start(&["run"]);
    sandbox.wait_for_stage("load");
    signal(&child, Signal::TERM);
    assert_eq!(wait_for_exit(&mut child, Duration::from_secs(25)), 143);
    sandbox.assert_nothing_runs();
}
