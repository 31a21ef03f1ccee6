//! Findings: what is wrong, how that is known, what it costs, how to mend it, how to see it again.

use kneepoint_analysis::Analysis;
use kneepoint_model::finding::{Finding, Severity};
use kneepoint_model::summary::Summary;
use serde::Serialize;

use crate::format::{clean, millis, number, safe_path, slug};
use crate::view::block::Tone;

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    /// The sentence.
    pub text: String,
    /// The file that holds the figures.
    pub source: String,
    /// The same as a link, where it may be one.
    pub link: Option<String>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingView {
    /// Stable id, fit for a link.
    pub id: String,
    /// Its rule.
    pub rule: String,
    /// How sure.
    pub severity: String,
    /// How that looks.
    pub tone: Tone,
    /// Where it hurts.
    pub tier: String,
    /// On which route.
    pub route: Option<String>,
    /// One line.
    pub title: String,
    /// How it is known.
    pub evidence: Vec<EvidenceView>,
    /// What mending saves, in a few words; or that it could not be estimated.
    pub saving: String,
    /// How that was estimated.
    pub basis: Option<String>,
    /// What to do.
    pub fix: String,
    /// How to see it again.
    pub reproduce: String,
}

/// The findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingsView {
    /// What is said before the list.
    pub lead: String,
    /// The findings, as the analysis sorted them.
    pub items: Vec<FindingView>,
    /// Rules that could not judge, and why.
    pub not_judged: Vec<String>,
}

pub(crate) fn build(analysis: &Analysis, summary: &Summary) -> FindingsView {
    let judged = analysis.rules.iter().filter(|rule| rule.not_evaluated.is_none()).count();
    let lead = match (summary.findings.len(), analysis.rules.len()) {
        (0, 0) => "No rule was asked: the run did not come far enough to be judged.".to_owned(),
        (0, all) => format!("Nothing was found. {judged} of {all} rules could judge."),
        (_, all) => format!(
            "What voids figures stands first, then what saves most. {judged} of {all} rules could judge."
        ),
    };
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    let items = summary.findings.iter().map(|finding| one(finding, &mut seen)).collect();
    let not_judged = not_judged(analysis);
    FindingsView { lead, items, not_judged }
}

/// Rules that could not judge, those with the same reason in one line.
fn not_judged(analysis: &Analysis) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for report in &analysis.rules {
        let Some(why) = report.not_evaluated.as_deref() else { continue };
        match reasons.iter_mut().find(|(own, _)| *own == why) {
            Some((_, rules)) => rules.push(report.rule.name()),
            None => reasons.push((why, vec![report.rule.name()])),
        }
    }
    reasons.into_iter().map(|(why, rules)| format!("{}: {}", rules.join(", "), clean(why))).collect()
}

fn one(finding: &Finding, seen: &mut std::collections::BTreeMap<String, u32>) -> FindingView {
    let mut id = slug(&finding.id);
    let times = seen.entry(id.clone()).or_insert(0);
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
        route: finding.route.as_deref().map(clean),
        title: clean(&finding.title),
        evidence: finding
            .evidence
            .iter()
            .map(|evidence| EvidenceView {
                text: clean(&evidence.text),
                source: clean(&evidence.source),
                link: safe_path(&evidence.source),
            })
            .collect(),
        saving: finding.saving.as_ref().map_or_else(
            || "not estimated".to_owned(),
            |saving| {
                format!(
                    "{} a request × {} requests/s = {} of server time each second",
                    millis(saving.ms_per_request),
                    number(saving.requests_per_second, 1),
                    millis(saving.ms_per_second())
                )
            },
        ),
        basis: finding.saving.as_ref().map(|saving| clean(&saving.basis)),
        fix: clean(&finding.fix),
        reproduce: clean(&finding.reproduce),
    }
}
