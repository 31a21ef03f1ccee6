//! Scenario files: the library, the reference file, and which files are rejected, with location and reason.

use std::path::Path;

use kneepoint_scenarios::{DEFAULT_TOML, Encoding, Scenario, ScenarioError, UserContext, resolve};

fn error_text(text: &str) -> String {
    Scenario::parse("shop.toml", text).expect_err("must be rejected").to_string()
}

#[test]
fn every_scenario_of_the_library_and_the_reference_file_are_valid() {
    for name in Scenario::library_names() {
        let scenario = Scenario::from_library(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(scenario.name(), name);
        assert!(!scenario.description().is_empty() && scenario.weight() > 0);
        let writes = scenario.steps().iter().any(|step| !step.method().is_safe());
        assert_eq!(writes, scenario.needs_throw_away(), "{name}");
    }
    let default = Scenario::parse("default.toml", DEFAULT_TOML).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(default.steps().len(), 4);

    // The commented examples of the reference file, with the files that they need.
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(example) if example.starts_with(|c: char| c != ' ') => format!("{example}\n"),
        _ => format!("{line}\n"),
    };
    let whole: String = DEFAULT_TOML.lines().map(uncommented).collect();
    let dir = tempfile::tempdir().expect("temporary folder");
    std::fs::write(dir.path().join("accounts.csv"), "username,password\nann,a1\n").expect("write");
    std::fs::write(dir.path().join("cover.png"), b"\x89PNG").expect("write");
    std::fs::write(dir.path().join("default.toml"), whole).expect("write");
    let whole = Scenario::load(&dir.path().join("default.toml")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(whole.feeds().collect::<Vec<_>>(), [("account", 1)]);
    let mut context = UserContext::new(1, 1);
    assert_eq!(whole.steps()[5].body().render(&mut context).as_deref(), Ok(&b"\x89PNG"[..]));
}

#[test]
fn only_hot_book_accepts_conflict_and_unavailable() {
    for name in Scenario::library_names() {
        let scenario = Scenario::from_library(name).unwrap();
        for step in scenario.steps() {
            let expected = [409, 503].map(|status| step.expect().accepts(status));
            let may_be_rejected = name == "hot-book" && step.name() == "POST /buy/<id>/";
            assert_eq!(expected, [may_be_rejected; 2], "{name}: {}", step.name());
        }
    }
}

/// Every key of a scenario file, and the values and placeholders that need an explanation.
const KEYS: [&str; 57] = [
    "name",
    "description",
    "weight",
    "needs_throw_away",
    "session",
    "follow_redirects",
    "assets",
    "headers",
    "auth",
    "basic",
    "bearer",
    "{env:NAME}",
    "think",
    "pick_steps",
    "list",
    "range",
    "feeds",
    "file",
    "pick",
    "method",
    "path",
    "expect",
    "status",
    "contains",
    "not_contains",
    "max_bytes",
    "extract",
    "css",
    "attr",
    "json",
    "regex",
    "header",
    "cookie",
    "required",
    "repeat",
    "while",
    "at_most",
    "for_each",
    "chance",
    "once",
    "when",
    "group",
    "slo",
    "form",
    "body",
    "body_file",
    "multipart",
    "content_type",
    "filename",
    "ms",
    "min_ms",
    "max_ms",
    "mean_ms",
    "spread",
    "deviation_ms",
    "median_ms",
    "p95_ms",
];

#[test]
fn the_reference_file_explains_every_key() {
    for key in KEYS {
        assert!(DEFAULT_TOML.contains(key), "{key} is not explained");
    }
}

#[test]
fn a_diagnostic_shows_location_key_value_suggestion_and_a_valid_line() {
    let text = "name = \"shop\"\n\n[[step]]\npath = \"/\"\nexpct = { status = [200] }\n";
    insta::assert_snapshot!(error_text(text), @r#"
    shop.toml:5:1: `expct`: unknown key
      5 | expct = { status = [200] }
        | ^
      did you mean `expect`?
      valid: expect = { status = [200], contains = ["</html>"] }
    "#);
    let text = "name = \"shop\"\n[[step]]\nmethod = \"get\"\npath = \"/\"\n";
    insta::assert_snapshot!(error_text(text), @r#"
    shop.toml:3:10: `method` = "get": must be one of GET, HEAD, POST, PUT, PATCH, DELETE
      3 | method = "get"
        |          ^
      did you mean `GET`?
      valid: method = "POST"
    "#);
    let text = "name = \"shop\"\n[vars.page]\nrange = [1, 9]\n[[step]]\npath = \"/?page={pge}\"\n";
    insta::assert_snapshot!(error_text(text), @r#"
    shop.toml:5:8: `step.path` = "/?page={pge}": `pge` is not defined before this step, neither in [vars] or [feeds] nor by an extract
      5 | path = "/?page={pge}"
        |        ^
      did you mean `page`?
      valid: path = "/catalogue/?page={random:1..20}"
    "#);
}

#[test]
fn invalid_scenarios_are_rejected_before_the_run_starts() {
    let step = |line: &str| format!("name = \"x\"\nneeds_throw_away = true\n[[step]]\n{line}\n");
    let cases = [
        (step("path = \"about/\""), "must begin with one /"),
        (step("path = \"//elsewhere/\""), "must begin with one /"),
        (step("path = \"/a b\""), "%20"),
        (step("path = \"/\"\nextract.x = { css = \"a[\" }"), "not a valid CSS selector"),
        (step("path = \"/\"\nextract.x = { regex = \"(\" }"), "not a valid regular expression"),
        (step("path = \"/\"\nextract.x = { json = \"id\" }"), "must begin with /"),
        (step("path = \"/\"\nextract.x = { css = \"a\", header = \"b\" }"), "exactly one of"),
        (step("path = \"/\"\nextract.user = { header = \"b\" }"), "built-in"),
        (step("path = \"/\"\nform = { a = \"b\" }"), "GET cannot have a body"),
        (step("method = \"POST\"\npath = \"/\"\nbody_file = \"gone.bin\""), "cannot read gone.bin"),
        (step("method = \"POST\"\npath = \"/\"\nbody_file = \"/dev/zero\""), "is not a regular file"),
        (step("method = \"POST\"\npath = \"/\"\nbody = \"x\"\nbody_file = \"x\""), "only one of form, json"),
        (step("method = \"POST\"\npath = \"/\"\nmultipart = { a = 1 }"), "must be a text, or { file"),
        (
            step("method = \"POST\"\npath = \"/\"\nmultipart = { a = { fiel = \"x\" } }"),
            "did you mean `file`",
        ),
        (step("method = \"POST\"\npath = \"/\"\nmultipart = { a = { filename = \"x\" } }"), "needs `file`"),
        (
            step("method = \"POST\"\npath = \"/\"\nmultipart = { a = { file = \"gone.bin\" } }"),
            "cannot read gone.bin",
        ),
        (
            step(
                "method = \"POST\"\npath = \"/\"\nmultipart = { a = { file = \"x\", content_type = \"a\\nb\" } }",
            ),
            "one line",
        ),
        (step("path = \"/\"\nchance = 0.0"), "above 0"),
        (step("path = \"/\"\nrepeat = 0"), "whole number from 1"),
        (step("path = \"/\"\nrepeat = { min = 2, max = 1 }"), "the smaller first"),
        (step("path = \"/\"\nrepeat = { min = 2 }"), "{ min, max }"),
        (step("path = \"/\"\nat_most = 3"), "only allowed together with while or for_each"),
        (step("path = \"/\"\nwhile = \"status == 200\""), "needs at_most, so that"),
        (step("path = \"/\"\nwhile = \"status == 200\"\nat_most = 0"), "from 1 to 10000"),
        (
            step("path = \"/\"\nwhile = \"status == 200\"\nat_most = 3\nrepeat = 2"),
            "only one of repeat, while and for_each",
        ),
        (step("path = \"/\"\nfor_each = \"ids\""), "pick = \"all\""),
        (step("path = \"/\"\nwhen = \"status\""), "only be compared with a number"),
        (step("path = \"/\"\nwhen = \"status == 'ok'\""), "only be compared with a number"),
        (step("path = \"/\"\nwhen = \"a and b\""), "only one condition"),
        (step("path = \"/\"\nthink = { min_ms = 9, max_ms = 1 }"), "the smaller first"),
        (step("path = \"/\"\nthink = { ms = 9, max_ms = 1 }"), "needs one of"),
        (step("path = \"/\"\nthink = { mean_ms = 9 }"), "needs one of"),
        (step("path = \"/\"\nthink = { mean_ms = 9, spread = \"even\" }"), "must be \"exponential\""),
        (step("path = \"/\"\nthink = { median_ms = 0, p95_ms = 9 }"), "above 0"),
        (step("path = \"/\"\nthink = { mean_ms = 600001, deviation_ms = 1 }"), "ten minutes"),
        (step("path = \"/\"\nexpect = { status = [999] }"), "between 200 and 599"),
        (step("path = \"/\"\nheaders = { host = \"x\" }"), "kneepoint itself"),
        (step("path = \"/\"\nheaders = { \"a b\" = \"x\" }"), "not a header name"),
        (step("path = \"/\"\nwhen = \"nothing\""), "is not defined before this step"),
        (step("path = \"/\"\nslo = { p59 = \"1s\" }"), "`p59` is not a metric"),
        (step("path = \"/\"\nslo = { p95 = 1 }"), "invalid type"),
        (step("method = \"HEAD\"\npath = \"/\"\nassets = true"), "a response to HEAD has no page"),
        (step("path = 5"), "invalid type"),
        ("name = \"x\"\n".into(), "at least one step"),
        ("[[step]]\npath = \"/\"\n".into(), "missing field"),
        (
            "name = \"x\"\n[[step]]\nmethod = \"POST\"\npath = \"/\"\n".into(),
            "must set needs_throw_away = true",
        ),
        ("name = \"x\"\nname = \"y\"\n".into(), "duplicate key"),
        ("name = \"x\nboth".into(), "shop.toml:"),
    ];
    for (text, expected) in cases {
        let message = error_text(&text);
        assert!(message.contains(expected), "{text}\n→ {message}");
        assert!(message.starts_with("shop.toml:"), "{message}");
        assert!(message.contains("valid: "), "{message}");
    }
}

#[test]
fn an_optional_value_needs_a_condition() {
    let optional = "name = \"x\"\n[[step]]\npath = \"/\"\nextract.next = { css = \"a\", attr = \"href\", required = false }\n[[step]]\npath = \"{next}\"\n";
    let message = error_text(optional);
    assert!(message.contains("may be missing") && message.contains("valid: when = \"next\""), "{message}");
    Scenario::parse("x", &format!("{optional}when = \"next\"\n")).expect("has a condition");
}

#[test]
fn assets_apply_to_get_steps_and_a_step_overrides_the_scenario() {
    let steps = "[[step]]\npath = \"/\"\n[[step]]\npath = \"/plain\"\nassets = false\n[[step]]\nmethod = \"POST\"\npath = \"/a\"\n[[step]]\nmethod = \"POST\"\npath = \"/b\"\nassets = true\n";
    let loads = |head: &str| {
        let text = format!("name = \"x\"\nneeds_throw_away = true\n{head}{steps}");
        let scenario = Scenario::parse("x", &text).unwrap_or_else(|e| panic!("{e}"));
        scenario.steps().iter().map(kneepoint_scenarios::Step::loads_assets).collect::<Vec<_>>()
    };
    assert_eq!(loads(""), [false, false, false, true]);
    assert_eq!(loads("assets = true\n"), [true, false, false, true]);
}

#[test]
fn bodies_render_as_forms_and_json() {
    let text = "name = \"x\"\nneeds_throw_away = true\n[vars.n]\nrange = [7, 7]\n[[step]]\nmethod = \"POST\"\npath = \"/\"\nform = { a = \"x y&{n}\" }\n[[step]]\nmethod = \"PUT\"\npath = \"/{n:03}/\"\njson = { n = \"{n}\", t = \"no {n}\", l = [1, true], o = { d = 1.5 } }\n";
    let scenario = Scenario::parse("x", text).unwrap_or_else(|e| panic!("{e}"));
    let mut context = UserContext::new(1, 1);
    assert_eq!(scenario.begin_journey(&mut context, 1, 1), Ok(vec![0, 1]));
    let body = |at: usize, context: &mut UserContext| {
        let bytes = scenario.steps()[at].body().render(context).expect("all values");
        String::from_utf8(bytes.into_owned()).expect("text")
    };
    assert_eq!(body(0, &mut context), "a=x+y%267");
    assert_eq!(body(1, &mut context), r#"{"l":[1,true],"n":7,"o":{"d":1.5},"t":"no 7"}"#);
    let mut path = String::new();
    assert!(scenario.steps()[1].path().render(&mut context, Encoding::Path, &mut path));
    assert_eq!(path, "/007/");
}

#[test]
fn names_paths_and_weights_are_resolved() {
    let dir = tempfile::tempdir().expect("temporary folder");
    std::fs::write(dir.path().join("own.toml"), "name = \"own\"\n[[step]]\npath = \"/\"\n").expect("write");
    let found = resolve([("browse", 3), ("login", 0), ("own.toml", 2)], dir.path()).expect("both");
    let names: Vec<(&str, u32)> = found.iter().map(|(s, w)| (s.name(), *w)).collect();
    assert_eq!(names, [("browse", 3), ("own", 2)]);

    let unknown = resolve([("brwose", 1)], Path::new(".")).expect_err("no such name").to_string();
    assert!(unknown.contains("did you mean `browse`") && unknown.contains("api-crud"), "{unknown}");
    assert!(matches!(resolve([("browse", 0)], Path::new(".")), Err(ScenarioError::NoScenario)));
    let missing = resolve([("gone.toml", 1)], Path::new("/nonexistent")).expect_err("no file").to_string();
    assert!(missing.contains("/nonexistent/gone.toml"), "{missing}");
}

#[test]
fn step_objectives_use_the_syntax_of_the_gate() {
    let text = "name = \"x\"\n[[step]]\npath = \"/\"\nslo = { p95 = \"200ms\", errors = \"1%\", rps = \"5/s\", p50 = \"< 20ms\" }\n";
    let scenario = Scenario::parse("x.toml", text).unwrap_or_else(|e| panic!("{e}"));
    let assertions: Vec<&str> =
        scenario.steps()[0].slo().iter().map(kneepoint_scenarios::StepSlo::assertion).collect();
    assert_eq!(assertions, ["error <= 1%", "p50 < 20ms", "p95 <= 200ms", "rps >= 5/s"]);
    let message = scenario.steps()[0].slo()[2].to_error("no unit".into()).to_string();
    assert!(message.starts_with("x.toml:4:15: `slo.p95` = \"200ms\": no unit"), "{message}");
}

#[test]
fn the_steps_of_a_group_are_adjacent() {
    let steps = |groups: &[&str]| -> String {
        let step = |group: &&str| match *group {
            "-" => "[[step]]\npath = \"/\"\n".to_owned(),
            name => format!("[[step]]\npath = \"/\"\ngroup = \"{name}\"\n"),
        };
        groups.iter().map(step).collect()
    };
    let parse = |head: &str, groups: &[&str]| {
        Scenario::parse("x.toml", &format!("name = \"x\"\n{head}{}", steps(groups)))
            .map_err(|e| e.to_string())
    };
    let scenario = parse("", &["-", "a", "a", "b", "-"]).expect("adjacent");
    let groups: Vec<Option<&str>> = scenario.steps().iter().map(kneepoint_scenarios::Step::group).collect();
    assert_eq!(groups, [None, Some("a"), Some("a"), Some("b"), None]);
    for groups in [&["a", "-", "a"][..], &["a", "b", "a"]] {
        assert!(parse("", groups).expect_err("interrupted").contains("must be adjacent"));
    }
    assert!(
        parse("pick_steps = 2\n", &["a"]).expect_err("any order").contains("cannot be used with pick_steps")
    );
    assert!(parse("", &[""]).expect_err("no name").contains("1 to 60"));
}
