//! The verdict bar: the status word, one sentence, the generator's own health, the run in one line.

use kneepoint_analysis::facts::PROFILED;
use kneepoint_analysis::{Analysis, Disturbance, RunFacts};
use kneepoint_model::load::{HttpVersion, LoadPhase};
use kneepoint_model::summary::Summary;
use kneepoint_model::verdict::VerdictStatus;
use serde::Serialize;

use crate::format::{clean, count, number, plural};
use crate::view::block::Tone;
use crate::view::figures::{self, Figure};

/// The verdict bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictView {
    /// The status word.
    pub word: String,
    /// How it looks.
    pub tone: Tone,
    /// The one sentence.
    pub sentence: String,
    /// Further reasons.
    pub reasons: Vec<String>,
    /// What the process exits with.
    pub exit_code: u8,
    /// The generator about itself.
    pub health: String,
    /// How that looks.
    pub health_tone: Tone,
    /// What is said of a run that did not end; absent when it did.
    pub partial: Option<String>,
    /// The run in one line: topology, machine, load.
    pub facts: Vec<String>,
    /// Key figures.
    pub figures: Vec<Figure>,
}

pub(crate) fn build(facts: &RunFacts, analysis: &Analysis, summary: &Summary) -> VerdictView {
    let verdict = &summary.verdict;
    let mut reasons = verdict.reasons.iter().map(|reason| clean(reason));
    // What is said beside a success are remarks: none of them is the reason for it.
    let succeeded = matches!(verdict.status, VerdictStatus::Pass | VerdictStatus::NoAssertions);
    let first = if succeeded { None } else { reasons.next() };
    let sentence = first.unwrap_or_else(|| usual(verdict.status, summary));
    let (health, health_tone) = health(facts, analysis);
    VerdictView {
        word: verdict.status.word().to_owned(),
        tone: tone(verdict.status),
        sentence,
        reasons: reasons.collect(),
        exit_code: verdict.exit_code,
        health,
        health_tone,
        partial: partial(facts),
        facts: run_line(facts, summary),
        figures: figures::build(facts, analysis, summary),
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

fn usual(status: VerdictStatus, summary: &Summary) -> String {
    match status {
        VerdictStatus::Pass => {
            match summary.assertions.len() {
                1 => "The assertion holds on a valid measurement.".to_owned(),
                number => format!("All {number} assertions hold on a valid measurement."),
            }
        }
        VerdictStatus::NoAssertions => {
            "The measurement is valid; nothing was asserted, so nothing was judged. Write limits under [slo] in kneepoint.toml.".to_owned()
        }
        _ => "No reason was recorded.".to_owned(),
    }
}

fn partial(facts: &RunFacts) -> Option<String> {
    let manifest = &facts.manifest;
    if manifest.complete {
        return None;
    }
    let by = manifest.stopped_by.as_deref().map_or_else(
        || "its last stage was never written down".to_owned(),
        |by| format!("it was stopped by {}", clean(by)),
    );
    Some(format!(
        "This run did not come to its end: {by}. What is missing below was not measured; it is not zero."
    ))
}

/// The generator accuses itself first.
fn health(facts: &RunFacts, analysis: &Analysis) -> (String, Tone) {
    let Some(busiest) = facts
        .measured_phases()
        .max_by(|a, b| a.generator.busiest_thread.0.total_cmp(&b.generator.busiest_thread.0))
    else {
        return (
            "No load was generated, so there is nothing to say of the generator.".to_owned(),
            Tone::Muted,
        );
    };
    let lag = facts
        .measured_phases()
        .filter(|phase| phase.sched_lag_us.count > 0)
        .map(|phase| phase.sched_lag_us.p99)
        .max()
        .map(|lag| format!(", at most {lag} late (p99)"))
        .unwrap_or_default();
    let words = format!(
        "Generator: busiest thread {} of a core{lag}, {} requests per CPU second{}.",
        busiest.generator.busiest_thread,
        count(busiest.generator.requests_per_cpu_second.0 as u64),
        neighbours(analysis)
    );
    if analysis.validity.valid {
        let tone = if analysis.validity.notes.is_empty() { Tone::Good } else { Tone::Warn };
        (words, tone)
    } else {
        let why = analysis.validity.why.first().map_or("no reason was recorded", String::as_str);
        (format!("{words} The figures may not be believed: {}", clean(why)), Tone::Bad)
    }
}

fn neighbours(analysis: &Analysis) -> &'static str {
    let worst = analysis
        .conditions
        .iter()
        .filter(|conditions| conditions.phase != PROFILED)
        .map(|conditions| conditions.disturbance)
        .max();
    match worst {
        None | Some(Disturbance::Unknown) => "; whether others used the machine is not known",
        Some(Disturbance::Quiet) => "; the machine was quiet",
        Some(Disturbance::Noted) => "; others used the machine a little",
        Some(Disturbance::Doubtful) => "; others used so much of the machine that a miss may be their doing",
        Some(Disturbance::Invalidating) => "; others on the machine spoilt the figures",
    }
}

fn run_line(facts: &RunFacts, summary: &Summary) -> Vec<String> {
    let manifest = &facts.manifest;
    let mut line = vec![
        clean(&summary.target),
        format!("topology {} ({})", clean(&summary.topology), clean(&manifest.driver)),
    ];
    line.extend(facts.measured_phases().map(load_words));
    let host = &manifest.host;
    if host.cores > 0 {
        line.push(format!("{}, {}", plural(host.cores.into(), "core", "cores"), clean(&host.os)));
    }
    if let Some(commit) = &manifest.commit {
        line.push(format!("commit {}", crate::format::clean_to(commit, 12)));
    }
    line.push(clean(&summary.started));
    line
}

/// A phase in a few words.
pub(crate) fn load_words(phase: &LoadPhase) -> String {
    let seconds = number(phase.measured().as_secs_f64(), 1);
    // HTTP/1.1 is what everybody takes for granted.
    let by = match phase.http {
        HttpVersion::Http11 => String::new(),
        http @ HttpVersion::Http2 => format!(" by {http}"),
    };
    match phase.load {
        kneepoint_model::load::LoadModel::Closed { users } => {
            format!("{}: {} for {seconds} s{by}", clean(&phase.name), plural(users.into(), "user", "users"))
        }
        kneepoint_model::load::LoadModel::Open { rate } => {
            format!("{}: {} arrivals for {seconds} s{by}", clean(&phase.name), rate)
        }
    }
}
