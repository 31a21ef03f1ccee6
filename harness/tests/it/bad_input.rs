//! Bad input is refused with place, suggestion and example, exit 2, before anything starts.

use super::support::Place;

#[track_caller]
fn refused(name: &str, config: &str, parts: &[&str]) {
    let place = Place::new(name);
    place.config(config);
    place.run(&["run"]).refused(parts);
    assert_eq!(place.runs(), 0, "nothing may have started");
}

#[test]
fn an_unknown_key() {
    refused(
        "unknown_key",
        "[load]\nuser = 3\n",
        &["kneepoint.toml:2:1", "did you mean `users`", "users = 32"],
    );
}

#[test]
fn a_bad_value() {
    refused("bad_value", "[load]\nclosed = \"soon\"\n", &["kneepoint.toml:2:10", "soon", "closed = \"20s\""]);
}

#[test]
fn a_bad_assertion() {
    refused("bad_slo", "[slo]\nassert = [\"p95 < 300\"]\n", &["kneepoint.toml:2:", "p95 < 300"]);
}

#[test]
fn an_unknown_endpoint_in_an_assertion() {
    refused(
        "bad_endpoint",
        "[slo.endpoint]\n\"GET /catalog/\" = [\"p95 < 300ms\"]\n",
        &["GET /catalog/", "did you mean"],
    );
}

#[test]
fn an_unknown_scenario() {
    refused("unknown_scenario", "[load.scenarios]\nbrowsing = 1\n", &["browsing", "browse"]);
}

#[test]
fn a_broken_scenario_file() {
    let place = Place::new("broken_scenario");
    std::fs::write(
        place.folder.join("mine.toml"),
        "name = \"mine\"\n[[step]]\nname = \"GET /\"\nmethd = \"GET\"\npath = \"/\"\n",
    )
    .expect("write");
    place.config("[load.scenarios]\n\"mine.toml\" = 1\n");
    let ended = place.run(&["run"]);
    ended.exits(2);
    assert!(ended.stderr.contains("mine.toml:4") && ended.stderr.contains("method"), "{}", ended.stderr);
}

#[test]
fn a_stranger_is_not_loaded_without_consent() {
    let place = Place::new("stranger");
    let ended = place.run(&["run", "--attach", "http://192.0.2.7/"]);
    ended.exits(2);
    assert!(ended.stderr.contains("--i-own-this-target"), "{}", ended.stderr);
}

#[test]
fn credentials_in_the_address_are_refused_and_not_repeated() {
    let place = Place::new("credentials");
    let ended = place.run(&["run", "--attach", "http://admin:hunter2@127.0.0.1:9/"]);
    ended.exits(2);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn an_unknown_topology_and_a_missing_run() {
    let place = Place::new("unknown_topology");
    let ended = place.run(&["run", "--topology", "ngnix"]);
    ended.exits(2);
    assert!(ended.stderr.contains("nginx"), "{}", ended.stderr);
    place.run(&["report", "no-such-run"]).exits(2);
}

#[test]
fn init_writes_a_file_that_is_valid_and_writes_over_nothing() {
    let place = Place::new("init");
    place.run(&["init"]).exits(0);
    place.run(&["init"]).exits(2);
    place.run(&["init", "--force"]).exits(0);
    assert!(place.run(&["history"]).exits(0).stdout.contains("no runs yet"));
}

#[test]
fn doctor_names_what_can_be_had() {
    let place = Place::new("doctor");
    let ended = place.run(&["doctor"]);
    ended.exits(0);
    assert!(ended.stdout.contains("can be had here"), "{}", ended.stdout);
}
