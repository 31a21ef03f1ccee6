//! GitHub's workflow commands: `::error title=…::…`, the most important first, at most [`MOST`] of them.
//!
//! Escaping is GitHub's own (`%`, CR and LF in data; `:` and `,` too in properties): without it a page title could end a
//! command and begin another. GitHub shows ten annotations of a kind and step, and drops the rest without a word.

use kneepoint_analysis::findings::text::{clip, clip_to};
use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::finding::{Finding, Severity};
use kneepoint_model::site::{CrawledPage, SiteMap};
use kneepoint_model::summary::AssertionResult;
use kneepoint_model::verdict::VerdictStatus;

use crate::gate::GateResult;
use crate::judge::sentence;
use crate::junit::problem;

/// Most lines that are made.
pub const MOST: usize = 10;
/// Longest message.
const LONGEST: usize = 500;

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

/// The lines to print in a GitHub workflow; the last says how many were left out.
pub fn annotations(facts: &RunFacts, analysis: &Analysis, gate: &GateResult) -> Vec<String> {
    let mut lines: Vec<String> = run(gate).into_iter().collect();
    lines.extend(facts.site.iter().flat_map(SiteMap::broken).map(broken_page));
    lines.extend(of(gate, AssertionResult::Fail, Level::Error, "SLO missed"));
    lines.extend(findings(analysis, gate, true));
    lines.extend(of(gate, AssertionResult::Inconclusive, Level::Warning, "SLO inconclusive"));
    lines.extend(findings(analysis, gate, false));
    if lines.len() > MOST {
        let left = lines.len() - (MOST - 1);
        lines.truncate(MOST - 1);
        lines.push(line(Level::Notice, "kneepoint", &format!("{left} more in report.md and report.html")));
    }
    lines
}

fn run(gate: &GateResult) -> Option<String> {
    let status = gate.verdict.status;
    let bad =
        status > VerdictStatus::Fail || (status == VerdictStatus::Inconclusive && gate.assertions.is_empty());
    bad.then(|| line(Level::Error, status.label(), &gate.verdict.reasons.join("; ")))
}

fn broken_page(page: &CrawledPage) -> String {
    let problems: Vec<String> = page.problems.iter().filter(|one| one.is_broken()).map(problem).collect();
    line(Level::Error, &format!("broken page {}", clip(&page.path)), &problems.join("; "))
}

fn of(gate: &GateResult, result: AssertionResult, level: Level, title: &str) -> Vec<String> {
    let own = gate.assertions.iter().filter(|one| one.result == result);
    own.map(|one| line(level, &format!("{title}: {}", one.assertion), &sentence(one))).collect()
}

/// Failing findings are errors; the others warnings, hints left out.
fn findings(analysis: &Analysis, gate: &GateResult, failing: bool) -> Vec<String> {
    let own = analysis.findings.iter().filter(|one| gate.failing_findings.contains(&one.id) == failing);
    let level = if failing { Level::Error } else { Level::Warning };
    own.filter(|one| failing || one.severity > Severity::Hint).map(|one| finding(one, level)).collect()
}

fn finding(finding: &Finding, level: Level) -> String {
    let first = finding.evidence.first().map_or("", |one| one.text.as_str());
    line(level, &finding.title, &format!("{first}\nfix: {}", finding.fix))
}

fn line(level: Level, title: &str, message: &str) -> String {
    let message: String = message.lines().map(|one| clip_to(one, LONGEST)).collect::<Vec<_>>().join("\n");
    format!("::{} title={}::{}", level.name(), property(&clip(title)), data(&message))
}

/// Escapes a message.
pub fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property's value.
pub fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use kneepoint_analysis::{analyse, base_verdict};
    use proptest::prelude::*;

    use super::*;
    use crate::hand;
    use crate::judge::judge;

    #[test]
    fn annotations_of_a_bad_run_with_hostile_names() {
        let facts = hand::hostile();
        let mut analysis = analyse(&facts);
        analysis.findings = vec![hand::finding(Severity::Likely), hand::finding(Severity::Hint)];
        let plan = hand::plan(&["p95 < 20ms", "p99 < 1s"], &[]);
        let gate = judge(&plan, &facts, &analysis, base_verdict(&facts, &analysis));
        insta::assert_snapshot!("hostile_annotations", annotations(&facts, &analysis, &gate).join("\n"));
    }

    #[test]
    fn there_are_never_more_than_ten() {
        let facts = hand::run();
        let mut analysis = analyse(&facts);
        analysis.findings = (0..30).map(|_| hand::finding(Severity::Proven)).collect();
        let gate = judge(&hand::plan(&[], &[]), &facts, &analysis, base_verdict(&facts, &analysis));
        let lines = annotations(&facts, &analysis, &gate);
        assert_eq!(lines.len(), MOST);
        assert!(lines[9].contains("21 more"), "{}", lines[9]);
    }

    #[test]
    fn a_good_run_is_silent() {
        let facts = hand::run();
        let analysis = analyse(&facts);
        let gate = judge(&hand::plan(&["p95 < 1s"], &[]), &facts, &analysis, base_verdict(&facts, &analysis));
        assert_eq!(annotations(&facts, &analysis, &gate), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn no_text_ends_a_command(title in any::<String>(), message in any::<String>()) {
            let made = line(Level::Error, &title, &message);
            prop_assert!(!made.contains(['\n', '\r']));
            let rest = made.strip_prefix("::error title=").expect("its own head");
            let (property, _) = rest.split_once("::").expect("its own end");
            prop_assert!(!property.contains([':', ',']));
        }
    }
}
