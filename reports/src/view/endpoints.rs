//! Endpoints by phase: rates, errors, percentiles and the time split.

use kneepoint_analysis::RunFacts;
use kneepoint_analysis::facts::PROFILED;
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::summary::{EndpointSummary, LoadSummary, Summary};
use kneepoint_model::text::sanitize;
use kneepoint_model::units::{Micros, Ratio};

use crate::chart::split_bar;
use crate::format::{MAX_TEXT, count, number};
use crate::view::block::{Block, Cell, Section, Table, Tone};
use crate::view::page_loads;

pub(crate) fn build(facts: &RunFacts, summary: &Summary) -> Section {
    let mut blocks = Vec::new();
    if summary.endpoints.iter().any(|endpoint| endpoint.split.is_some()) {
        blocks.push(Block::Legend { items: split_bar::legend() });
    }
    for load in &summary.load {
        let rows: Vec<&EndpointSummary> =
            summary.endpoints.iter().filter(|e| e.phase == load.phase).collect();
        let mut inner = phase_blocks(load, &rows);
        inner.extend(facts.phase(&load.phase).and_then(page_loads::table).map(Block::Table));
        if load.phase == PROFILED {
            blocks.push(Block::fold("profiled: shown for completeness only; profiling slows the site down, so these values are not a measurement", inner));
        } else {
            blocks.push(Block::heading(phase_title(load)));
            blocks.extend(inner);
        }
    }
    if summary.load.is_empty() {
        blocks.push(Block::missing(
            "No load phase was recorded: the run ended before the load stage, or the stage was not requested.",
        ));
    }
    Section {
        id: "endpoints",
        title: "Endpoints",
        lead: "Response time is measured from the intended start of a request, service time from sending it, both to the last byte. TTFB is the time from sending to the first byte. The bar shows how the service time is composed.".to_owned(),
        blocks,
    }
}

fn phase_title(load: &LoadSummary) -> String {
    let offered = load.offered_rps.map_or_else(String::new, |rate| format!(" of {rate} offered"));
    format!(
        "{} ({} model): {} requests, {}{offered}",
        load.phase,
        load.model,
        count(load.requests),
        load.achieved_rps
    )
}

fn phase_blocks(load: &LoadSummary, rows: &[&EndpointSummary]) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !load.valid {
        let why = load.why.iter().map(|why| sanitize(why, MAX_TEXT)).collect::<Vec<_>>().join(" ");
        blocks.push(Block::missing(format!("These values are invalid: {why}")));
    }
    if rows.is_empty() {
        blocks.push(Block::missing(format!("No endpoint was recorded in phase {}.", load.phase)));
        return blocks;
    }
    let table =
        Table::new(&format!("table-endpoints-{}", load.phase), format!("Endpoints in {}", load.phase))
            .text_column("Endpoint")
            .number_column("Requests", "Requests that ended in the measured window.")
            .number_column(
                "Errors",
                "Requests that failed: transport error, unexpected status or failed check.",
            )
            .number_column("Rate", "Requests per second.")
            .number_column("TTFB p95", "From sending to the first byte, 95th percentile.")
            .number_column("p50", "Response time, median.")
            .number_column("p95", "Response time, 95th percentile.")
            .number_column("p99", "Response time, 99th percentile.")
            .number_column("Max", "Maximum response time.")
            .number_column("Service p95", "From sending to the last byte, 95th percentile.")
            .number_column("Bytes", "Mean bytes on the wire per response.")
            .number_column("Queries", "Database statements per request, as reported by the server.")
            .number_column("Cache hit", "Share of responses served by a cache in front of the application.")
            .described_column("Time split", "Mean over the requests with Server-Timing; sorts by the total.")
            .with_rows(rows.iter().map(|endpoint| row(endpoint)))
            .filterable();
    blocks.push(Block::Table(table));
    blocks
}

fn row(endpoint: &EndpointSummary) -> Vec<Cell> {
    let name = Cell::text(&endpoint.name).with_note(
        endpoint.route.as_deref().filter(|route| !endpoint.name.contains(*route)).unwrap_or_default(),
    );
    let errors = match (endpoint.errors, Ratio::from_parts(endpoint.errors, endpoint.requests)) {
        (0, Some(_)) => Cell::value("0", 0.0).with_tone(Tone::Muted),
        (n, Some(share)) => Cell::value(count(n), n as f64).with_tone(Tone::Bad).with_note(share.to_string()),
        (_, None) => Cell::absent("no data"),
    };
    let response = &endpoint.response_us;
    vec![
        name,
        Cell::count(endpoint.requests).with_note(
            endpoint
                .redirects_per_request
                .map_or_else(String::new, |n| format!("{} redirects per request", number(n, 1))),
        ),
        errors,
        Cell::rate(endpoint.rps),
        time(&endpoint.ttfb_us, endpoint.ttfb_us.p95),
        time(response, response.p50),
        time(response, response.p95),
        time(response, response.p99),
        time(response, response.max),
        time(&endpoint.service_us, endpoint.service_us.p95),
        if endpoint.requests > 0 { Cell::bytes(endpoint.bytes_per_request) } else { Cell::absent("no data") },
        Cell::optional(endpoint.queries_per_request, |n| Cell::value(number(n, 1), n), "not reported"),
        Cell::optional(endpoint.cache_hit, Cell::ratio, "no cache"),
        split(endpoint),
    ]
}

fn time(quantiles: &Quantiles, value: Micros) -> Cell {
    if quantiles.count == 0 { Cell::absent("no data") } else { Cell::micros(value) }
}

fn split(endpoint: &EndpointSummary) -> Cell {
    match &endpoint.split {
        Some(split) if split.n > 0 => Cell {
            svg: Some(split_bar::bar(&sanitize(&endpoint.name, MAX_TEXT), split)),
            ..Cell::value(split_bar::describe(split), split.total_us.as_f64())
        }
        .with_note(format!("{} on average", split.total_us)),
        _ => Cell::absent("not reported by the server"),
    }
}
