//! `up`, `status`, `down` on their own.

use std::net::TcpListener;

use super::support::{Place, turn};

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

fn reqwest_text(url: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async { reqwest::get(url).await.expect("answer").text().await.expect("text") })
}
