//! Latency: over time and by percentile, a table of all phases, and exemplars (slow and failed requests).

use kneepoint_analysis::{RunFacts, Timeline};
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{Exemplar, LoadPhase};
use kneepoint_model::text::sanitize;

use crate::chart::{latency_time, percentiles, throughput_time};
use crate::format::{MAX_TEXT, number};
use crate::view::block::{Block, Cell, Section, Table, Tone};
use crate::view::{load_groups, load_segments};

/// Maximum number of exemplars shown per phase.
const MAX_EXEMPLARS: usize = 12;

pub(crate) fn build(facts: &RunFacts, timeline: &Timeline) -> Section {
    let mut blocks = Vec::new();
    match latency_time::chart(timeline) {
        Some(chart) => blocks.push(Block::Chart(chart)),
        None => blocks.push(Block::missing("No latency over time: no load was recorded.")),
    }
    blocks.extend(throughput_time::chart(timeline).map(Block::Chart));
    let measured: Vec<&LoadPhase> = facts.measured_phases().collect();
    match percentiles::chart(&measured) {
        Some(chart) => blocks.push(Block::Chart(chart)),
        None => blocks.push(Block::missing("No percentile curve: no phase has enough requests.")),
    }
    if !facts.phases.is_empty() {
        blocks.push(Block::Table(figures(&facts.phases)));
    }
    blocks.extend(measured.iter().filter_map(|phase| load_segments::table(phase)).map(Block::Table));
    blocks.extend(measured.iter().filter_map(|phase| load_groups::table(phase)).map(Block::Table));
    for (index, phase) in measured.iter().enumerate().filter(|(_, phase)| !phase.exemplars.is_empty()) {
        blocks.push(Block::fold(
            format!("{}: slowest and first failed requests", phase.name),
            vec![Block::Table(exemplars(index, phase))],
        ));
    }
    Section {
        id: "latency",
        title: "Latency",
        lead:
            "Percentiles are computed from merged histograms, never averaged. Shaded areas are load phases."
                .to_owned(),
        blocks,
    }
}

fn figures(phases: &[LoadPhase]) -> Table {
    let mut table = Table::new("table-latency", "Times by phase")
        .text_column("Time")
        .text_column("Phase")
        .number_column("Samples", "")
        .number_column("Mean", "")
        .number_column("p50", "")
        .number_column("p90", "")
        .number_column("p95", "")
        .number_column("p99", "")
        .number_column("p99.9", "")
        .number_column("Max", "");
    for phase in phases {
        let kinds = [
            ("response", &phase.response_us),
            ("service", &phase.service_us),
            ("TTFB", &phase.ttfb_us),
            ("connect", &phase.connect_us),
            ("TLS handshake", &phase.tls_us),
            ("scheduling lag", &phase.sched_lag_us),
            ("wait for a connection (pool)", &phase.pool_wait_us),
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
            Cell::text(&exemplar.endpoint).with_note(sanitize(&exemplar.path, 200)),
            Cell::value(format!("{} s", number(at, 1)), at),
            Cell::text(format!("{}{status}", exemplar.outcome)).with_tone(tone),
            Cell::micros(exemplar.response_us),
            Cell::micros(exemplar.service_us),
            Cell::optional(exemplar.ttfb_us, Cell::micros, "no response"),
            Cell::text(sanitize(&exemplar.detail, MAX_TEXT)).with_note(headers(exemplar)),
            Cell::code(&exemplar.trace_id),
        ]
    };
    let detail_hint =
        "Outcome detail; below it the response headers that explain it. Other headers are not recorded.";
    Table::new(&format!("table-exemplars-{index}"), format!("Exemplars of {}", phase.name))
        .text_column("Endpoint")
        .number_column("Intended start", "Seconds since the start of the phase.")
        .text_column("Outcome")
        .number_column("Response", "From the intended start to the last byte.")
        .number_column("Service", "From sending to the last byte.")
        .number_column("TTFB", "From sending to the first byte.")
        .described_column("Detail", detail_hint)
        .described_column("Trace", "The W3C trace id sent with the request.")
        .with_rows(phase.exemplars.iter().take(MAX_EXEMPLARS).map(row))
}

fn headers(exemplar: &Exemplar) -> String {
    let lines: Vec<String> =
        exemplar.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    lines.join(" · ")
}
