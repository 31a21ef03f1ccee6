//! Key figures of the report header: three per measured phase, then smoke, findings and assertions.

use kneepoint_analysis::facts::PROFILED;
use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::finding::Severity;
use kneepoint_model::summary::{AssertionResult, LoadSummary, Summary};
use kneepoint_model::text::sanitize;
use kneepoint_model::units::Ratio;
use serde::Serialize;

use crate::format::{MAX_TEXT, count, count_with_noun, micros};
use crate::view::block::Tone;

/// One key figure of the report header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// Label of the figure.
    pub name: String,
    /// The value with its unit.
    pub value: String,
    /// A short note below the value.
    pub note: String,
    /// Display by meaning.
    pub tone: Tone,
}

pub(crate) fn build(facts: &RunFacts, analysis: &Analysis, summary: &Summary) -> Vec<Figure> {
    let mut figures: Vec<Figure> = Vec::new();
    for load in summary.load.iter().filter(|load| load.phase != PROFILED).take(3) {
        figures.extend(phase_figures(load, analysis));
    }
    if facts.site.is_some() {
        let (value, tone) = match summary.smoke.broken {
            0 => (format!("{} pages", count(summary.smoke.pages)), Tone::Good),
            failed => (format!("{} failed", count(failed)), Tone::Bad),
        };
        let note = format!(
            "{} pages visited, {} with warnings",
            count(summary.smoke.pages),
            count(summary.smoke.warned)
        );
        figures.push(Figure { name: "Smoke".into(), value, note, tone });
    }
    let number_of = |severity| summary.findings.iter().filter(|f| f.severity == severity).count() as u64;
    let (proven, likely, hints) =
        (number_of(Severity::Proven), number_of(Severity::Likely), number_of(Severity::Hint));
    figures.push(Figure {
        name: "Findings".into(),
        value: count(summary.findings.len() as u64),
        note: format!("{proven} proven, {likely} likely, {}", count_with_noun(hints, "hint", "hints")),
        tone: if proven > 0 { Tone::Warn } else { Tone::Plain },
    });
    if !summary.assertions.is_empty() {
        let met = summary.assertions.iter().filter(|a| a.result == AssertionResult::Pass).count();
        let all = summary.assertions.len();
        figures.push(Figure {
            name: "Assertions".into(),
            value: format!("{met} of {all} met"),
            note: "details in section Assertions".into(),
            tone: if met == all { Tone::Good } else { Tone::Bad },
        });
    }
    figures
}

fn phase_figures(load: &LoadSummary, analysis: &Analysis) -> Vec<Figure> {
    let phase = sanitize(&load.phase, MAX_TEXT);
    if load.requests == 0 {
        return vec![Figure {
            name: phase,
            value: "no data".into(),
            note: "no completed request".into(),
            tone: Tone::Warn,
        }];
    }
    let offered = load.offered_rps.map_or_else(String::new, |offered| format!("of {offered} offered, "));
    let cpu = analysis
        .cpu_us_per_request(&load.phase)
        .map_or_else(|| "CPU not sampled".to_owned(), |us| format!("{} CPU per request", micros(us)));
    let errors = Ratio::from_parts(load.errors, load.requests).unwrap_or_default();
    let tone = if load.valid { Tone::Plain } else { Tone::Bad };
    vec![
        Figure {
            name: format!("Throughput, {phase}"),
            value: load.achieved_rps.to_string(),
            note: format!("{offered}{cpu}"),
            tone,
        },
        Figure {
            name: format!("Response p95, {phase}"),
            value: load.response_us.p95.to_string(),
            note: format!("p50 {}, p99 {}", load.response_us.p50, load.response_us.p99),
            tone,
        },
        Figure {
            name: format!("Errors, {phase}"),
            value: if load.errors == 0 { "none".to_owned() } else { errors.to_string() },
            note: format!("{} of {} requests", count(load.errors), count(load.requests)),
            tone: if load.errors == 0 { Tone::Good } else { Tone::Bad },
        },
    ]
}
