//! A scenario with all that a site can ask for: accounts from a file, a token from the environment, steps timed together.

use std::fs;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;

use super::attach::Site;
use super::support::{Sandbox, lock_machine};

const TOKEN: &str = "t0p-s3cret/token";

async fn members(headers: HeaderMap) -> Response {
    if headers
        .get("authorization")
        .is_some_and(|value| value.as_bytes() == format!("Bearer {TOKEN}").as_bytes())
    {
        "in".into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("folder").flatten().map(|entry| entry.path());
    let below = |path: std::path::PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(below).collect()
}

#[test]
fn accounts_secrets_and_groups_go_through_a_whole_run() {
    let _machine = lock_machine();
    let site = Site::serve(
        Router::new()
            .route("/", get(|| async { Html("<title>Home</title>fine") }))
            .route("/members/{name}", get(members)),
    );
    let sandbox = Sandbox::new("journeys");
    fs::write(sandbox.folder.join("accounts.csv"), "name\nann\nbob\n").expect("write");
    fs::write(
        sandbox.folder.join("shop.toml"),
        r#"
name = "shop"
auth = { bearer = "{env:KNEEPOINT_TEST_TOKEN}" }
think = { mean_ms = 5, spread = "exponential" }
[feeds.account]
file = "accounts.csv"
pick = "unique"
[[step]]
path = "/"
group = "enter"
[[step]]
name = "members"
path = "/members/{account.name}"
group = "enter"
[[step]]
name = "denied"
path = "/members/nobody"
auth = { bearer = "no" }
"#,
    )
    .expect("write");
    sandbox.config("[load]\nusers = 3\nclosed = \"1s\"\nopen = \"0s\"\nwarmup = \"0s\"\n[load.scenarios]\n\"shop.toml\" = 1\n");

    let missing = sandbox.kneepoint(&["load", "--attach", &site.url()]).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(missing.status.code(), Some(2), "{said}");
    assert!(
        said.contains("shop.toml:3:")
            && said.contains("the environment variable `KNEEPOINT_TEST_TOKEN` is not set"),
        "{said}"
    );
    assert_eq!(sandbox.runs(), 0);

    let output = sandbox
        .kneepoint(&["load", "--attach", &site.url()])
        .env("KNEEPOINT_TEST_TOKEN", TOKEN)
        .timeout(Duration::from_mins(1))
        .output()
        .expect("the binary runs");
    let (said, shown) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(4), "{said}");
    // Two accounts, each once: the third user has none, and the run reports it.
    let run = sandbox.latest();
    let phase = run.json("load/closed.json");
    assert_eq!(
        (phase["dry"][0]["rows"].as_u64(), phase["dry"][0]["journeys"].as_u64()),
        (Some(2), Some(3)),
        "{phase}"
    );
    assert!(shown.contains("gives each of its 2 rows once in a run"), "{shown}");
    // Both were let in, and failed at the step without a valid token; the group had ended by then.
    assert_eq!(phase["outcomes"]["client_error"].as_u64(), Some(2), "{phase}");
    let group = &phase["groups"][0];
    assert_eq!(
        (group["name"].as_str(), group["journeys"].as_u64(), group["failed"].as_u64()),
        (Some("enter"), Some(2), Some(0))
    );
    assert!(run.text("report.html").contains("Step groups in closed"));

    let secret = TOKEN.as_bytes();
    let encoded = TOKEN.replace('/', "%2F");
    for text in [said.as_bytes(), shown.as_bytes()] {
        assert!(!text.windows(secret.len()).any(|part| part == secret));
    }
    let kept = files(&run.0);
    assert!(kept.len() > 8, "{kept:?}");
    for path in kept {
        let bytes = fs::read(&path).expect("readable");
        for needle in [secret, encoded.as_bytes()] {
            assert!(!bytes.windows(needle.len()).any(|part| part == needle), "in {}", path.display());
        }
    }
}
