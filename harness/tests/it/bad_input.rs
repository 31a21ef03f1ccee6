//! Bad input is refused with sandbox, suggestion and example, exit 2, before anything starts.

use super::support::Sandbox;

#[track_caller]
fn refused(name: &str, config: &str, parts: &[&str]) {
    let sandbox = Sandbox::new(name);
    sandbox.config(config);
    sandbox.run(&["run"]).assert_refused(parts);
    assert_eq!(sandbox.runs(), 0, "nothing may have started");
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
    let sandbox = Sandbox::new("broken_scenario");
    std::fs::write(
        sandbox.folder.join("mine.toml"),
        "name = \"mine\"\n[[step]]\nname = \"GET /\"\nmethd = \"GET\"\npath = \"/\"\n",
    )
    .expect("write");
    sandbox.config("[load.scenarios]\n\"mine.toml\" = 1\n");
    let ended = sandbox.run(&["run"]);
    ended.assert_exit(2);
    assert!(ended.stderr.contains("mine.toml:4") && ended.stderr.contains("method"), "{}", ended.stderr);
}

#[test]
fn a_foreign_site_is_not_loaded_without_consent() {
    let sandbox = Sandbox::new("no_consent");
    let ended = sandbox.run(&["run", "--attach", "http://192.0.2.7/"]);
    ended.assert_exit(2);
    assert!(ended.stderr.contains("--i-own-this-target"), "{}", ended.stderr);
}

#[test]
fn credentials_in_the_address_are_refused_and_not_repeated() {
    let sandbox = Sandbox::new("credentials");
    let ended = sandbox.run(&["run", "--attach", "http://admin:hunter2@127.0.0.1:9/"]);
    ended.assert_exit(2);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn an_unknown_topology_and_a_missing_run() {
    let sandbox = Sandbox::new("unknown_topology");
    let ended = sandbox.run(&["run", "--topology", "ngnix"]);
    ended.assert_exit(2);
    assert!(ended.stderr.contains("nginx"), "{}", ended.stderr);
    sandbox.run(&["report", "no-such-run"]).assert_exit(2);
}

#[test]
fn init_writes_a_file_that_is_valid_and_writes_over_nothing() {
    let sandbox = Sandbox::new("init");
    sandbox.run(&["init"]).assert_exit(0);
    sandbox.run(&["init"]).assert_exit(2);
    sandbox.run(&["init", "--force"]).assert_exit(0);
    assert!(sandbox.run(&["history"]).assert_exit(0).stdout.contains("no runs yet"));
}

#[test]
fn doctor_names_what_can_be_had() {
    let sandbox = Sandbox::new("doctor");
    let ended = sandbox.run(&["doctor"]);
    ended.assert_exit(0);
    assert!(ended.stdout.contains("checks passed"), "{}", ended.stdout);
}
