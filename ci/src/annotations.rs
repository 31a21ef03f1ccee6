//! GitHub workflow commands: `::error title=…::…`, the most important first, at most [`MAX_LINES`] of them.
//!
//! They are escaped by GitHub's rules (`%`, CR and LF in data; `:` and `,` too in properties): otherwise a page title could
//! end a command and start another. GitHub shows ten annotations per kind and step, and silently drops the others.

use kneepoint_analysis::findings::text::MAX_QUOTED;
use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::finding::{Finding, Severity};
use kneepoint_model::site::{CrawledPage, SiteMap};
use kneepoint_model::summary::AssertionResult;
use kneepoint_model::text::single_line;
use kneepoint_model::verdict::VerdictStatus;

use crate::gate::GateResult;
use crate::judge::describe_assertion;
use crate::junit::describe_problem;

/// Maximum number of lines.
pub const MAX_LINES: usize = 10;
/// Maximum length of a line of a message, in characters.
const MAX_MESSAGE: usize = 500;

#[derive(Clone, Copy)]
enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// The lines to print in a GitHub workflow; the last one counts those that were omitted.
pub fn annotations(facts: &RunFacts, analysis: &Analysis, gate: &GateResult) -> Vec<String> {
    let mut lines: Vec<String> = run_line(gate).into_iter().collect();
    lines.extend(facts.site.iter().flat_map(SiteMap::broken).map(broken_page_line));
    lines.extend(assertion_lines(gate, AssertionResult::Fail, Level::Error, "SLO violated"));
    lines.extend(finding_lines(analysis, gate, true));
    lines.extend(assertion_lines(gate, AssertionResult::Inconclusive, Level::Warning, "SLO inconclusive"));
    lines.extend(finding_lines(analysis, gate, false));
    if lines.len() > MAX_LINES {
        let omitted = lines.len() - (MAX_LINES - 1);
        lines.truncate(MAX_LINES - 1);
        lines.push(command(
            Level::Notice,
            "kneepoint",
            &format!("{omitted} more in report.md and report.html"),
        ));
    }
    lines
}

fn run_line(gate: &GateResult) -> Option<String> {
    let status = gate.verdict.status;
    let bad =
        status > VerdictStatus::Fail || (status == VerdictStatus::Inconclusive && gate.assertions.is_empty());
    bad.then(|| command(Level::Error, status.label(), &gate.verdict.reasons.join("; ")))
}

fn broken_page_line(page: &CrawledPage) -> String {
    let problems: Vec<String> =
        page.problems.iter().filter(|one| one.is_broken()).map(describe_problem).collect();
    command(
        Level::Error,
        &format!("broken page {}", single_line(&page.path, MAX_QUOTED)),
        &problems.join("; "),
    )
}

fn assertion_lines(gate: &GateResult, result: AssertionResult, level: Level, title: &str) -> Vec<String> {
    let selected = gate.assertions.iter().filter(|one| one.result == result);
    selected
        .map(|one| command(level, &format!("{title}: {}", one.assertion), &describe_assertion(one)))
        .collect()
}

/// Failing findings are errors; the others are warnings, without hints.
fn finding_lines(analysis: &Analysis, gate: &GateResult, failing: bool) -> Vec<String> {
    let selected = analysis.findings.iter().filter(|one| gate.failing_findings.contains(&one.id) == failing);
    let level = if failing { Level::Error } else { Level::Warning };
    selected
        .filter(|one| failing || one.severity > Severity::Hint)
        .map(|one| finding_line(one, level))
        .collect()
}

fn finding_line(finding: &Finding, level: Level) -> String {
    let first = finding.evidence.first().map_or("", |one| one.text.as_str());
    command(level, &finding.title, &format!("{first}\nfix: {}", finding.fix))
}

fn command(level: Level, title: &str, message: &str) -> String {
    let message: String =
        message.lines().map(|one| single_line(one, MAX_MESSAGE)).collect::<Vec<_>>().join("\n");
    format!(
        "::{} title={}::{}",
        level.name(),
        escape_property(&single_line(title, MAX_QUOTED)),
        escape_data(&message)
    )
}

/// Escapes a message.
pub fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
pub fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use kneepoint_analysis::{analyse, base_verdict};
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures;
    use crate::judge::judge;

    #[test]
    fn annotations_of_a_bad_run_with_hostile_names() {
        let facts = fixtures::hostile();
        let mut analysis = analyse(&facts);
        analysis.findings = vec![fixtures::finding(Severity::Likely), fixtures::finding(Severity::Hint)];
        let plan = fixtures::plan(&["p95 < 20ms", "p99 < 1s"], &[]);
        let gate = judge(&plan, &facts, &analysis, base_verdict(&facts, &analysis));
        insta::assert_snapshot!("hostile_annotations", annotations(&facts, &analysis, &gate).join("\n"));
    }

    #[test]
    fn there_are_never_more_than_ten() {
        let facts = fixtures::run();
        let mut analysis = analyse(&facts);
        analysis.findings = (0..30).map(|_| fixtures::finding(Severity::Proven)).collect();
        let gate = judge(&fixtures::plan(&[], &[]), &facts, &analysis, base_verdict(&facts, &analysis));
        let lines = annotations(&facts, &analysis, &gate);
        assert_eq!(lines.len(), MAX_LINES);
        assert!(lines[9].contains("21 more"), "{}", lines[9]);
    }

    #[test]
    fn a_good_run_has_no_annotations() {
        let facts = fixtures::run();
        let analysis = analyse(&facts);
        let gate =
            judge(&fixtures::plan(&["p95 < 1s"], &[]), &facts, &analysis, base_verdict(&facts, &analysis));
        assert_eq!(annotations(&facts, &analysis, &gate), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn no_text_ends_a_command(title in any::<String>(), message in any::<String>()) {
            let made = command(Level::Error, &title, &message);
            prop_assert!(!made.contains(['\n', '\r']));
            let rest = made.strip_prefix("::error title=").expect("its own head");
            let (property, _) = rest.split_once("::").expect("its own end");
            prop_assert!(!property.contains([':', ',']));
        }
    }
}
