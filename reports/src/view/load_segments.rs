//! The stages of an open phase: what was offered in each, and what came of it.

use kneepoint_model::load::LoadPhase;
use kneepoint_model::schedule::StageStats;
use kneepoint_model::units::Ratio;

use crate::view::block::{Cell, Table, Tone};

/// A line for each stage; none where the rate did not change.
pub(super) fn table(phase: &LoadPhase) -> Option<Table> {
    if phase.stages.is_empty() {
        return None;
    }
    let table = Table::new(&format!("table-stages-{}", phase.name), format!("Stages of {}", phase.name))
        .words("Stage")
        .numbers("Offered", "Requests per second that became due in it.")
        .numbers("Requests", "Due in it, whenever they ended.")
        .numbers("Errors", "")
        .numbers("p50", "Response time, from the intended start.")
        .numbers("p95", "")
        .numbers("p99", "")
        .numbers("Max", "")
        .numbers("Service p95", "From sending: without the wait for a slot.");
    Some(table.with(phase.stages.iter().map(row)))
}

fn row(stats: &StageStats) -> Vec<Cell> {
    let errors = Ratio::of(stats.errors, stats.requests);
    let tone = if stats.errors > 0 { Tone::Bad } else { Tone::Plain };
    let time = |time| if stats.requests > 0 { Cell::micros(time) } else { Cell::absent("no request") };
    let q = &stats.response_us;
    vec![
        Cell::text(stats.stage.to_string()),
        Cell::rate(stats.offered_rps),
        Cell::count(stats.requests),
        Cell::maybe(errors, Cell::ratio, "no request").toned(tone),
        time(q.p50),
        time(q.p95),
        time(q.p99),
        time(q.max),
        time(stats.service_us.p95),
    ]
}
