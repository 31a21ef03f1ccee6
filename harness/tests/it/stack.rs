//! `up`, `status`, `down` on their own.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;

use super::support::{Sandbox, lock_machine, signal, wait_for_exit};

#[test]
fn up_stands_until_down() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("standing");
    let up = sandbox.run(&["up"]);
    up.assert_exit(0);
    let url =
        up.stdout.split_whitespace().find(|word| word.starts_with("http://")).expect("an address").to_owned();
    let body = reqwest_text(&url);
    assert!(body.contains("<title>"), "{body}");
    assert!(sandbox.run(&["status"]).assert_exit(0).stdout.contains(&url));
    let again = sandbox.run(&["up"]);
    again.assert_exit(5);
    assert!(again.stderr.contains("kneepoint down"), "{}", again.stderr);
    sandbox.run(&["down"]).assert_exit(0);
    sandbox.assert_nothing_runs();
    assert!(sandbox.run(&["status"]).assert_exit(0).stdout.contains("nothing is up"));
    assert!(sandbox.run(&["down"]).assert_exit(0).stdout.contains("nothing was running"));
}

#[test]
fn a_port_that_is_taken_is_stepped_over() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("port_taken");
    let _holder = TcpListener::bind("127.0.0.1:18080");
    let up = sandbox.run(&["up"]);
    up.assert_exit(0);
    assert!(!up.stdout.contains(":18080"), "{}", up.stdout);
    sandbox.run(&["down"]).assert_exit(0);
}

#[test]
fn a_down_that_is_interrupted_says_what_is_left_and_the_next_one_finishes_it() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("down_interrupted");
    sandbox.run(&["up"]).assert_exit(0);
    let status = sandbox.run(&["status", "--format", "json"]);
    let info: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
    let tiers = info["tiers"].as_array().expect("tiers");
    let server = tiers.iter().find(|tier| tier["tier"] == "server").expect("a server");
    let root = i32::try_from(server["roots"][0].as_i64().expect("a root")).expect("a pid");
    let root = rustix::process::Pid::from_raw(root).expect("a pid");
    // A server that does not heed SIGTERM is waited for before it is killed: long enough to interrupt that.
    rustix::process::kill_process(root, Signal::STOP).expect("stop");
    let mut down = sandbox.start(&["down"]);
    std::thread::sleep(Duration::from_secs(1));
    assert!(down.try_wait().expect("wait").is_none(), "it waits for the server");
    signal(&down, Signal::INT);
    let code = wait_for_exit(&mut down, Duration::from_secs(6));
    let said = std::fs::read_to_string(sandbox.folder.join("stderr.txt")).expect("stderr.txt");
    assert_eq!(code, 130, "{said}");
    for part in ["stopped by SIGINT", "still running: ", "finish with: kneepoint down"] {
        assert!(said.contains(part), "{part} is missing from:\n{said}");
    }
    sandbox.run(&["down"]).assert_exit(0);
    sandbox.assert_nothing_runs();
}

fn reqwest_text(url: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async { reqwest::get(url).await.expect("answer").text().await.expect("text") })
}
