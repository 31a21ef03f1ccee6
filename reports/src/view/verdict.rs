//! Header of the report: status, headline, health of the load generator, the run in one line, key figures.

use kneepoint_analysis::facts::PROFILED;
use kneepoint_analysis::{Analysis, Disturbance, RunFacts};
use kneepoint_model::load::{HttpVersion, LoadPhase};
use kneepoint_model::summary::Summary;
use kneepoint_model::text::sanitize;
use kneepoint_model::verdict::VerdictStatus;
use serde::Serialize;

use crate::format::{MAX_TEXT, count, count_with_noun, number};
use crate::view::block::Tone;
use crate::view::key_figures::{self, Figure};

/// Header of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictView {
    /// The status, e.g. `PASS` or `FAIL`.
    pub word: String,
    /// Display of the status.
    pub tone: Tone,
    /// The main reason for the status, in one line.
    pub headline: String,
    /// All other reasons and remarks.
    pub reasons: Vec<String>,
    /// Exit code of the process.
    pub exit_code: u8,
    /// Health of the load generator and foreign CPU on the host.
    pub health: String,
    /// Display of the health.
    pub health_tone: Tone,
    /// Why the run is incomplete; `None` if it is complete.
    pub partial: Option<String>,
    /// The run in short: target, topology, load, machine, commit, start.
    pub facts: Vec<String>,
    /// Key figures in display order.
    pub figures: Vec<Figure>,
}

pub(crate) fn build(facts: &RunFacts, analysis: &Analysis, summary: &Summary) -> VerdictView {
    let verdict = &summary.verdict;
    let mut reasons = verdict.reasons.iter().map(|reason| sanitize(reason, MAX_TEXT));
    // Reasons beside a success are remarks: none of them is the reason for the status.
    let succeeded = matches!(verdict.status, VerdictStatus::Pass | VerdictStatus::NoAssertions);
    let first = if succeeded { None } else { reasons.next() };
    let headline = first.unwrap_or_else(|| default_headline(verdict.status, summary));
    let (health, health_tone) = generator_health(facts, analysis);
    VerdictView {
        word: verdict.status.label().to_owned(),
        tone: tone(verdict.status),
        headline,
        reasons: reasons.collect(),
        exit_code: verdict.exit_code,
        health,
        health_tone,
        partial: partial(facts),
        facts: run_facts(facts, summary),
        figures: key_figures::build(facts, analysis, summary),
    }
}

const fn tone(status: VerdictStatus) -> Tone {
    match status {
        VerdictStatus::Pass => Tone::Good,
        VerdictStatus::NoAssertions => Tone::Plain,
        VerdictStatus::Inconclusive | VerdictStatus::Partial => Tone::Warn,
        VerdictStatus::Fail
        | VerdictStatus::Invalid
        | VerdictStatus::SmokeFailed
        | VerdictStatus::StackFailed => Tone::Bad,
    }
}

fn default_headline(status: VerdictStatus, summary: &Summary) -> String {
    match status {
        VerdictStatus::Pass => match summary.assertions.len() {
            1 => "The assertion is met on a valid measurement.".to_owned(),
            number => format!("All {number} assertions are met on a valid measurement."),
        },
        VerdictStatus::NoAssertions => {
            "The measurement is valid. No assertion is configured; add limits under [slo] in kneepoint.toml."
                .to_owned()
        }
        _ => "No reason was recorded.".to_owned(),
    }
}

fn partial(facts: &RunFacts) -> Option<String> {
    let manifest = &facts.manifest;
    if manifest.complete {
        return None;
    }
    let by = manifest
        .stopped_by
        .as_deref()
        .map_or_else(|| "its last stage was not recorded".to_owned(), |by| sanitize(by, MAX_TEXT));
    Some(format!("This run is incomplete: {by}. Missing values below were not measured; they are not zero."))
}

/// The generator's own limits come first: an overloaded generator invalidates everything below.
fn generator_health(facts: &RunFacts, analysis: &Analysis) -> (String, Tone) {
    let Some(busiest) = facts
        .measured_phases()
        .max_by(|a, b| a.generator.busiest_thread.0.total_cmp(&b.generator.busiest_thread.0))
    else {
        return ("No phase measured response times.".to_owned(), Tone::Muted);
    };
    let lag = facts
        .measured_phases()
        .filter(|phase| phase.sched_lag_us.count > 0)
        .map(|phase| phase.sched_lag_us.p99)
        .max()
        .map(|lag| format!(", scheduling lag p99 at most {lag}"))
        .unwrap_or_default();
    let summary = format!(
        "Load generator: busiest thread at {} of a core{lag}, {} requests per CPU second{}.",
        busiest.generator.busiest_thread,
        count(busiest.generator.requests_per_cpu_second.0 as u64),
        foreign_cpu_note(analysis)
    );
    if analysis.validity.valid {
        let tone = if analysis.validity.notes.is_empty() { Tone::Good } else { Tone::Warn };
        (summary, tone)
    } else {
        let why = analysis.validity.why.first().map_or("no reason was recorded", String::as_str);
        (format!("{summary} The measurement is invalid: {}", sanitize(why, MAX_TEXT)), Tone::Bad)
    }
}

fn foreign_cpu_note(analysis: &Analysis) -> &'static str {
    let worst = analysis
        .conditions
        .iter()
        .filter(|conditions| conditions.phase != PROFILED)
        .map(|conditions| conditions.disturbance)
        .max();
    match worst {
        None | Some(Disturbance::Unknown) => "; foreign CPU is unknown",
        Some(Disturbance::Quiet) => "; no significant foreign CPU",
        Some(Disturbance::Noted) => "; some foreign CPU",
        Some(Disturbance::Doubtful) => "; so much foreign CPU that a violated limit may be caused by it",
        Some(Disturbance::Invalidating) => "; foreign CPU invalidates the measurement",
    }
}

fn run_facts(facts: &RunFacts, summary: &Summary) -> Vec<String> {
    let manifest = &facts.manifest;
    let mut line = vec![
        sanitize(&summary.target, MAX_TEXT),
        format!(
            "topology {} ({})",
            sanitize(&summary.topology, MAX_TEXT),
            sanitize(&manifest.driver, MAX_TEXT)
        ),
    ];
    line.extend(facts.measured_phases().map(describe_load));
    let host = &manifest.host;
    if host.cores > 0 {
        line.push(format!(
            "{}, {}",
            count_with_noun(host.cores.into(), "core", "cores"),
            sanitize(&host.os, MAX_TEXT)
        ));
    }
    if let Some(commit) = &manifest.commit {
        line.push(format!("commit {}", sanitize(commit, 12)));
    }
    line.push(sanitize(&summary.started, MAX_TEXT));
    line
}

/// Model, duration and protocol of a load phase.
pub(crate) fn describe_load(phase: &LoadPhase) -> String {
    let seconds = number(phase.measured().as_secs_f64(), 1);
    // HTTP/1.1 is the default, so it is not mentioned.
    let protocol = match phase.http {
        HttpVersion::Http11 => String::new(),
        http @ HttpVersion::Http2 => format!(" over {http}"),
    };
    match phase.load {
        kneepoint_model::load::LoadModel::Closed { users } => {
            format!(
                "{}: {} for {seconds} s{protocol}",
                sanitize(&phase.name, MAX_TEXT),
                count_with_noun(users.into(), "user", "users")
            )
        }
        kneepoint_model::load::LoadModel::Open { rate } => {
            format!("{}: {} arrivals for {seconds} s{protocol}", sanitize(&phase.name, MAX_TEXT), rate)
        }
    }
}
