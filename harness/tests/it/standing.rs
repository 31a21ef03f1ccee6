//! `up`, `status`, `down` on their own.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;

use super::support::{Place, signal, turn, wait_for_exit};

#[test]
fn up_stands_until_down() {
    let _turn = turn();
    let place = Place::new("standing");
    let up = place.run(&["up"]);
    up.exits(0);
    let url =
        up.stdout.split_whitespace().find(|word| word.starts_with("http://")).expect("an address").to_owned();
    let body = reqwest_text(&url);
    assert!(body.contains("<title>"), "{body}");
    assert!(place.run(&["status"]).exits(0).stdout.contains(&url));
    let again = place.run(&["up"]);
    again.exits(5);
    assert!(again.stderr.contains("kneepoint down"), "{}", again.stderr);
    place.run(&["down"]).exits(0);
    place.assert_nothing_runs();
    assert!(place.run(&["status"]).exits(0).stdout.contains("nothing is up"));
    assert!(place.run(&["down"]).exits(0).stdout.contains("nothing was running"));
}

#[test]
fn a_port_that_is_taken_is_stepped_over() {
    let _turn = turn();
    let place = Place::new("port_taken");
    let _holder = TcpListener::bind("127.0.0.1:18080");
    let up = place.run(&["up"]);
    up.exits(0);
    assert!(!up.stdout.contains(":18080"), "{}", up.stdout);
    place.run(&["down"]).exits(0);
}

#[test]
fn a_down_that_is_interrupted_says_what_is_left_and_the_next_one_finishes_it() {
    let _turn = turn();
    let place = Place::new("down_interrupted");
    place.run(&["up"]).exits(0);
    let status = place.run(&["status", "--format", "json"]);
    let info: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
    let tiers = info["tiers"].as_array().expect("tiers");
    let server = tiers.iter().find(|tier| tier["tier"] == "server").expect("a server");
    let root = i32::try_from(server["roots"][0].as_i64().expect("a root")).expect("a pid");
    let root = rustix::process::Pid::from_raw(root).expect("a pid");
    // A server that does not heed SIGTERM is waited for before it is killed: long enough to interrupt that.
    rustix::process::kill_process(root, Signal::STOP).expect("stop");
    let mut down = place.start(&["down"]);
    std::thread::sleep(Duration::from_secs(1));
    assert!(down.try_wait().expect("wait").is_none(), "it waits for the server");
    signal(&down, Signal::INT);
    let code = wait_for_exit(&mut down, Duration::from_secs(6));
    let said = std::fs::read_to_string(place.folder.join("stderr.txt")).expect("stderr.txt");
    assert_eq!(code, 130, "{said}");
    for part in ["stopped by SIGINT", "still there: ", "the next kneepoint down finishes it"] {
        assert!(said.contains(part), "{part} is missing from:\n{said}");
    }
    place.run(&["down"]).exits(0);
    place.assert_nothing_runs();
}

fn reqwest_text(url: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async { reqwest::get(url).await.expect("answer").text().await.expect("text") })
}
