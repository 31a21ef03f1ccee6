//! Step groups: time that journeys take for a group of steps, including think time.

use kneepoint_model::load::{GroupStats, LoadPhase};
use kneepoint_model::units::Ratio;

use crate::view::block::{Cell, Table, Tone};

/// One row per group; `None` if the scenario has no groups.
pub(super) fn table(phase: &LoadPhase) -> Option<Table> {
    if phase.groups.is_empty() {
        return None;
    }
    let table = Table::new(&format!("table-groups-{}", phase.name), format!("Step groups in {}", phase.name))
        .text_column("Group")
        .number_column("Journeys", "Journeys that completed the group or left it after a failed step.")
        .number_column("Failed", "Share of journeys in which a step of the group failed.")
        .number_column(
            "Unfinished",
            "Journeys still in the group at the end of the phase; excluded from all times.",
        )
        .number_column(
            "p50",
            "From the intended start of the first step to the end of the last, including think time.",
        )
        .number_column("p95", "")
        .number_column("p99", "")
        .number_column("Max", "");
    Some(table.with_rows(phase.groups.iter().map(row)))
}

fn row(stats: &GroupStats) -> Vec<Cell> {
    let failed = Ratio::from_parts(stats.failed, stats.journeys);
    let tone = if stats.failed > 0 { Tone::Bad } else { Tone::Plain };
    let time = |time| if stats.journeys > 0 { Cell::micros(time) } else { Cell::absent("no journey") };
    let q = &stats.time_us;
    vec![
        Cell::text(&stats.name),
        Cell::count(stats.journeys),
        Cell::optional(failed, Cell::ratio, "no journey").with_tone(tone),
        Cell::count(stats.unfinished),
        time(q.p50),
        time(q.p95),
        time(q.p99),
        time(q.max),
    ]
}
