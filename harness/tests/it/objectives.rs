//! Objectives of steps: validated before the run, checked after it, and checked again from the run folder only.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;

use super::attach::Site;
use super::support::{Sandbox, lock_machine};

fn shop(slo: &str) -> String {
    format!("name = \"shop\"\n[[step]]\nname = \"GET /\"\npath = \"/\"\nslo = {{ {slo} }}\n")
}

#[test]
fn an_invalid_objective_is_refused_with_its_position() {
    let sandbox = Sandbox::new("bad_objective");
    sandbox.config("[load.scenarios]\n\"shop.toml\" = 1\n");
    for (slo, parts) in [
        ("p95 = \"200\"", ["shop.toml:5:", "unit"]),
        ("p95 = \"> 200ms\"", ["shop.toml:5:", "use `<`"]),
        ("cpu_per_request = \"9ms\"", ["shop.toml:5:", "whole stack"]),
        ("p59 = \"9ms\"", ["shop.toml:5:", "did you mean `p"]),
    ] {
        std::fs::write(sandbox.folder.join("shop.toml"), shop(slo)).expect("write");
        sandbox.run(&["run"]).assert_refused(&parts);
    }
    assert_eq!(sandbox.runs(), 0, "nothing may have started");
}

#[test]
fn objectives_are_checked_and_checked_again_from_the_run_folder() {
    let _machine = lock_machine();
    let site = Site::serve(Router::new().route(
        "/",
        get(|| async {
            // Long enough that the generator's own waits do not matter.
            tokio::time::sleep(Duration::from_millis(20)).await;
            Html("<title>Home</title>fine")
        }),
    ));
    let sandbox = Sandbox::new("objectives");
    std::fs::write(sandbox.folder.join("shop.toml"), shop("bytes_per_request = \"5B\", errors = \"1%\""))
        .expect("write");
    sandbox.config("[load]\nusers = 4\nclosed = \"2s\"\nopen = \"0s\"\nwarmup = \"200ms\"\n[load.scenarios]\n\"shop.toml\" = 1\n[slo]\nassert = []\n");
    let first = sandbox.run(&["load", "--attach", &site.url()]);
    let run = sandbox.latest();
    let judged = |gate: &serde_json::Value| -> Vec<(String, String, String)> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let list = gate["assertions"].as_array().expect("assertions");
        list.iter()
            .map(|one| (text(&one["endpoint"]), text(&one["assertion"]), text(&one["result"])))
            .collect()
    };
    let gate = run.json("gate.json");
    let before = judged(&gate);
    let said: Vec<(&str, &str)> =
        before.iter().map(|(endpoint, said, _)| (endpoint.as_str(), said.as_str())).collect();
    assert_eq!(said, [("GET /", "bytes_per_request <= 5B"), ("GET /", "error <= 1%")], "{}", first.stderr);
    let valid = run.json("load/closed.json")["validity"]["valid"] == true;
    let expected = if valid { ["fail", "pass"] } else { ["inconclusive", "inconclusive"] };
    assert_eq!(before.iter().map(|(_, _, result)| result.as_str()).collect::<Vec<_>>(), expected, "{gate}");
    assert!(!valid || first.code == 1 || first.code == 4, "{}: {gate}", first.code);

    // Neither configuration nor scenario is there any more.
    for file in ["kneepoint.toml", "shop.toml"] {
        std::fs::remove_file(sandbox.folder.join(file)).expect("there");
    }
    std::fs::remove_file(run.0.join("gate.json")).expect("there");
    let again = sandbox.run(&["gate", run.0.to_str().expect("path")]);
    let after = judged(&run.json("gate.json"));
    let of_endpoints = |all: &[(String, String, String)]| -> Vec<(String, String, String)> {
        all.iter().filter(|(endpoint, ..)| !endpoint.is_empty()).cloned().collect()
    };
    assert_eq!((of_endpoints(&after), again.code), (before, first.code), "{}", again.stderr);
}
