//! Scenario files from what is there: a log, a recording, a document; golden in, golden out.

use kneepoint_scenarios::{
    Encoding, ImportError, Imported, Scenario, Visit, from_access_log, from_har, from_openapi,
};

fn capture(name: &str) -> String {
    let path = format!("{}/tests/captures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What was made, read as a user's own file would be.
fn read(imported: &Imported) -> Scenario {
    Scenario::parse("imported.toml", &imported.text)
        .unwrap_or_else(|error| panic!("{error}\n{}", imported.text))
}

#[test]
fn the_log_of_a_real_nginx_becomes_its_mix() {
    let imported = from_access_log(capture("nginx.log").as_bytes(), "nginx.log").expect("a log");
    insta::assert_snapshot!(imported.text);
    let scenario = read(&imported);
    let mut visit = Visit::new(1, 1);
    for journey in 1..200 {
        for at in scenario.begin(&mut visit, journey, journey).expect("no feed") {
            let mut path = String::new();
            assert!(scenario.steps()[at].path().render(&mut visit, Encoding::Path, &mut path));
            assert!(path.starts_with('/') && !path.contains("token"), "{path}");
        }
    }
}

#[test]
fn the_log_of_our_own_proxy_is_understood_as_well() {
    let imported = from_access_log(capture("kneepoint.jsonl").as_bytes(), "kneepoint.jsonl").expect("a log");
    insta::assert_snapshot!(imported.text);
    read(&imported);
}

#[test]
fn a_browsers_recording_becomes_a_journey() {
    let imported = from_har(&capture("shop.har"), "shop.har").expect("a recording");
    insta::assert_snapshot!(imported.text);
    assert!(
        !imported.text.contains("throw-away-reader") && !imported.text.contains("sessionid"),
        "{}",
        imported.text
    );
    assert!(read(&imported).needs_throw_away());
}

#[test]
fn a_document_becomes_its_operations() {
    let reading =
        from_openapi(&capture("shop.openapi.yaml"), "shop.openapi.yaml", false).expect("a document");
    insta::assert_snapshot!("openapi_reading", reading.text);
    assert!(!read(&reading).needs_throw_away());
    let writing = from_openapi(&capture("shop.openapi.yaml"), "shop.openapi.yaml", true).expect("a document");
    insta::assert_snapshot!("openapi_writing", writing.text);
    assert!(read(&writing).needs_throw_away());
}

#[test]
fn what_is_something_else_is_refused_with_what_was_expected() {
    let said = |result: Result<Imported, ImportError>| result.expect_err("must be refused").to_string();
    let log = said(from_access_log("Nov 28 00:00:00 host sshd[1]: hello\n".as_bytes(), "syslog"));
    assert!(
        log.starts_with("syslog is no access log (`127.0.0.1 - - [") && log.contains("none of its 1 line"),
        "{log}"
    );
    let posts = "::1 - - [28/Nov/2026:00:00:00 +0000] \"POST / HTTP/1.1\" 302 0\n";
    assert!(
        said(from_access_log(posts.as_bytes(), "posts.log")).contains("1 POST request (a log has no bodies)")
    );
    assert!(said(from_access_log("".as_bytes(), "empty.log")).contains("none of its 0 lines"));
    assert!(said(from_har("<html>", "x.har")).contains("x.har is no HAR (JSON with `log.entries`"));
    assert!(said(from_har("{}", "x.har")).contains("no list of entries"));
    assert!(
        said(from_har(r#"{"log": {"entries": [7]}}"#, "x.har")).contains("none of its 1 entries can be read")
    );
    assert!(said(from_openapi("a: [", "x.yaml", false)).contains("x.yaml is no OpenAPI document"));
    assert!(said(from_openapi("{\"openapi\": \"3.1.0\"}", "x.json", false)).contains("it has no `paths`"));
    let empty = r#"{"openapi": "3.1.0", "paths": {"/a": {"post": {}}}}"#;
    assert!(said(from_openapi(empty, "x.json", false)).contains("1 operation changing data"));
}

/// Found by fuzzing: such a header was taken over, and the file refused.
#[test]
fn headers_that_a_scenario_cannot_set_are_left_to_kneepoint() {
    let parameter = |name: &str| {
        format!(r#"{{"name": "{name}", "in": "header", "required": true, "schema": {{"type": "string"}}}}"#)
    };
    let list = ["User-Agent", "X Shop/op", "X-Shop"].map(parameter).join(",");
    let text = format!(r#"{{"openapi": "3.1.0", "paths": {{"/a": {{"get": {{"parameters": [{list}]}}}}}}}}"#);
    let imported = from_openapi(&text, "x.json", false).expect("a document");
    assert!(imported.text.contains("X-Shop\"") && !imported.text.contains("User-Agent"), "{}", imported.text);
}
