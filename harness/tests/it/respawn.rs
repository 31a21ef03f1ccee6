//! A worker that dies in mid-run: its replacement is seen, and the run goes on.

use std::time::Duration;

use rustix::process::Signal;

use super::support::{SHORT, Sandbox, lock_machine, wait_for_exit};

#[test]
fn a_worker_that_is_killed_in_mid_run_is_replaced_and_seen() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("worker_killed");
    sandbox.config(
        &SHORT.replace("closed = \"4s\"", "closed = \"8s\"").replace("time = \"4s\"", "time = \"0s\""),
    );
    let mut child = sandbox.start(&["run"]);
    sandbox.wait_for_stage("load");
    std::thread::sleep(Duration::from_secs(3));
    let stack = sandbox.latest().json("stack.json");
    let server =
        stack["tiers"].as_array().expect("tiers").iter().find(|t| t["tier"] == "server").expect("server");
    let supervisor = u32::try_from(server["roots"][0].as_u64().expect("root")).expect("pid");
    let master = children(supervisor)[0];
    let worker = children(master)[0];
    let pid = rustix::process::Pid::from_raw(i32::try_from(worker).expect("pid")).expect("pid");
    rustix::process::kill_process(pid, Signal::KILL).expect("kill");
    let code = wait_for_exit(&mut child, Duration::from_secs(90));
    let run = sandbox.latest();
    let summary = run.json("summary.json");
    // One request may be lost with the worker: then the default assertion (error < 0.1%) fails, and says so.
    assert!(matches!(code, 0 | 1 | 3), "exit {code}: {}", summary["verdict"]);
    let tiers = summary["tiers"].as_array().expect("tiers");
    assert!(tiers.iter().any(|t| t["name"] == "server" && t["respawned"].as_u64() > Some(0)), "{tiers:?}");
    sandbox.assert_nothing_runs();
}

fn children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("children");
    text.split_whitespace().map(|pid| pid.parse().expect("pid")).collect()
}
