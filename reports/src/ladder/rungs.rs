//! The overview: one row per rung, and the key figures.

use kneepoint_analysis::ladder::{Comparison, Effect, Gain, RungResult, RungState, Throughput, Trial};
use kneepoint_analysis::slo_search::TrialOutcome;
use kneepoint_model::ladder::{EQUAL_RATE_PHASE, Ladder};
use kneepoint_model::text::sanitize;
use kneepoint_model::units::{Micros, PerSecond};

use super::{charts, labels, measured};
use crate::format::{MAX_TEXT, count, count_with_noun, micros, number};
use crate::view::Figure;
use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(super) fn section(table: Table, comparison: &Comparison) -> Section {
    let mut blocks = vec![Block::Table(table)];
    blocks.extend(charts::throughput(comparison).map(Block::Chart));
    Section {
        id: "rungs",
        title: "Rungs",
        lead: format!(
            "The same workload runs on each rung. Throughput at SLO is the highest rate at which {} is met and no request fails. Response times and CPU are measured at one rate that is the same for all rungs.",
            comparison.slo
        ),
        blocks,
    }
}

pub(super) fn table(ladder: &Ladder, comparison: &Comparison) -> Table {
    let equal = ladder.equal.as_ref().map_or_else(
        || "at the equal rate, which is unknown".to_owned(),
        |equal| format!("at {} journeys", equal.rate),
    );
    Table::new("table-rungs", "Throughput, cost per request and bottleneck of each rung")
        .text_column("Rung")
        .number_column("Throughput at SLO", "Highest tested requests per second at which the SLO is met, and the lowest at which it is violated.")
        .number_column("Max throughput", "Requests per second of the closed phase: a fixed number of users without think time, no SLO.")
        .number_column("p50", &format!("Median response time {equal}."))
        .number_column("p95", &format!("95th percentile of response time {equal}."))
        .number_column("p99", &format!("99th percentile of response time {equal}."))
        .number_column("CPU per request", &format!("CPU time of all tiers divided by requests, {equal}."))
        .number_column("Memory", "Maximum resident memory, summed over all tiers.")
        .number_column("Errors", "Failed requests in the closed phase and at the equal rate. In a trial of the rate search, a failed request violates the SLO.")
        .text_column("Bottleneck")
        .text_column("Gain over the rung below")
        .with_rows(comparison.rungs.iter().map(row))
}

fn row(rung: &RungResult) -> Vec<Cell> {
    let name = match rung.place {
        Some(place) => format!("{place} {}", sanitize(&rung.name, MAX_TEXT)),
        None => sanitize(&rung.name, MAX_TEXT),
    };
    let name = Cell::text(name).with_note(&rung.about);
    if let RungState::Failed { .. } | RungState::NotReached = rung.state {
        let label = if rung.state == RungState::NotReached { "not reached" } else { "not measured" };
        let mut cells = vec![name, Cell::badge(label, Tone::Warn)];
        cells.resize_with(10, || Cell::absent("–"));
        cells.push(Cell::absent("see reasons"));
        return cells;
    }
    let at_equal = |time: fn(&Trial) -> Micros| equal_rate_cell(rung, |step| Cell::micros(time(step)));
    vec![
        name,
        throughput_cell(rung),
        Cell::optional(rung.saturation.as_ref().and_then(|found| found.rps), rate_cell, "no valid value"),
        at_equal(|step| step.p50),
        at_equal(|step| step.p95),
        at_equal(|step| step.p99),
        cpu_cell(rung),
        memory_cell(rung),
        errors_cell(rung),
        Cell::text(labels::bottleneck(&rung.limiting)),
        gain_cell(rung.gain.as_ref()),
    ]
}

fn rate_cell(rate: PerSecond) -> Cell {
    Cell::value(labels::request_rate(rate), rate.0)
}

fn throughput_cell(rung: &RungResult) -> Cell {
    if let RungState::CutOff { .. } = rung.state {
        return Cell::badge("interrupted", Tone::Warn);
    }
    match &rung.throughput {
        Throughput::Between { sustained, violated, .. } => {
            rate_cell(*sustained).with_note(format!("violated at {}", labels::request_rate(*violated)))
        }
        Throughput::AtLeast { sustained, .. } => {
            Cell::value(format!("≥ {}", labels::request_rate(*sustained)), sustained.0)
                .with_note("SLO met at every tested rate")
        }
        Throughput::None { .. } => Cell::badge("no valid value", Tone::Bad),
    }
}

/// A value of the phase at the equal rate; absent if the phase is invalid or requests failed.
fn equal_rate_cell(rung: &RungResult, cell: impl Fn(&Trial) -> Cell) -> Cell {
    match &rung.equal {
        None => Cell::absent("not loaded"),
        Some(Trial { outcome: TrialOutcome::Invalid, .. }) => Cell::absent("invalid"),
        Some(step) if step.errors > 0 => Cell::absent("errors"),
        Some(step) if step.outcome == TrialOutcome::Violated => {
            cell(step).with_tone(Tone::Bad).with_note("SLO violated")
        }
        Some(step) => cell(step),
    }
}

fn cpu_cell(rung: &RungResult) -> Cell {
    let parts: Vec<String> =
        rung.per_request.cpu_us.iter().map(|(tier, us)| format!("{tier} {}", micros(*us))).collect();
    let mut note = parts.join(", ");
    if rung.per_request.phase != EQUAL_RATE_PHASE {
        note.push_str("; measured in the closed phase");
    }
    Cell::optional(rung.cpu_us(), |us| Cell::value(micros(us), us).with_note(note), "unknown")
}

fn memory_cell(rung: &RungResult) -> Cell {
    let parts: Vec<String> = rung.memory.iter().map(|(tier, bytes)| format!("{tier} {bytes}")).collect();
    Cell::optional(rung.memory_all(), |bytes| Cell::bytes(bytes).with_note(parts.join(", ")), "unknown")
}

fn errors_cell(rung: &RungResult) -> Cell {
    let closed = rung.saturation.as_ref().map_or((0, 0), |found| (found.errors, found.requests));
    let equal = rung.equal.as_ref().map_or((0, 0), |step| (step.errors, step.requests));
    let (failed, all) = (closed.0 + equal.0, closed.1 + equal.1);
    match (failed, all) {
        (_, 0) => Cell::absent("no requests"),
        (0, _) => Cell::value("none", 0.0).with_tone(Tone::Good),
        (failed, all) => Cell::count(failed).with_tone(Tone::Bad).with_note(format!("of {}", count(all))),
    }
}

fn gain_cell(gain: Option<&Gain>) -> Cell {
    let Some(gain) = gain else { return Cell::absent("no rung below") };
    let tone = match &gain.throughput {
        Effect::Seen { low: Some(low), .. } if *low > 1.0 => Tone::Good,
        Effect::Seen { .. } => Tone::Bad,
        Effect::NotSeen { .. } => Tone::Plain,
        Effect::Unknown { .. } => Tone::Muted,
    };
    Cell::text(labels::effect(&gain.throughput))
        .with_tone(tone)
        .with_note(format!("throughput, compared with {}", sanitize(&gain.against, MAX_TEXT)))
}

/// Key figures of the header.
pub(super) fn figures(ladder: &Ladder, comparison: &Comparison) -> Vec<Figure> {
    let all = comparison.rungs.len() as u64;
    let found = measured(comparison).count() as u64;
    let mut figures = vec![Figure {
        name: "Rungs measured".into(),
        value: format!("{found} of {all}"),
        note: "reasons for the others are listed".into(),
        tone: if found == all { Tone::Good } else { Tone::Warn },
    }];
    if let Some((most, sustained)) = measured(comparison).max_by(|a, b| a.1.total_cmp(&b.1)) {
        figures.push(Figure {
            name: "Highest throughput at SLO".into(),
            value: labels::request_rate(PerSecond(sustained)),
            note: sanitize(&most.name, MAX_TEXT),
            tone: Tone::Plain,
        });
    }
    let cheapest = comparison
        .rungs
        .iter()
        .filter(|rung| rung.per_request.phase == EQUAL_RATE_PHASE)
        .filter_map(|rung| rung.cpu_us().map(|us| (rung, us)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((rung, us)) = cheapest {
        figures.push(Figure {
            name: "Lowest CPU per request".into(),
            value: micros(us),
            note: sanitize(&rung.name, MAX_TEXT),
            tone: Tone::Plain,
        });
    }
    figures.push(match &ladder.equal {
        Some(equal) => Figure {
            name: "Equal rate".into(),
            value: format!("{}/s", number(equal.rate.0, 2)),
            note: equal.from.as_ref().map_or_else(
                || "journeys, as configured".to_owned(),
                |from| format!("journeys: 60 % of {}", sanitize(from, MAX_TEXT)),
            ),
            tone: Tone::Plain,
        },
        None => Figure {
            name: "Equal rate".into(),
            value: "unknown".into(),
            note: format!("{} without a throughput at SLO", count_with_noun(all, "rung", "rungs")),
            tone: Tone::Warn,
        },
    });
    figures
}
