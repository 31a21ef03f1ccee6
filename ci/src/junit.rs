//! `junit.xml`: the run for CI systems. Four suites: `run` (may it be believed?), `smoke` (a case for each page),
//! `slo` (a case for each assertion), `findings` (a case for each finding).
//!
//! Doubt is an error, not a skip: CI systems count skipped cases as good. Text from the site is hostile: quick-junit
//! escapes it and leaves out what XML cannot hold; here it is bounded.

use std::time::Duration;

use kneepoint_analysis::findings::text::{clip, clip_to};
use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::finding::Finding;
use kneepoint_model::site::{CrawledPage, PageProblem, PageVerdict};
use kneepoint_model::summary::{AssertionResult, AssertionSummary};
use kneepoint_model::verdict::VerdictStatus;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use thiserror::Error;

use crate::gate::GateResult;
use crate::judge::sentence;

/// Longest text of one case.
const LONGEST: usize = 2_000;

/// Why the report could not be written.
#[derive(Debug, Error)]
#[error("cannot write junit.xml: {0}; this is a fault of kneepoint")]
pub struct JunitError(#[from] quick_junit::SerializeError);

/// The whole report as text.
pub fn junit(facts: &RunFacts, analysis: &Analysis, gate: &GateResult) -> Result<String, JunitError> {
    let mut report = Report::new(format!("kneepoint {}", clip(&facts.manifest.run_id)));
    report.add_test_suite(run(gate));
    if let Some(site) = &facts.site {
        report.add_test_suite(suite("smoke", site.pages.iter().map(page)));
    }
    if !gate.assertions.is_empty() {
        report.add_test_suite(suite("slo", gate.assertions.iter().map(assertion)));
    }
    if !analysis.findings.is_empty() {
        report.add_test_suite(suite("findings", analysis.findings.iter().map(|one| finding(one, gate))));
    }
    Ok(report.to_string()?)
}

fn suite(name: &str, cases: impl Iterator<Item = TestCase>) -> TestSuite {
    let mut suite = TestSuite::new(name);
    for mut case in cases {
        case.set_classname(format!("kneepoint.{name}"));
        suite.add_test_case(case);
    }
    suite
}

fn run(gate: &GateResult) -> TestSuite {
    let verdict = &gate.verdict;
    let status = match verdict.status {
        VerdictStatus::Pass | VerdictStatus::NoAssertions | VerdictStatus::Fail => TestCaseStatus::success(),
        // Doubt about an assertion is an error of that assertion; doubt about the run as a whole stands here.
        VerdictStatus::Inconclusive if !gate.assertions.is_empty() => TestCaseStatus::success(),
        VerdictStatus::SmokeFailed => {
            failure(NonSuccessKind::Failure, verdict.status.label(), &verdict.reasons.join("\n"))
        }
        _ => failure(NonSuccessKind::Error, verdict.status.label(), &verdict.reasons.join("\n")),
    };
    suite("run", std::iter::once(TestCase::new("the measurement can be believed", status)))
}

fn failure(kind: NonSuccessKind, what: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let first = text.lines().next().unwrap_or(what);
    status.set_type(what).set_message(clip_to(first, 300)).set_description(bounded(text));
    status
}

fn bounded(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

fn page(page: &CrawledPage) -> TestCase {
    let title = page.title.as_deref().filter(|title| !title.is_empty());
    let name = match title {
        Some(title) => format!("{} ({})", clip(&page.path), clip(title)),
        None => clip(&page.path),
    };
    let problems: Vec<String> = page.problems.iter().map(problem).collect();
    let mut text = problems.join("\n");
    if !page.linked_from.is_empty() && page.verdict == PageVerdict::Failed {
        let from: Vec<String> = page.linked_from.iter().take(5).map(|path| clip(path)).collect();
        text = format!("{text}\nlinked from {}", from.join(", "));
    }
    let mut case = match page.verdict {
        PageVerdict::Failed => TestCase::new(name, failure(NonSuccessKind::Failure, "broken page", &text)),
        PageVerdict::Passed | PageVerdict::Warned => TestCase::new(name, TestCaseStatus::success()),
    };
    if page.verdict == PageVerdict::Warned && !text.is_empty() {
        case.set_system_out(bounded(&text));
    }
    case.set_time(Duration::from_micros(page.total_us.get()));
    case
}

/// A problem of a page in words.
pub(crate) fn problem(problem: &PageProblem) -> String {
    match problem {
        PageProblem::ServerError { status } => format!("answered {status}"),
        PageProblem::BrokenLink { status } => format!("the site links to it, but it answered {status}"),
        PageProblem::Timeout { after_us } => format!("no answer within {after_us}"),
        PageProblem::Connection { why } => format!("the connection failed: {}", clip(why)),
        PageProblem::RedirectLoop => "redirects lead in a circle".to_owned(),
        PageProblem::DebugPage => "shows the framework's debug page".to_owned(),
        PageProblem::NoTitle => "has no title".to_owned(),
        PageProblem::NotCompressed { bytes, gzip_bytes } => {
            format!("sent {bytes} uncompressed; gzip would make {gzip_bytes} of it")
        }
        PageProblem::NoCacheHeaders => "a static file without a lifetime".to_owned(),
        PageProblem::Heavy { bytes } => format!("weighs {bytes} on the wire"),
        PageProblem::Marker { seen } => format!("shows what should not be seen: {}", clip(seen)),
    }
}

fn assertion(one: &AssertionSummary) -> TestCase {
    let place = one.endpoint.as_deref().map_or_else(|| "all endpoints".to_owned(), clip);
    let name = format!("{place}: {} ({} phase)", one.assertion, clip(&one.phase));
    let status = match one.result {
        AssertionResult::Pass => TestCaseStatus::success(),
        AssertionResult::Fail => failure(NonSuccessKind::Failure, "slo missed", &sentence(one)),
        AssertionResult::Inconclusive => failure(NonSuccessKind::Error, "inconclusive", &sentence(one)),
    };
    let mut case = TestCase::new(name, status);
    if let Some(actual) = &one.actual {
        case.set_system_out(format!("{actual} over {} values", one.samples));
    }
    case
}

fn finding(finding: &Finding, gate: &GateResult) -> TestCase {
    let evidence: Vec<String> =
        finding.evidence.iter().map(|one| format!("- {} [{}]", one.text, one.source)).collect();
    let text = format!("{}\n{}\nfix: {}", finding.title, evidence.join("\n"), finding.fix);
    let name = format!("{} {}: {}", finding.id, finding.rule.name(), clip(&finding.title));
    if gate.failing_findings.contains(&finding.id) {
        return TestCase::new(name, failure(NonSuccessKind::Failure, finding.rule.name(), &text));
    }
    let mut case = TestCase::new(name, TestCaseStatus::success());
    case.set_system_out(bounded(&text));
    case
}

#[cfg(test)]
mod tests {
    use kneepoint_analysis::{analyse, base_verdict};
    use kneepoint_model::finding::Severity;

    use super::*;
    use crate::hand;
    use crate::judge::judge;

    #[test]
    fn the_report_of_a_bad_run_with_hostile_names() {
        let facts = hand::hostile();
        let mut analysis = analyse(&facts);
        analysis.findings = vec![hand::finding(Severity::Likely), hand::finding(Severity::Hint)];
        let mut plan = hand::plan(&["p95 < 20ms", "p99 < 1s"], &[("GET /<x>&\"'/", &["p95 < 1s"])]);
        plan.fail_on = Some(Severity::Likely);
        let gate = judge(&plan, &facts, &analysis, base_verdict(&facts, &analysis));
        let xml = junit(&facts, &analysis, &gate).expect("writes");
        assert!(!xml.chars().any(|c| c.is_control() && c != '\n'), "control characters are not XML");
        insta::assert_snapshot!("hostile_junit", xml);
    }

    #[test]
    fn what_may_not_be_believed_is_an_error_without_any_assertion() {
        let mut facts = hand::run();
        facts.phases[0].validity.valid = false;
        let analysis = analyse(&facts);
        let gate = judge(&hand::plan(&[], &[]), &facts, &analysis, base_verdict(&facts, &analysis));
        let xml = junit(&facts, &analysis, &gate).expect("writes");
        assert!(xml.contains(r#"errors="1""#) && xml.contains("INVALID"), "{xml}");
    }
}
