//! What scenarios promise of their steps: read before the run, judged after it, and again from the folder alone.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;

use super::attach::Site;
use super::support::{Place, turn};

fn shop(slo: &str) -> String {
    format!("name = \"shop\"\n[[step]]\nname = \"GET /\"\npath = \"/\"\nslo = {{ {slo} }}\n")
}

#[test]
fn a_promise_that_cannot_be_read_is_refused_with_its_place() {
    let place = Place::new("bad_promise");
    place.config("[load.scenarios]\n\"shop.toml\" = 1\n");
    for (slo, parts) in [
        ("p95 = \"200\"", ["shop.toml:5:", "unit"]),
        ("p95 = \"> 200ms\"", ["shop.toml:5:", "use `<`"]),
        ("cpu_per_request = \"9ms\"", ["shop.toml:5:", "whole stack"]),
        ("p59 = \"9ms\"", ["shop.toml:5:", "did you mean `p"]),
    ] {
        std::fs::write(place.folder.join("shop.toml"), shop(slo)).expect("write");
        place.run(&["run"]).refused(&parts);
    }
    assert_eq!(place.runs(), 0, "nothing may have started");
}

#[test]
fn promises_are_judged_and_judged_again_from_the_folder_alone() {
    let _turn = turn();
    let site = Site::serve(Router::new().route(
        "/",
        get(|| async {
            // Long enough that the generator's own waits do not matter.
            tokio::time::sleep(Duration::from_millis(20)).await;
            Html("<title>Home</title>fine")
        }),
    ));
    let place = Place::new("promises");
    std::fs::write(place.folder.join("shop.toml"), shop("bytes_per_request = \"5B\", errors = \"1%\""))
        .expect("write");
    place.config("[load]\nusers = 4\nclosed = \"2s\"\nopen = \"0s\"\nwarmup = \"200ms\"\n[load.scenarios]\n\"shop.toml\" = 1\n[slo]\nassert = []\n");
    let first = place.run(&["load", "--attach", &site.url()]);
    let run = place.latest();
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
        std::fs::remove_file(place.folder.join(file)).expect("there");
    }
    std::fs::remove_file(run.0.join("gate.json")).expect("there");
    let again = place.run(&["gate", run.0.to_str().expect("path")]);
    let after = judged(&run.json("gate.json"));
    let promised = |all: &[(String, String, String)]| -> Vec<(String, String, String)> {
        all.iter().filter(|(endpoint, ..)| !endpoint.is_empty()).cloned().collect()
    };
    assert_eq!((promised(&after), again.code), (before, first.code), "{}", again.stderr);
}
