//! Latency: over time and by percentile, the phases' figures side by side, and the requests worth remembering.

use kneepoint_analysis::{RunFacts, Timeline};
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{Exemplar, LoadPhase};

use crate::chart::{latency_time, percentiles, throughput_time};
use crate::format::{clean, number};
use crate::view::block::{Block, Cell, Section, Table, Tone};
use crate::view::{load_groups, load_segments};

/// Exemplars shown for each phase.
const EXEMPLARS: usize = 12;

pub(crate) fn build(facts: &RunFacts, timeline: &Timeline) -> Section {
    let mut blocks = Vec::new();
    match latency_time::chart(timeline) {
        Some(chart) => blocks.push(Block::Chart(chart)),
        None => blocks.push(Block::missing("There is no latency over time: no second of load was recorded.")),
    }
    blocks.extend(throughput_time::chart(timeline).map(Block::Chart));
    let measured: Vec<&LoadPhase> = facts.measured_phases().collect();
    match percentiles::chart(&measured) {
        Some(chart) => blocks.push(Block::Chart(chart)),
        None => blocks.push(Block::missing("There is no percentile curve: no phase holds enough requests.")),
    }
    if !facts.phases.is_empty() {
        blocks.push(Block::Table(figures(&facts.phases)));
    }
    blocks.extend(measured.iter().filter_map(|phase| load_segments::table(phase)).map(Block::Table));
    blocks.extend(measured.iter().filter_map(|phase| load_groups::table(phase)).map(Block::Table));
    for (index, phase) in measured.iter().enumerate().filter(|(_, phase)| !phase.exemplars.is_empty()) {
        blocks.push(Block::fold(
            format!("{}: the slowest and the first failed requests", phase.name),
            vec![Block::Table(exemplars(index, phase))],
        ));
    }
    Section {
        id: "latency",
        title: "Latency",
        lead: "Percentiles come from merged histograms, never from averages of percentiles. Shaded stretches are phases of load.".to_owned(),
        blocks,
    }
}

fn figures(phases: &[LoadPhase]) -> Table {
    let mut table = Table::new("table-latency", "Times of each phase")
        .words("Time")
        .words("Phase")
        .numbers("Values", "")
        .numbers("Mean", "")
        .numbers("p50", "")
        .numbers("p90", "")
        .numbers("p95", "")
        .numbers("p99", "")
        .numbers("p99.9", "")
        .numbers("Max", "");
    for phase in phases {
        let kinds = [
            ("response", &phase.response_us),
            ("service", &phase.service_us),
            ("TTFB", &phase.ttfb_us),
            ("connect", &phase.connect_us),
            ("TLS handshake", &phase.tls_us),
            ("scheduling lag", &phase.sched_lag_us),
            ("wait for a connection", &phase.pool_wait_us),
        ];
        for (name, quantiles) in kinds.into_iter().filter(|(_, quantiles)| quantiles.count > 0) {
            table.push(figure_row(name, phase, quantiles));
        }
    }
    table
}

fn figure_row(name: &str, phase: &LoadPhase, q: &Quantiles) -> Vec<Cell> {
    let mut row = vec![Cell::text(name), Cell::text(&phase.name), Cell::count(q.count)];
    row.extend([q.mean, q.p50, q.p90, q.p95, q.p99, q.p999, q.max].map(Cell::micros));
    row
}

fn exemplars(index: usize, phase: &LoadPhase) -> Table {
    let row = |exemplar: &Exemplar| {
        let at = (exemplar.at_ms - phase.started_ms).as_f64() / 1_000.0;
        let tone = if exemplar.outcome.is_ok() { Tone::Muted } else { Tone::Bad };
        let status = exemplar.status.map_or_else(String::new, |status| format!(" ({status})"));
        vec![
            Cell::text(&exemplar.endpoint).noted(crate::format::clean_to(&exemplar.path, 200)),
            Cell::value(format!("{} s", number(at, 1)), at),
            Cell::text(format!("{}{status}", exemplar.outcome)).toned(tone),
            Cell::micros(exemplar.response_us),
            Cell::micros(exemplar.service_us),
            Cell::maybe(exemplar.ttfb_us, Cell::micros, "no answer"),
            Cell::text(clean(&exemplar.detail)).noted(headers(exemplar)),
            Cell::code(&exemplar.trace_id),
        ]
    };
    let headers_of = "Headers that explain the answer are below; others are not kept.";
    Table::new(&format!("table-exemplars-{index}"), format!("Requests of {} worth remembering", phase.name))
        .words("Endpoint")
        .numbers("Due at", "Seconds since the start of the phase.")
        .words("Outcome")
        .numbers("Response", "From the intended start.")
        .numbers("Service", "From sending.")
        .numbers("TTFB", "From sending to the first byte.")
        .hinted("What the server said", headers_of)
        .hinted("Trace", "The W3C trace id that was sent.")
        .with(phase.exemplars.iter().take(EXEMPLARS).map(row))
}

fn headers(exemplar: &Exemplar) -> String {
    let lines: Vec<String> =
        exemplar.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    lines.join(" · ")
}
