//! The whole pipeline on the reference stack, and the files of its run folder.

use super::support::{SHORT, Sandbox, lock_machine};

#[test]
fn the_whole_pipeline_runs_on_the_reference_stack() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("run");
    sandbox.config(SHORT);
    let ended = sandbox.run(&["run"]);
    let run = sandbox.latest();
    ended.assert_success(&run);
    let quiet = ended.code == 0;
    let summary = run.json("summary.json");

    let stages: Vec<_> = summary["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .map(|s| s["name"].as_str().expect("name"))
        .collect();
    assert_eq!(stages[..7], ["up", "smoke", "warm", "probe", "load", "profile", "down"]);
    assert!(
        summary["stages"]
            .as_array()
            .expect("stages")
            .iter()
            .all(|s| s["status"] != "failed" && s["status"] != "skipped")
    );
    if quiet {
        assert_eq!(summary["verdict"]["status"], "pass", "{}", summary["verdict"]);
    }
    assert_eq!(summary["topology"], "nginx");
    assert!(summary["smoke"]["pages"].as_u64().expect("pages") > 15);
    assert_eq!(summary["smoke"]["broken"], 0);
    assert_load(&summary);
    assert_tiers(&summary);
    assert_seen_through(&summary);
    assert_profiles(&run, &summary);
    assert_report(&run);
    assert_report_in_a_browser(&run);

    for part in ["report: ", "report.html"] {
        assert!(ended.stdout.contains(part), "{part} is missing from:\n{}", ended.stdout);
    }
    sandbox.assert_nothing_runs();
    sandbox.run(&["down", "--all"]).assert_exit(0);

    let schema: serde_json::Value =
        serde_json::from_str(&sandbox.run(&["schema", "summary"]).assert_exit(0).stdout).expect("schema");
    for key in schema["required"].as_array().expect("required") {
        assert!(!summary[key.as_str().expect("key")].is_null(), "{key} is required and missing");
    }
    again_from_the_folder(&sandbox, ended.code);
}

/// Everything after `down` is a pure function of the folder: it can be repeated.
fn again_from_the_folder(sandbox: &Sandbox, code: i32) {
    let run = sandbox.latest();
    let before = run.json("summary.json");
    std::fs::remove_file(run.0.join("report.html")).expect("remove");
    sandbox.run(&["report", run.0.to_str().expect("path")]).assert_exit(code);
    let after = run.json("summary.json");
    for key in ["verdict", "load", "endpoints", "tiers", "cache", "db", "profiles", "findings", "assertions"]
    {
        assert_eq!(before[key], after[key], "{key} changed");
    }
    assert!(run.has("report.html"));
    assert!(
        sandbox.run(&["history"]).assert_exit(0).stdout.contains(before["run_id"].as_str().expect("run id"))
    );
}

fn assert_load(summary: &serde_json::Value) {
    let phases: Vec<_> = summary["load"].as_array().expect("load").iter().collect();
    let names: Vec<_> = phases.iter().map(|p| p["phase"].as_str().expect("phase")).collect();
    assert_eq!(names, ["closed", "open", "profiled"]);
    for phase in phases {
        assert!(phase["requests"].as_u64().expect("requests") > 20, "{phase}");
        assert_eq!(phase["errors"], 0, "{phase}");
        let (response, service, ttfb) = (&phase["response_us"], &phase["service_us"], &phase["ttfb_us"]);
        assert!(
            response["p50"].as_u64() >= Some(100) && response["p99"].as_u64() >= response["p50"].as_u64()
        );
        assert!(
            response["max"].as_u64() >= service["p50"].as_u64()
                && service["p50"].as_u64() >= ttfb["p50"].as_u64()
        );
    }
}

fn assert_tiers(summary: &serde_json::Value) {
    for tier in ["proxy", "server", "engine", "generator", "host"] {
        let found = summary["tiers"]
            .as_array()
            .expect("tiers")
            .iter()
            .find(|t| t["name"] == tier && t["phase"] == "closed");
        let found = found.unwrap_or_else(|| panic!("tier {tier} is missing"));
        if tier == "server" {
            let cpu = found["cpu_us_per_request"].as_f64().expect("cpu per request");
            assert!((300.0..500_000.0).contains(&cpu), "{cpu} µs of server CPU per request");
        }
    }
}

fn assert_seen_through(summary: &serde_json::Value) {
    let endpoints = summary["endpoints"].as_array().expect("endpoints");
    let split = endpoints
        .iter()
        .find_map(|e| (e["split"]["n"].as_u64() > Some(5)).then_some(&e["split"]))
        .expect("a split");
    let part = |name: &str| split[name].as_u64().unwrap_or(0);
    let parts: u64 = ["network_proxy_us", "queue_us", "app_us", "db_us", "cache_us", "engine_us"]
        .iter()
        .map(|name| part(name))
        .sum();
    assert_eq!(parts, part("total_us"), "the parts are the whole: {split}");
    assert!(summary["db"]["queries_per_request"].as_f64().expect("queries") > 0.5);
}

fn assert_profiles(run: &super::support::RunDir, summary: &serde_json::Value) {
    let profiles = summary["profiles"].as_array().expect("profiles");
    for tier in ["server", "generator"] {
        let profile = profiles
            .iter()
            .find(|p| p["tier"] == tier)
            .unwrap_or_else(|| panic!("no profile of {tier}: {profiles:?}"));
        assert!(profile["samples"].as_u64().expect("samples") > 0, "{profile}");
    }
    let folder = std::fs::read_dir(run.0.join("profiles")).expect("profiles").flatten();
    let names: Vec<_> = folder.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    for ending in [".folded", ".svg", ".pb.gz", ".speedscope.json"] {
        assert!(
            names.iter().any(|name| name.starts_with("server") && name.ends_with(ending)),
            "no server{ending} in {names:?}"
        );
    }
}

/// The page of a real run, in a real browser: its script runs to the end and finds its flame graphs.
fn assert_report_in_a_browser(run: &super::support::RunDir) {
    let chromium =
        ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(kneepoint_process::find);
    let chromium = chromium.expect("Chromium is needed: bash ci/test installs it");
    let profile = tempfile::tempdir().expect("temporary folder");
    let data = format!("--user-data-dir={}", profile.path().display());
    let page = format!("file://{}#everything", run.0.join("report.html").display());
    let output = kneepoint_process::Program::new(chromium)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-features=IsolateSandboxedIframes",
        ])
        .args(["--virtual-time-budget=10000", &data, "--dump-dom", &page])
        .run(std::time::Duration::from_mins(1))
        .expect("Chromium opens the report");
    let page = output.stdout_text();
    let root = page.split('>').find(|tag| tag.contains("<html")).unwrap_or_default().to_owned();
    assert!(root.contains("data-ready=\"1\""), "the script ran to its end: {root}");
    let flames = root
        .split("data-flames=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .and_then(|n| n.parse::<u32>().ok());
    assert!(flames >= Some(2), "flame graphs of several tiers work: {root}");
}

fn assert_report(run: &super::support::RunDir) {
    let html = run.text("report.html");
    assert!(html.len() > 50_000 && html.contains("</html>"), "{} bytes", html.len());
    for file in [
        "manifest.json",
        "site.json",
        "warm.json",
        "probe.json",
        "analysis.json",
        "report.md",
        "junit.xml",
        "load/closed.hlog",
        "samples/resources.jsonl",
        "samples/access-closed.json",
    ] {
        assert!(run.has(file), "{file} is missing");
    }
    assert_eq!(run.json("manifest.json")["complete"], true);
    // Secrets of the stack and of the users do not reach the folder.
    for file in [
        "manifest.json",
        "events.jsonl",
        "stack.json",
        "site.json",
        "probe.json",
        "load/closed.json",
        "report.html",
    ] {
        let text = run.text(file);
        for secret in ["sessionid=", "csrftoken=", "SECRET_KEY"] {
            assert!(!text.contains(secret), "{secret} is in {file}");
        }
    }
}
