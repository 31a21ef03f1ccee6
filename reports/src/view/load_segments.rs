//! Load segments of an open phase: offered rate, requests, errors and times of each.

use kneepoint_model::load::LoadPhase;
use kneepoint_model::load_segment::SegmentStats;
use kneepoint_model::units::Ratio;

use crate::view::block::{Cell, Table, Tone};

/// One row per segment; `None` if the rate is constant.
pub(super) fn table(phase: &LoadPhase) -> Option<Table> {
    if phase.segments.is_empty() {
        return None;
    }
    let table =
        Table::new(&format!("table-segments-{}", phase.name), format!("Load segments of {}", phase.name))
            .text_column("Segment")
            .number_column("Offered", "Intended requests per second in the segment.")
            .number_column("Requests", "Requests with an intended start in the segment, whenever they end.")
            .number_column("Errors", "")
            .number_column("p50", "Response time, from the intended start.")
            .number_column("p95", "")
            .number_column("p99", "")
            .number_column("Max", "")
            .number_column("Service p95", "From sending, without the wait for a free slot.");
    Some(table.with_rows(phase.segments.iter().map(row)))
}

fn row(stats: &SegmentStats) -> Vec<Cell> {
    let errors = Ratio::from_parts(stats.errors, stats.requests);
    let tone = if stats.errors > 0 { Tone::Bad } else { Tone::Plain };
    let time = |time| if stats.requests > 0 { Cell::micros(time) } else { Cell::absent("no request") };
    let q = &stats.response_us;
    vec![
        Cell::text(stats.segment.to_string()),
        Cell::rate(stats.offered_rps),
        Cell::count(stats.requests),
        Cell::optional(errors, Cell::ratio, "no request").with_tone(tone),
        time(q.p50),
        time(q.p95),
        time(q.p99),
        time(q.max),
        time(stats.service_us.p95),
    ]
}
