//! Pipeline stages: status, duration and result of each.

use kneepoint_analysis::RunFacts;
use kneepoint_model::manifest::StageRecord;
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::summary::Summary;
use kneepoint_model::text::sanitize;
use kneepoint_model::units::Ratio;

use crate::format::{MAX_TEXT, count, count_with_noun, seconds};
use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(crate) fn build(facts: &RunFacts, summary: &Summary) -> Section {
    let blocks = if summary.stages.is_empty() {
        vec![Block::missing("No stage was recorded: the run was interrupted before its first stage ended.")]
    } else {
        let table = Table::new("table-stages", "Pipeline stages of the run")
            .text_column("Stage")
            .text_column("Status")
            .number_column("Duration", "Wall time of the stage.")
            .text_column("Result")
            .with_rows(summary.stages.iter().map(|stage| row(stage, facts, summary)));
        vec![Block::Table(table)]
    };
    let total: f64 = summary.stages.iter().fold(0.0, |sum, stage| sum + stage.seconds);
    Section { id: "stages", title: "Stages", lead: format!("{} in total.", seconds(total)), blocks }
}

fn row(stage: &StageRecord, facts: &RunFacts, summary: &Summary) -> Vec<Cell> {
    let (status, tone) = match stage.status {
        StageStatus::Done => ("done", Tone::Good),
        StageStatus::Degraded => ("degraded", Tone::Warn),
        StageStatus::Skipped => ("skipped", Tone::Muted),
        StageStatus::Failed => ("failed", Tone::Bad),
        StageStatus::Interrupted => ("interrupted", Tone::Bad),
    };
    let result = outcome(stage.name, facts, summary);
    vec![
        Cell::text(stage.name.name()),
        Cell::badge(status, tone),
        Cell::value(seconds(stage.seconds), stage.seconds),
        Cell::optional(result, Cell::text, "nothing recorded"),
    ]
}

fn outcome(stage: Stage, facts: &RunFacts, summary: &Summary) -> Option<String> {
    match stage {
        Stage::Up => facts.stack.as_ref().map(|stack| {
            let tiers: Vec<String> = stack.tiers.iter().map(|tier| sanitize(&tier.what, MAX_TEXT)).collect();
            tiers.join(" · ")
        }),
        Stage::Smoke => facts.site.as_ref().map(|_| {
            format!(
                "{} visited, {} failed",
                count_with_noun(summary.smoke.pages, "page", "pages"),
                count(summary.smoke.broken)
            )
        }),
        Stage::Warm => facts.warm.as_ref().map(|warm| {
            let steadiness = if warm.steady { "in steady state" } else { "not yet in steady state" };
            let last = warm
                .rounds
                .last()
                .map_or_else(String::new, |round| format!(", p50 {} at the end", round.p50_us));
            format!(
                "{}; response times {steadiness}{last}",
                count_with_noun(warm.rounds.len() as u64, "round", "rounds")
            )
        }),
        Stage::Probe => facts.probe.as_ref().map(|probe| {
            let coverage = probe
                .probe_coverage
                .map_or_else(String::new, |r: Ratio| format!("; Server-Timing in {r} of the responses"));
            format!(
                "{} measured in isolation{coverage}",
                count_with_noun(probe.routes.len() as u64, "route", "routes")
            )
        }),
        Stage::Load => (!summary.load.is_empty()).then(|| {
            let phases: Vec<String> = facts
                .measured_phases()
                .map(|p| format!("{} {}", sanitize(&p.name, MAX_TEXT), p.achieved_rps))
                .collect();
            phases.join(" · ")
        }),
        Stage::Profile => facts.profiles.as_ref().map(|index| {
            let slower = index
                .profiled_over_unprofiled
                .map_or_else(String::new, |r| format!("; throughput {r} of unprofiled"));
            format!("{}{slower}", count_with_noun(index.profiles.len() as u64, "profile", "profiles"))
        }),
        Stage::Analyse => Some(count_with_noun(summary.findings.len() as u64, "finding", "findings")),
        Stage::Gate => Some(count_with_noun(
            summary.assertions.len() as u64,
            "assertion evaluated",
            "assertions evaluated",
        )),
        Stage::Down | Stage::Report => None,
    }
}
