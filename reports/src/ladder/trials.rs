//! The rate search: every trial of every rung, with the closed phase before and the equal-rate phase after it.

use kneepoint_analysis::ladder::{Comparison, RungResult, Trial};
use kneepoint_analysis::slo_search::TrialOutcome;
use kneepoint_model::text::sanitize;

use super::labels;
use crate::format::{MAX_TEXT, count};
use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(super) fn section(comparison: &Comparison) -> Section {
    let mut blocks: Vec<Block> = Vec::new();
    for rung in comparison.rungs.iter().filter(|rung| rung.saturation.is_some()) {
        let mut inner = closed_phase(rung);
        inner.push(if rung.trials.is_empty() && rung.equal.is_none() {
            Block::missing("No rate was tested.")
        } else {
            Block::Table(table(rung))
        });
        if let Some(run) = &rung.run {
            inner.push(Block::note(format!(
                "Further details of this rung are in its run folder, runs/{}.",
                sanitize(run, MAX_TEXT)
            )));
        }
        let title = format!("{}: {}", sanitize(&rung.name, MAX_TEXT), labels::throughput(&rung.throughput));
        blocks.push(Block::fold(title, inner));
    }
    if blocks.is_empty() {
        blocks.push(Block::missing("No rung was loaded."));
    }
    Section {
        id: "search",
        title: "Rate search",
        lead: "A trial meets the SLO only if no request fails, at least 98 % of the due requests complete, no queue grows and the limit is met. A trial is invalid if foreign CPU or a late load generator disturbs it; an invalid trial is repeated and never moves an end of the interval.".to_owned(),
        blocks,
    }
}

fn closed_phase(rung: &RungResult) -> Vec<Block> {
    let Some(found) = &rung.saturation else { return Vec::new() };
    let text = match found.rps {
        Some(rps) => format!("Max throughput in the closed phase: {}.", labels::request_rate(rps)),
        None => "The closed phase has no valid throughput.".to_owned(),
    };
    let block = match found.rps {
        Some(_) => Block::paragraph(&text),
        None => Block::missing(&text),
    };
    let mut blocks = vec![block];
    if !found.why.is_empty() {
        blocks.push(Block::list(&found.why));
    }
    blocks
}

fn table(rung: &RungResult) -> Table {
    let caption = format!("Trials on {}", sanitize(&rung.name, MAX_TEXT));
    Table::new(&format!("table-trials-{}", rung.name), caption)
        .text_column("Phase")
        .number_column("Journeys", "Started journeys per second.")
        .number_column("Offered", "Intended requests per second.")
        .number_column("Completed", "Completed requests per second.")
        .number_column("Requests", "Number of requests in the trial.")
        .number_column("Errors", "Failed requests.")
        .number_column("p50", "Median response time.")
        .number_column("p95", "95th percentile of response time.")
        .number_column("p99", "99th percentile of response time.")
        .text_column("Result")
        .text_column("Reason")
        .with_rows(rung.trials.iter().chain(&rung.equal).map(row))
}

fn row(step: &Trial) -> Vec<Cell> {
    let (result, tone) = match step.outcome {
        TrialOutcome::Met => ("met", Tone::Good),
        TrialOutcome::Violated => ("violated", Tone::Bad),
        TrialOutcome::Invalid => ("invalid", Tone::Warn),
    };
    let notes = step.notes.iter().map(|note| sanitize(note, MAX_TEXT)).collect::<Vec<_>>().join("; ");
    let reason = match &step.why {
        Some(why) => Cell::text(why),
        None => Cell::absent("all conditions met"),
    };
    vec![
        Cell::text(&step.phase),
        Cell::rate(step.rate),
        Cell::rate(step.offered),
        Cell::rate(step.achieved),
        Cell::value(count(step.requests), step.requests as f64),
        Cell::count(step.errors).with_tone(if step.errors == 0 { Tone::Plain } else { Tone::Bad }),
        Cell::micros(step.p50),
        Cell::micros(step.p95),
        Cell::micros(step.p99),
        Cell::badge(result, tone),
        reason.with_note(notes),
    ]
}
