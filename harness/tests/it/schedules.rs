//! Load schedules: segments and replays; and imported scenarios.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use serde_json::Value;

use super::attach::Site;
use super::support::{Sandbox, lock_machine};

const CONFIG: &str = "[warm]\npages = 2\nmax_rounds = 2\nmax_time = \"2s\"\n[probe]\nrepeats = 1\nmax_time = \"2s\"\n\
    [load]\nclosed = \"0s\"\nopen = \"3s\"\nrate = \"40/s\"\nwarmup = \"500ms\"\n";

fn site() -> Site {
    let home = "<title>Home</title><a href=/books/1/>1</a><a href=/books/2/>2</a>";
    let book = || async { Html("<title>Book</title><a href=/>home</a>") };
    Site::serve(
        Router::new().route("/", get(move || async move { Html(home) })).route("/books/{id}/", get(book)),
    )
}

/// The open phase.
fn open(sandbox: &Sandbox) -> Value {
    sandbox.latest().json("load/open.json")
}

#[test]
fn a_load_goes_through_its_segments() {
    let _machine = lock_machine();
    let (site, sandbox) = (site(), Sandbox::new("stages"));
    fs::write(sandbox.folder.join("home.toml"), "name = \"home\"\n[[step]]\npath = \"/\"\n").unwrap();
    sandbox.config(&format!("{CONFIG}[load.scenarios]\n\"home.toml\" = 1\n"));
    let stages = ["--stage", "ramp 0/s to 40/s over 2s", "--stage", "hold 40/s for 1s"];
    let url = site.url();
    let args: Vec<&str> = ["load", "--attach", &url].into_iter().chain(stages).collect();
    let ended = sandbox.run(&args);
    let run = sandbox.latest();
    ended.assert_success(&run);
    let requests: Vec<u64> = open(&sandbox)["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .map(|stage| stage["requests"].as_u64().expect("a count"))
        .collect();
    assert_eq!(requests, [40, 40], "the area under the rate");
    assert!(
        run.text("report.html").contains("Load segments of open"),
        "the report has a line for each segment"
    );
    for (bad, why) in [
        ("20/s for 3s", "is not a segment of a rate schedule; write `hold 20/s for 30s`"),
        ("hold 20/s for 3", "has an invalid length"),
    ] {
        let refused = sandbox.run(&["load", "--attach", &site.url(), "--stage", bad]);
        assert!(refused.assert_exit(2).stderr.contains(why), "{}", refused.stderr);
    }
}

#[test]
fn an_access_log_becomes_a_scenario_and_is_replayed() {
    let _machine = lock_machine();
    let (site, sandbox) = (site(), Sandbox::new("access_log"));
    let line = |n: usize| {
        let path = ["/", "/books/1/", "/books/2/"][n % 3];
        format!("::1 - - [28/Nov/2026:00:00:{:02} +0000] \"GET {path} HTTP/1.1\" 200 5\n", n / 10)
    };
    let log: String = (0..200).map(line).chain(["noise\n".to_owned()]).collect();
    fs::write(sandbox.folder.join("access.log"), log).unwrap();
    let said = sandbox.run(&["import", "access-log", "access.log"]);
    said.assert_exit(0);
    for part in [
        "The mix of 200 GET requests in access.log.",
        "1 line in an unknown format",
        "scenarios/access-log.toml",
    ] {
        assert!(said.stdout.contains(part), "{part} is missing from:\n{}", said.stdout);
    }
    let again = sandbox.run(&["import", "access-log", "access.log"]);
    assert!(again.assert_exit(2).stderr.contains("already exists"), "{}", again.stderr);
    sandbox.config(&format!("{CONFIG}[load.scenarios]\n\"scenarios/access-log.toml\" = 1\n"));
    sandbox.run(&["load", "--attach", &site.url()]).assert_success(&sandbox.latest());
    let names = |phase: &Value| {
        let endpoints = phase["endpoints"].as_array().expect("endpoints");
        endpoints
            .iter()
            .map(|endpoint| endpoint["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&open(&sandbox)), ["GET /books/<id>/", "GET /"]);

    // Twenty seconds of log in four, of which the first half second is the warm-up.
    let args = ["load", "--attach", &site.url(), "--replay", "access.log", "--speed", "5"];
    sandbox.run(&args).assert_success(&sandbox.latest());
    let phase = open(&sandbox);
    assert_eq!((phase["requests"].as_u64(), phase["errors"].as_u64()), (Some(175), Some(0)), "{phase}");
    assert_eq!(names(&phase), ["GET /books/<id>/", "GET /"]);
    let refused = sandbox.run(&["load", "--attach", &site.url(), "--replay", "kneepoint.toml"]);
    assert!(refused.assert_exit(2).stderr.contains("is not an access log"), "{}", refused.stderr);
}

#[test]
fn a_log_is_read_only_where_it_is_replayed() {
    let _machine = lock_machine();
    let (site, sandbox) = (site(), Sandbox::new("log_not_there"));
    sandbox.config(&format!("{CONFIG}replay = \"no-such.log\"\n"));
    let url = site.url();
    let refused = sandbox.run(&["load", "--attach", &url]);
    assert!(refused.assert_exit(2).stderr.contains("no-such.log"), "{}", refused.stderr);
    assert_eq!(sandbox.runs(), 0, "nothing may have started");
    sandbox.run(&["smoke", "--attach", &url]).assert_exit(0);
    sandbox.run(&["report"]).assert_exit(0);
}

/// A site that breaks down once it has been asked for more than a crawl, a warming and a probing ask.
fn fragile(bears: usize) -> Site {
    let asked = Arc::new(AtomicUsize::new(0));
    let home = move || {
        let asked = Arc::clone(&asked);
        async move {
            if asked.fetch_add(1, Ordering::Relaxed) < bears {
                Ok(Html("<title>Home</title><a href=/>home</a>"))
            } else {
                Err(StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    };
    Site::serve(Router::new().route("/", get(home)))
}

#[test]
fn load_that_was_stopped_is_not_followed_by_a_profiled_phase() {
    let _machine = lock_machine();
    let (site, sandbox) = (fragile(200), Sandbox::new("stopped_load"));
    let config = CONFIG.replace("open = \"3s\"", "open = \"20s\"").replace("40/s", "100/s");
    sandbox.config(&format!("{config}stop_when = [\"error > 50%\"]\n"));
    let began = Instant::now();
    let ended = sandbox.run(&["run", "--attach", &site.url()]);
    // Errors void the measurement; and the limit did not leave a verdict that could pass.
    ended.assert_exit(4);
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    let run = sandbox.latest();
    assert_eq!(open(&sandbox)["stopped_by"], "error > 50%");
    let manifest = run.json("manifest.json");
    let stages = manifest["stages"].as_array().expect("stages");
    let profile = stages.iter().find(|stage| stage["name"] == "profile").expect("a record of it");
    assert_eq!(profile["status"], "skipped", "{profile}");
    assert!(!run.has("load/profiled.json") && !run.has("load/profiled.plan.json"));
    let unmeasured = manifest["unmeasured"].to_string();
    assert!(unmeasured.contains("the profiled phase was not started"), "{unmeasured}");
    assert!(ended.stderr.contains("not run: load was stopped (error > 50%)"), "{}", ended.stderr);
    assert!(run.text("report.html").contains("the profiled phase was not started"));
}
