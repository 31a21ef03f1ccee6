//! What each step of the ladder bought, against what it is meant to buy.

use kneepoint_analysis::ladder::{Comparison, Effect, Gain, RungResult};

use super::words;
use crate::format::clean;
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// More of it is better, or less.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    More,
    Less,
}

pub(super) fn section(comparison: &Comparison) -> Section {
    let rows: Vec<Vec<Cell>> = comparison
        .rungs
        .iter()
        .filter_map(|rung| rung.gain.as_ref().map(|bought| row(rung, bought)))
        .collect();
    let blocks = if rows.is_empty() {
        vec![Block::missing("No two rungs were measured, so there is no step to speak of.")]
    } else {
        vec![Block::Table(
            Table::new("table-bought", "Each rung against the nearest below it that was measured")
                .words("Step")
                .words("Meant to buy")
                .hinted("Throughput", "Factor of the throughput at the promise, with the interval that the two searches allow; above 1 is a gain.")
                .hinted("CPU a request", "Factor of the CPU time of all tiers per request at the equal rate, second by second, with its 99 % interval; below 1 is a gain.")
                .hinted("Median response", "Factor of the median response time at the equal rate, second by second, with its 99 % interval; below 1 is a gain.")
                .words("What was counted")
                .with(rows),
        )]
    };
    Section {
        id: "bought",
        title: "What each step bought",
        lead: "A factor with the interval in which the truth lies, or no effect seen. Each rung was brought up once, and one bring-up differs from the next by a few per cent for no reason: an effect below 5 % is never called one.".to_owned(),
        blocks,
    }
}

fn row(rung: &RungResult, bought: &Gain) -> Vec<Cell> {
    let changes: Vec<String> = bought.changes.iter().map(words::change).collect();
    vec![
        Cell::text(format!("{} → {}", clean(&bought.against), clean(&rung.name))),
        Cell::maybe(rung.buys.as_ref(), Cell::text, "nothing is said"),
        effect(&bought.throughput, Better::More),
        effect(&bought.cpu, Better::Less),
        effect(&bought.p50, Better::Less),
        if changes.is_empty() { Cell::absent("nothing changed") } else { Cell::text(changes.join("; ")) },
    ]
}

fn effect(effect: &Effect, better: Better) -> Cell {
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
    let cell = Cell::text(words::effect(effect)).toned(tone);
    match effect {
        Effect::Unknown { why } => cell.noted(why),
        _ => cell,
    }
}
