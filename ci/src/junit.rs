//! `junit.xml`: the run for CI systems. Four suites: `run` (is the measurement valid), `smoke` (a case per page), `slo` (a
//! case per assertion), `findings` (a case per finding).
//!
//! An inconclusive assertion is an error, not a skip, because CI systems count skipped cases as good. Text from the site is
//! untrusted input: quick-junit escapes it and removes characters that XML forbids; this module limits its length.

use std::time::Duration;

use kneepoint_analysis::findings::text::MAX_QUOTED;
use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::finding::Finding;
use kneepoint_model::site::{CrawledPage, PageProblem, PageVerdict};
use kneepoint_model::summary::{AssertionResult, AssertionSummary};
use kneepoint_model::text::{clip, single_line};
use kneepoint_model::verdict::VerdictStatus;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use thiserror::Error;

use crate::gate::GateResult;
use crate::judge::describe_assertion;

/// Maximum length of the text of one case, in characters.
const MAX_TEXT: usize = 2_000;

/// The report could not be serialised.
#[derive(Debug, Error)]
#[error("cannot write junit.xml: {0}; this is a bug in kneepoint")]
pub struct JunitError(#[from] quick_junit::SerializeError);

/// The whole report as XML.
pub fn junit(facts: &RunFacts, analysis: &Analysis, gate: &GateResult) -> Result<String, JunitError> {
    let mut report = Report::new(format!("kneepoint {}", single_line(&facts.manifest.run_id, MAX_QUOTED)));
    report.add_test_suite(run_suite(gate));
    if let Some(site) = &facts.site {
        report.add_test_suite(suite("smoke", site.pages.iter().map(page_case)));
    }
    if !gate.assertions.is_empty() {
        report.add_test_suite(suite("slo", gate.assertions.iter().map(assertion_case)));
    }
    if !analysis.findings.is_empty() {
        report.add_test_suite(suite("findings", analysis.findings.iter().map(|one| finding_case(one, gate))));
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

fn run_suite(gate: &GateResult) -> TestSuite {
    let verdict = &gate.verdict;
    let status = match verdict.status {
        VerdictStatus::Pass | VerdictStatus::NoAssertions | VerdictStatus::Fail => TestCaseStatus::success(),
        // An inconclusive assertion is an error of its own case; an inconclusive run is an error here.
        VerdictStatus::Inconclusive if !gate.assertions.is_empty() => TestCaseStatus::success(),
        VerdictStatus::SmokeFailed => {
            non_success(NonSuccessKind::Failure, verdict.status.label(), &verdict.reasons.join("\n"))
        }
        _ => non_success(NonSuccessKind::Error, verdict.status.label(), &verdict.reasons.join("\n")),
    };
    suite("run", std::iter::once(TestCase::new("the measurement is valid", status)))
}

fn non_success(kind: NonSuccessKind, what: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let first = text.lines().next().unwrap_or(what);
    status.set_type(what).set_message(single_line(first, 300)).set_description(clip(text, MAX_TEXT));
    status
}

fn page_case(page: &CrawledPage) -> TestCase {
    let title = page.title.as_deref().filter(|title| !title.is_empty());
    let name = match title {
        Some(title) => {
            format!("{} ({})", single_line(&page.path, MAX_QUOTED), single_line(title, MAX_QUOTED))
        }
        None => single_line(&page.path, MAX_QUOTED),
    };
    let problems: Vec<String> = page.problems.iter().map(describe_problem).collect();
    let mut text = problems.join("\n");
    if !page.linked_from.is_empty() && page.verdict == PageVerdict::Failed {
        let from: Vec<String> =
            page.linked_from.iter().take(5).map(|path| single_line(path, MAX_QUOTED)).collect();
        text = format!("{text}\nlinked from {}", from.join(", "));
    }
    let mut case = match page.verdict {
        PageVerdict::Failed => {
            TestCase::new(name, non_success(NonSuccessKind::Failure, "broken page", &text))
        }
        PageVerdict::Passed | PageVerdict::Warned => TestCase::new(name, TestCaseStatus::success()),
    };
    if page.verdict == PageVerdict::Warned && !text.is_empty() {
        case.set_system_out(clip(&text, MAX_TEXT));
    }
    case.set_time(Duration::from_micros(page.total_us.get()));
    case
}

/// A text for a problem of a page.
pub(crate) fn describe_problem(problem: &PageProblem) -> String {
    match problem {
        PageProblem::ServerError { status } => format!("status {status}"),
        PageProblem::BrokenLink { status } => format!("the site links to it, but it has status {status}"),
        PageProblem::Timeout { after_us } => format!("no response within {after_us}"),
        PageProblem::Connection { why } => format!("the connection failed: {}", single_line(why, MAX_QUOTED)),
        PageProblem::RedirectLoop => "redirect loop".to_owned(),
        PageProblem::DebugPage => "shows the framework's debug page".to_owned(),
        PageProblem::NoTitle => "has no title".to_owned(),
        PageProblem::NotCompressed { bytes, gzip_bytes } => {
            format!("{bytes} uncompressed; {gzip_bytes} with gzip")
        }
        PageProblem::NoCacheHeaders => "static file without cache headers".to_owned(),
        PageProblem::Heavy { bytes } => format!("{bytes} on the wire"),
        PageProblem::Marker { seen } => {
            format!("contains unrendered or internal text: {}", single_line(seen, MAX_QUOTED))
        }
    }
}

fn assertion_case(one: &AssertionSummary) -> TestCase {
    let endpoint = one
        .endpoint
        .as_deref()
        .map_or_else(|| "all endpoints".to_owned(), |endpoint| single_line(endpoint, MAX_QUOTED));
    let name = format!("{endpoint}: {} ({} phase)", one.assertion, single_line(&one.phase, MAX_QUOTED));
    let status = match one.result {
        AssertionResult::Pass => TestCaseStatus::success(),
        AssertionResult::Fail => {
            non_success(NonSuccessKind::Failure, "slo violated", &describe_assertion(one))
        }
        AssertionResult::Inconclusive => {
            non_success(NonSuccessKind::Error, "inconclusive", &describe_assertion(one))
        }
    };
    let mut case = TestCase::new(name, status);
    if let Some(actual) = &one.actual {
        case.set_system_out(format!("{actual} over {} values", one.samples));
    }
    case
}

fn finding_case(finding: &Finding, gate: &GateResult) -> TestCase {
    let evidence: Vec<String> =
        finding.evidence.iter().map(|one| format!("- {} [{}]", one.text, one.source)).collect();
    let text = format!("{}\n{}\nfix: {}", finding.title, evidence.join("\n"), finding.fix);
    let name = format!("{} {}: {}", finding.id, finding.rule.name(), single_line(&finding.title, MAX_QUOTED));
    if gate.failing_findings.contains(&finding.id) {
        return TestCase::new(name, non_success(NonSuccessKind::Failure, finding.rule.name(), &text));
    }
    let mut case = TestCase::new(name, TestCaseStatus::success());
    case.set_system_out(clip(&text, MAX_TEXT));
    case
}

#[cfg(test)]
mod tests {
    use kneepoint_analysis::{analyse, base_verdict};
    use kneepoint_model::finding::Severity;

    use super::*;
    use crate::fixtures;
    use crate::judge::judge;

    #[test]
    fn the_report_of_a_bad_run_with_hostile_names() {
        let facts = fixtures::hostile();
        let mut analysis = analyse(&facts);
        analysis.findings = vec![fixtures::finding(Severity::Likely), fixtures::finding(Severity::Hint)];
        let mut plan = fixtures::plan(&["p95 < 20ms", "p99 < 1s"], &[("GET /<x>&\"'/", &["p95 < 1s"])]);
        plan.fail_on = Some(Severity::Likely);
        let gate = judge(&plan, &facts, &analysis, base_verdict(&facts, &analysis));
        let xml = junit(&facts, &analysis, &gate).expect("writes");
        assert!(!xml.chars().any(|c| c.is_control() && c != '\n'), "control characters are not XML");
        insta::assert_snapshot!("hostile_junit", xml);
    }

    #[test]
    fn an_invalid_measurement_is_an_error_without_any_assertion() {
        let mut facts = fixtures::run();
        facts.phases[0].validity.valid = false;
        let analysis = analyse(&facts);
        let gate = judge(&fixtures::plan(&[], &[]), &facts, &analysis, base_verdict(&facts, &analysis));
        let xml = junit(&facts, &analysis, &gate).expect("writes");
        assert!(xml.contains(r#"errors="1""#) && xml.contains("INVALID"), "{xml}");
    }
}
