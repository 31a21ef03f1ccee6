//! Transitions: the measured gain from each rung to the next, beside the expected gain.

use kneepoint_analysis::ladder::{Comparison, Effect, Gain, RungResult};
use kneepoint_model::text::sanitize;

use super::labels;
use crate::format::MAX_TEXT;
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// The direction in which a value improves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    More,
    Less,
}

pub(super) fn section(comparison: &Comparison) -> Section {
    let rows: Vec<Vec<Cell>> =
        comparison.rungs.iter().filter_map(|rung| rung.gain.as_ref().map(|gain| row(rung, gain))).collect();
    let blocks = if rows.is_empty() {
        vec![Block::missing("Fewer than two rungs were measured, so there is no transition to compare.")]
    } else {
        vec![Block::Table(
            Table::new("table-gains", "Each rung compared with the nearest measured rung below it")
                .text_column("Transition")
                .text_column("Expected gain")
                .described_column("Throughput", "Factor of the throughput at SLO, with the interval that follows from the two rate searches; above 1 is a gain.")
                .described_column("CPU per request", "Factor of the CPU time of all tiers per request at the equal rate, from values per second, with its 99 % interval; below 1 is a gain.")
                .described_column("Median response", "Factor of the median response time at the equal rate, from values per second, with its 99 % interval; below 1 is a gain.")
                .text_column("Changed counters")
                .with_rows(rows),
        )]
    };
    Section {
        id: "gains",
        title: "Gain per transition",
        lead: "Each value is a factor with its interval, or \"no effect seen\". Each rung is started once, and two starts of the same rung differ by a few percent at random, so an effect below 5 % is never reported as one.".to_owned(),
        blocks,
    }
}

fn row(rung: &RungResult, gain: &Gain) -> Vec<Cell> {
    let changes: Vec<String> = gain.changes.iter().map(labels::counter_change).collect();
    vec![
        Cell::text(format!("{} → {}", sanitize(&gain.against, MAX_TEXT), sanitize(&rung.name, MAX_TEXT))),
        Cell::optional(rung.buys.as_ref(), Cell::text, "not stated"),
        effect_cell(&gain.throughput, Better::More),
        effect_cell(&gain.cpu, Better::Less),
        effect_cell(&gain.p50, Better::Less),
        if changes.is_empty() { Cell::absent("none") } else { Cell::text(changes.join("; ")) },
    ]
}

fn effect_cell(effect: &Effect, better: Better) -> Cell {
    let tone = match effect {
        Effect::Seen { low, high, .. } => {
            let grew = low.is_some_and(|low| low > 1.0);
            let shrank = high.is_some_and(|high| high < 1.0);
            let gain = if better == Better::More { grew } else { shrank };
            if gain { Tone::Good } else { Tone::Bad }
        }
        Effect::NotSeen { .. } => Tone::Plain,
        Effect::Unknown { .. } => Tone::Muted,
    };
    let cell = Cell::text(labels::effect(effect)).with_tone(tone);
    match effect {
        Effect::Unknown { why } => cell.with_note(why),
        _ => cell,
    }
}
