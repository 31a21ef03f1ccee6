//! Snapshots of Markdown, terminal text, OpenMetrics and CSV (`INSTA_UPDATE=always` rewrites them).

use kneepoint_reports::{ReportView, render};

use crate::fixture::{self, Run};

fn view(run: &Run) -> ReportView {
    ReportView::build(&run.facts, &run.analysis, &run.summary, &run.flames)
}

#[test]
fn markdown() {
    insta::assert_snapshot!(render::markdown(&view(&fixture::run())));
}

#[test]
fn terminal_without_colour() {
    insta::assert_snapshot!(render::terminal(&view(&fixture::run()), false));
}

#[test]
fn nothing_measured() {
    let view = view(&fixture::nothing());
    insta::assert_snapshot!(format!("{}\n{}", render::terminal(&view, false), render::markdown(&view)));
}

#[test]
fn colour_only_adds_colour() {
    let view = view(&fixture::run());
    let (plain, painted) = (render::terminal(&view, false), render::terminal(&view, true));
    assert!(!plain.contains('\u{1b}') && painted.contains("\u{1b}[1;31mFAIL"));
    let mut stripped = String::new();
    let mut rest = painted.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').expect("a colour code ends with m").1;
    }
    stripped.push_str(rest);
    assert_eq!(lines(&stripped), lines(&plain));
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

#[test]
fn json_is_the_summary() {
    let run = fixture::run();
    let text = render::json(&run.summary).expect("serialises");
    let back: kneepoint_model::summary::Summary = serde_json::from_str(&text).expect("reads back");
    assert!(text.ends_with("}\n") && back.findings.len() == run.summary.findings.len());
    assert_eq!(
        (back.verdict, back.assertions, back.stages),
        (run.summary.verdict, run.summary.assertions, run.summary.stages)
    );
}

#[test]
fn markdown_is_never_longer_than_a_comment_may_be() {
    let mut run = fixture::run();
    let many = run.summary.endpoints[0].clone();
    run.summary.endpoints = (0..3_000)
        .map(|n| kneepoint_model::summary::EndpointSummary {
            name: format!("GET /{n}/{}", "x".repeat(200)),
            ..many.clone()
        })
        .collect();
    let finding = run.summary.findings[0].clone();
    run.summary.findings = (0..500)
        .map(|n| kneepoint_model::finding::Finding {
            id: format!("f-{n:08x}"),
            fix: "y".repeat(1_900),
            ..finding.clone()
        })
        .collect();
    let text = render::markdown(&view(&run));
    assert!(text.chars().count() <= 60_000, "{}", text.chars().count());
    assert!(text.contains("Truncated to the maximum length"), "the truncation is stated");
}

#[test]
fn openmetrics_and_csv() {
    let phases = fixture::run().facts.phases;
    let openmetrics = render::openmetrics(&phases);
    let first_seconds: Vec<String> =
        render::seconds_csv(&phases).lines().take(5).map(str::to_owned).collect();
    insta::assert_snapshot!(format!(
        "{openmetrics}\n{}\n{}",
        render::endpoints_csv(&phases),
        first_seconds.join("\n")
    ));
}
