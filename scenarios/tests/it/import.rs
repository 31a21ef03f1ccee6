//! Imports of a log, a recording and an OpenAPI document, compared with snapshots.

use kneepoint_scenarios::{
    Encoding, ImportError, Imported, Scenario, UserContext, from_access_log, from_har, from_openapi,
};

use super::read_capture;

fn capture_text(name: &str) -> String {
    String::from_utf8(read_capture(name)).expect("UTF-8")
}

/// Parses the generated file.
fn parse(imported: &Imported) -> Scenario {
    Scenario::parse("imported.toml", &imported.text)
        .unwrap_or_else(|error| panic!("{error}\n{}", imported.text))
}

#[test]
fn an_nginx_log_becomes_its_request_mix() {
    let imported = from_access_log(capture_text("nginx.log").as_bytes(), "nginx.log").expect("a log");
    insta::assert_snapshot!(imported.text);
    let scenario = parse(&imported);
    let mut context = UserContext::new(1, 1);
    for journey in 1..200 {
        for at in scenario.begin_journey(&mut context, journey, journey).expect("no feed") {
            let mut path = String::new();
            assert!(scenario.steps()[at].path().render(&mut context, Encoding::Path, &mut path));
            assert!(path.starts_with('/') && !path.contains("token"), "{path}");
        }
    }
}

#[test]
fn the_log_of_kneepoints_own_proxy_is_supported() {
    let imported =
        from_access_log(capture_text("kneepoint.jsonl").as_bytes(), "kneepoint.jsonl").expect("a log");
    insta::assert_snapshot!(imported.text);
    parse(&imported);
}

#[test]
fn a_browser_recording_becomes_a_journey() {
    let imported = from_har(&capture_text("shop.har"), "shop.har").expect("a recording");
    insta::assert_snapshot!(imported.text);
    assert!(
        !imported.text.contains("throw-away-reader") && !imported.text.contains("sessionid"),
        "{}",
        imported.text
    );
    assert!(parse(&imported).needs_throw_away());
}

#[test]
fn an_openapi_document_becomes_its_operations() {
    let reading =
        from_openapi(&capture_text("shop.openapi.yaml"), "shop.openapi.yaml", false).expect("a document");
    insta::assert_snapshot!("openapi_reading", reading.text);
    assert!(!parse(&reading).needs_throw_away());
    let writing =
        from_openapi(&capture_text("shop.openapi.yaml"), "shop.openapi.yaml", true).expect("a document");
    insta::assert_snapshot!("openapi_writing", writing.text);
    assert!(parse(&writing).needs_throw_away());
}

#[test]
fn other_formats_are_rejected_with_the_expected_format() {
    let message = |result: Result<Imported, ImportError>| result.expect_err("must be rejected").to_string();
    let log = message(from_access_log("Nov 28 00:00:00 host sshd[1]: hello\n".as_bytes(), "syslog"));
    assert!(
        log.starts_with("syslog is not an access log (`127.0.0.1 - - [")
            && log.contains("none of its 1 line"),
        "{log}"
    );
    let posts = "::1 - - [28/Nov/2026:00:00:00 +0000] \"POST / HTTP/1.1\" 302 0\n";
    assert!(
        message(from_access_log(posts.as_bytes(), "posts.log"))
            .contains("1 POST request (a log has no request bodies)")
    );
    assert!(message(from_access_log("".as_bytes(), "empty.log")).contains("none of its 0 lines"));
    assert!(
        message(from_har("<html>", "x.har")).contains("x.har is not a HAR file (JSON with `log.entries`")
    );
    assert!(message(from_har("{}", "x.har")).contains("no array `log.entries`"));
    assert!(
        message(from_har(r#"{"log": {"entries": [7]}}"#, "x.har"))
            .contains("none of its 1 entries can be parsed")
    );
    assert!(message(from_openapi("a: [", "x.yaml", false)).contains("x.yaml is not an OpenAPI document"));
    assert!(message(from_openapi("{\"openapi\": \"3.1.0\"}", "x.json", false)).contains("it has no `paths`"));
    let empty = r#"{"openapi": "3.1.0", "paths": {"/a": {"post": {}}}}"#;
    assert!(message(from_openapi(empty, "x.json", false)).contains("1 operation that would change data"));
}

/// Found by fuzzing: such a header was imported, and the generated file was rejected.
#[test]
fn headers_that_a_scenario_cannot_set_are_not_imported() {
    let parameter = |name: &str| {
        format!(r#"{{"name": "{name}", "in": "header", "required": true, "schema": {{"type": "string"}}}}"#)
    };
    let list = ["User-Agent", "X Shop/op", "X-Shop"].map(parameter).join(",");
    let text = format!(r#"{{"openapi": "3.1.0", "paths": {{"/a": {{"get": {{"parameters": [{list}]}}}}}}}}"#);
    let imported = from_openapi(&text, "x.json", false).expect("a document");
    assert!(imported.text.contains("X-Shop\"") && !imported.text.contains("User-Agent"), "{}", imported.text);
}
