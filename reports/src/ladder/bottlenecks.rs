//! Bottlenecks: what limits each rung, the evidence, and the CPU use of each machine.

use kneepoint_analysis::ladder::{Comparison, MachineUse, RungResult};
use kneepoint_model::ladder::Ladder;
use kneepoint_model::stack::Driver;
use kneepoint_model::text::sanitize;

use super::labels;
use crate::format::{MAX_TEXT, number};
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// Share of the CPU quota from which a machine is highlighted as saturated.
const SATURATED: f64 = 0.9;

pub(super) fn section(ladder: &Ladder, comparison: &Comparison) -> Section {
    let loaded: Vec<&RungResult> = comparison.rungs.iter().filter(|rung| rung.saturation.is_some()).collect();
    let mut blocks = Vec::new();
    if loaded.is_empty() {
        blocks.push(Block::missing("No rung was loaded, so the bottlenecks are unknown."));
    } else {
        let evidence = Table::new("table-bottlenecks", "Saturated resource at maximum load")
            .text_column("Rung")
            .text_column("Bottleneck")
            .text_column("Evidence")
            .with_rows(loaded.iter().map(|rung| {
                let evidence: Vec<String> =
                    rung.limiting.evidence.iter().map(|text| sanitize(text, MAX_TEXT)).collect();
                vec![
                    Cell::text(&rung.name),
                    Cell::text(labels::bottleneck(&rung.limiting)),
                    Cell::text(evidence.join("; ")),
                ]
            }));
        blocks.push(Block::Table(evidence));
        blocks.extend(machines(&loaded));
    }
    if ladder.driver == Driver::Native {
        blocks.push(Block::note("With the native driver, all tiers and the load generator share one machine. The bottleneck is therefore often the CPU of the host; the tier shown is the one that uses most of it."));
    }
    Section {
        id: "bottlenecks",
        title: "Bottlenecks",
        lead:
            "Measured in the closed phase, in which a fixed number of users sends requests without think time."
                .to_owned(),
        blocks,
    }
}

fn machines(loaded: &[&RungResult]) -> Option<Block> {
    let row = |rung: &RungResult, machine: &MachineUse| {
        let tiers: Vec<&str> = machine.tiers.iter().map(|tier| tier.name()).collect();
        let share = machine.share();
        let tone = if share.0 >= SATURATED { Tone::Bad } else { Tone::Plain };
        vec![
            Cell::text(&rung.name),
            Cell::text(&machine.machine),
            Cell::text(tiers.join(", ")),
            Cell::value(number(machine.used_cores, 2), machine.used_cores),
            Cell::value(number(machine.quota_cores, 2), machine.quota_cores),
            Cell::ratio(share).with_tone(tone),
        ]
    };
    let rows: Vec<Vec<Cell>> = loaded
        .iter()
        .flat_map(|rung| rung.limiting.machines.iter().map(|machine| row(rung, machine)))
        .collect();
    (!rows.is_empty()).then(|| {
        Block::Table(
            Table::new("table-machines", "CPU use by machine; machines that share a tier are combined")
                .text_column("Rung")
                .text_column("Machine")
                .text_column("Tiers")
                .number_column("Used", "Mean cores in use in the closed phase.")
                .number_column("Quota", "CPU quota in cores.")
                .number_column("Share", "Used share of the quota.")
                .with_rows(rows)
                .filterable(),
        )
    })
}
