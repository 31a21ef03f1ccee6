//! Stages: what the run did, how each stage ended, how long it took.

use kneepoint_analysis::RunFacts;
use kneepoint_model::manifest::StageRecord;
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::summary::Summary;
use kneepoint_model::units::Ratio;

use crate::format::{clean, count, plural, seconds};
use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(crate) fn build(facts: &RunFacts, summary: &Summary) -> Section {
    let blocks = if summary.stages.is_empty() {
        vec![Block::missing("No stage was written down: the run was cut off before its first stage ended.")]
    } else {
        let table = Table::new("table-stages", "Stages of the run")
            .words("Stage")
            .words("Status")
            .numbers("Took", "Wall time of the stage.")
            .words("What came of it")
            .with(summary.stages.iter().map(|stage| row(stage, facts, summary)));
        vec![Block::Table(table)]
    };
    let all: f64 = summary.stages.iter().map(|stage| stage.seconds).sum();
    Section { id: "stages", title: "Stages", lead: format!("{} in all.", seconds(all)), blocks }
}

fn row(stage: &StageRecord, facts: &RunFacts, summary: &Summary) -> Vec<Cell> {
    let (word, tone) = match stage.status {
        StageStatus::Done => ("done", Tone::Good),
        StageStatus::Degraded => ("degraded", Tone::Warn),
        StageStatus::Skipped => ("skipped", Tone::Muted),
        StageStatus::Failed => ("failed", Tone::Bad),
        StageStatus::Interrupted => ("interrupted", Tone::Bad),
    };
    let came = outcome(stage.name, facts, summary);
    vec![
        Cell::text(stage.name.name()),
        Cell::badge(word, tone),
        Cell::value(seconds(stage.seconds), stage.seconds),
        Cell::maybe(came, Cell::text, "nothing recorded"),
    ]
}

fn outcome(stage: Stage, facts: &RunFacts, summary: &Summary) -> Option<String> {
    match stage {
        Stage::Up => facts.stack.as_ref().map(|stack| {
            let tiers: Vec<String> = stack.tiers.iter().map(|tier| clean(&tier.what)).collect();
            tiers.join(" · ")
        }),
        Stage::Smoke => facts.site.as_ref().map(|_| {
            format!(
                "{} visited, {} broken",
                plural(summary.smoke.pages, "page", "pages"),
                count(summary.smoke.broken)
            )
        }),
        Stage::Warm => facts.warm.as_ref().map(|warm| {
            let flat = if warm.steady { "flat" } else { "not flat yet" };
            let last = warm
                .rounds
                .last()
                .map_or_else(String::new, |round| format!(", p50 {} at the end", round.p50_us));
            format!("{}; response times {flat}{last}", plural(warm.rounds.len() as u64, "round", "rounds"))
        }),
        Stage::Probe => facts.probe.as_ref().map(|probe| {
            let seen = probe
                .probe_coverage
                .map_or_else(String::new, |r: Ratio| format!("; Server-Timing on {r} of the answers"));
            format!("{} looked at alone{seen}", plural(probe.routes.len() as u64, "route", "routes"))
        }),
        Stage::Load => (!summary.load.is_empty()).then(|| {
            let phases: Vec<String> =
                facts.measured_phases().map(|p| format!("{} {}", clean(&p.name), p.achieved_rps)).collect();
            phases.join(" · ")
        }),
        Stage::Profile => facts.profiles.as_ref().map(|index| {
            let slower = index
                .profiled_over_unprofiled
                .map_or_else(String::new, |r| format!("; throughput while profiled {r} of unprofiled"));
            format!("{}{slower}", plural(index.profiles.len() as u64, "profile", "profiles"))
        }),
        Stage::Analyse => Some(plural(summary.findings.len() as u64, "finding", "findings")),
        Stage::Gate => Some(plural(summary.assertions.len() as u64, "assertion judged", "assertions judged")),
        Stage::Down | Stage::Report => None,
    }
}
