//! What ends each rung, by what evidence; and how full each machine was.

use kneepoint_analysis::ladder::{Comparison, MachineUse, RungResult};
use kneepoint_model::ladder::Ladder;
use kneepoint_model::stack::Driver;

use super::labels;
use crate::format::{clean, number};
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// From this share of its quota on a machine is shown as full.
const FULL: f64 = 0.9;

pub(super) fn section(ladder: &Ladder, comparison: &Comparison) -> Section {
    let loaded: Vec<&RungResult> = comparison.rungs.iter().filter(|rung| rung.saturation.is_some()).collect();
    let mut blocks = Vec::new();
    if loaded.is_empty() {
        blocks.push(Block::missing("No rung was loaded, so nothing is known of what ends them."));
    } else {
        let evidence = Table::new("table-limits", "What was full when as much as possible was asked for")
            .words("Rung")
            .words("What ends it")
            .words("How that is known")
            .with(loaded.iter().map(|rung| {
                let evidence: Vec<String> = rung.limiting.evidence.iter().map(|text| clean(text)).collect();
                vec![
                    Cell::text(&rung.name),
                    Cell::text(labels::limit(&rung.limiting)),
                    Cell::text(evidence.join("; ")),
                ]
            }));
        blocks.push(Block::Table(evidence));
        blocks.extend(machines(&loaded));
    }
    if ladder.driver == Driver::Native {
        blocks.push(Block::note("Natively there is one machine, and the load generator works on it too. What ends a rung is therefore often its CPU, and the tier that is named is the one that uses most of it."));
    }
    Section {
        id: "limits",
        title: "What ends each rung",
        lead:
            "Seen in the closed phase, in which a fixed number of users asks for all that the rung can give."
                .to_owned(),
        blocks,
    }
}

fn machines(loaded: &[&RungResult]) -> Option<Block> {
    let row = |rung: &RungResult, machine: &MachineUse| {
        let tiers: Vec<&str> = machine.tiers.iter().map(|tier| tier.name()).collect();
        let share = machine.share();
        let full = if share.0 >= FULL { Tone::Bad } else { Tone::Plain };
        vec![
            Cell::text(&rung.name),
            Cell::text(&machine.machine),
            Cell::text(tiers.join(", ")),
            Cell::value(number(machine.used_cores, 2), machine.used_cores),
            Cell::value(number(machine.quota_cores, 2), machine.quota_cores),
            Cell::ratio(share).toned(full),
        ]
    };
    let rows: Vec<Vec<Cell>> = loaded
        .iter()
        .flat_map(|rung| rung.limiting.machines.iter().map(|machine| row(rung, machine)))
        .collect();
    (!rows.is_empty()).then(|| {
        Block::Table(
            Table::new("table-machines", "How full each machine was; those that share a tier together")
                .words("Rung")
                .words("Machine")
                .words("Tiers")
                .numbers("Used", "Mean cores in use in the closed phase.")
                .numbers("Quota", "Cores' worth of CPU time that it may use.")
                .numbers("Share", "Of the quota.")
                .with(rows)
                .filtered(),
        )
    })
}
