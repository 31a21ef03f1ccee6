//! Groups of steps: how long journeys took for them, pauses included.

use kneepoint_model::load::{GroupStats, LoadPhase};
use kneepoint_model::units::Ratio;

use crate::view::block::{Cell, Table, Tone};

/// A line for each group; none where steps have no groups.
pub(super) fn table(phase: &LoadPhase) -> Option<Table> {
    if phase.groups.is_empty() {
        return None;
    }
    let table =
        Table::new(&format!("table-groups-{}", phase.name), format!("Groups of steps in {}", phase.name))
            .words("Group")
            .numbers("Journeys", "That left it, after its last step or because a step failed.")
            .numbers("Failed", "")
            .numbers("Unfinished", "The phase was over before; their times are in no figure.")
            .numbers("p50", "From the due moment of its first step to the end of its last, pauses included.")
            .numbers("p95", "")
            .numbers("p99", "")
            .numbers("Max", "");
    Some(table.with(phase.groups.iter().map(row)))
}

fn row(stats: &GroupStats) -> Vec<Cell> {
    let failed = Ratio::from_parts(stats.failed, stats.journeys);
    let tone = if stats.failed > 0 { Tone::Bad } else { Tone::Plain };
    let time = |time| if stats.journeys > 0 { Cell::micros(time) } else { Cell::absent("no journey") };
    let q = &stats.time_us;
    vec![
        Cell::text(&stats.name),
        Cell::count(stats.journeys),
        Cell::maybe(failed, Cell::ratio, "no journey").toned(tone),
        Cell::count(stats.unfinished),
        time(q.p50),
        time(q.p95),
        time(q.p99),
        time(q.max),
    ]
}
