//! Findings: the problem, the evidence, the estimated saving, the fix, and how to reproduce it.

use kneepoint_analysis::{Analysis, RuleReport};
use kneepoint_model::finding::{Finding, Severity};
use kneepoint_model::summary::Summary;
use kneepoint_model::text::sanitize;
use serde::Serialize;

use crate::format::{MAX_TEXT, millis, number, safe_path, slug};
use crate::view::block::Tone;

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    /// The observation, with its values.
    pub text: String,
    /// The file of the run folder that contains the values.
    pub source: String,
    /// The same path, if it is safe as a link target.
    pub link: Option<String>,
}

/// One finding with all its texts formatted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingView {
    /// Stable id across runs, usable as a link target.
    pub id: String,
    /// Name of the rule that reports it.
    pub rule: String,
    /// `proven`, `likely` or `hint`.
    pub severity: String,
    /// Display of the severity.
    pub tone: Tone,
    /// The affected tier.
    pub tier: String,
    /// The affected route; `None` if it affects the whole tier.
    pub route: Option<String>,
    /// The problem in one line.
    pub title: String,
    /// Observations that support the finding.
    pub evidence: Vec<EvidenceView>,
    /// Estimated saving of the fix, or `not estimated`.
    pub saving: String,
    /// How the saving is estimated.
    pub basis: Option<String>,
    /// The recommended change.
    pub fix: String,
    /// A command that reproduces the observation.
    pub reproduce: String,
}

/// Rules without a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnevaluatedRules {
    /// Heading with the number of rules.
    pub title: String,
    /// One line per reason, with the names of the rules.
    pub reasons: Vec<String>,
}

/// The findings section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingsView {
    /// Introduction: the order of the list and how many rules were evaluated.
    pub lead: String,
    /// Findings in the order of the analysis.
    pub items: Vec<FindingView>,
    /// Rules without a result; empty if every rule was evaluated.
    pub unevaluated: Vec<UnevaluatedRules>,
}

pub(crate) fn build(analysis: &Analysis, summary: &Summary) -> FindingsView {
    let mut ids = std::collections::BTreeMap::<String, u32>::new();
    FindingsView {
        lead: lead(analysis, summary),
        items: summary.findings.iter().map(|finding| finding_view(finding, &mut ids)).collect(),
        unevaluated: [
            unevaluated("Rules inconclusive for lack of data", &analysis.rules, false),
            unevaluated("Rules not applicable", &analysis.rules, true),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

fn lead(analysis: &Analysis, summary: &Summary) -> String {
    let counts = analysis.rule_counts();
    match (summary.findings.len(), analysis.rules.len()) {
        (0, 0) => "No rule was evaluated: the run ended before the analysis had enough data.".to_owned(),
        (0, _) => format!("No findings. {counts}."),
        _ => format!(
            "Findings that invalidate the measurement come first, then by estimated saving. {counts}."
        ),
    }
}

/// The rules without a result, not applicable or inconclusive, one line per reason; `None` if there are none.
fn unevaluated(title: &str, reports: &[RuleReport], not_applicable: bool) -> Option<UnevaluatedRules> {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut number = 0;
    for report in reports.iter().filter(|report| report.not_applicable == not_applicable) {
        let Some(reason) = report.not_evaluated.as_deref() else { continue };
        number += 1;
        match by_reason.iter_mut().find(|(listed, _)| *listed == reason) {
            Some((_, rules)) => rules.push(report.rule.name()),
            None => by_reason.push((reason, vec![report.rule.name()])),
        }
    }
    let line =
        |(reason, rules): (&str, Vec<&str>)| format!("{}: {}", rules.join(", "), sanitize(reason, MAX_TEXT));
    (number > 0).then(|| UnevaluatedRules {
        title: format!("{title} ({number})"),
        reasons: by_reason.into_iter().map(line).collect(),
    })
}

fn finding_view(finding: &Finding, ids: &mut std::collections::BTreeMap<String, u32>) -> FindingView {
    let mut id = slug(&finding.id);
    let times = ids.entry(id.clone()).or_insert(0);
    *times += 1;
    if *times > 1 {
        id = format!("{id}-{times}");
    }
    let (severity, tone) = match finding.severity {
        Severity::Proven => ("proven", Tone::Bad),
        Severity::Likely => ("likely", Tone::Warn),
        Severity::Hint => ("hint", Tone::Muted),
    };
    FindingView {
        id,
        rule: finding.rule.name().to_owned(),
        severity: severity.to_owned(),
        tone,
        tier: finding.tier.name().to_owned(),
        route: finding.route.as_deref().map(|route| sanitize(route, MAX_TEXT)),
        title: sanitize(&finding.title, MAX_TEXT),
        evidence: finding
            .evidence
            .iter()
            .map(|evidence| EvidenceView {
                text: sanitize(&evidence.text, MAX_TEXT),
                source: sanitize(&evidence.source, MAX_TEXT),
                link: safe_path(&evidence.source),
            })
            .collect(),
        saving: finding.saving.as_ref().map_or_else(
            || "not estimated".to_owned(),
            |saving| {
                format!(
                    "{} per request × {} requests/s = {} of server time per second",
                    millis(saving.ms_per_request),
                    number(saving.requests_per_second, 1),
                    millis(saving.ms_per_second())
                )
            },
        ),
        basis: finding.saving.as_ref().map(|saving| sanitize(&saving.basis, MAX_TEXT)),
        fix: sanitize(&finding.fix, MAX_TEXT),
        reproduce: sanitize(&finding.reproduce, MAX_TEXT),
    }
}
