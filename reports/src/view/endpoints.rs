//! Endpoints by phase: the developer's and the reviewer's table.

use kneepoint_analysis::RunFacts;
use kneepoint_analysis::facts::PROFILED;
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::summary::{EndpointSummary, LoadSummary, Summary};
use kneepoint_model::units::{Micros, Ratio};

use crate::chart::split_bar;
use crate::format::{clean, count, number};
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
        let mut inner = of_phase(load, &rows);
        inner.extend(facts.phase(&load.phase).and_then(page_loads::table).map(Block::Table));
        if load.phase == PROFILED {
            blocks.push(Block::fold("profiled: shown for completeness; profiling slows the site, so these figures are no measurement", inner));
        } else {
            blocks.push(Block::heading(phase_title(load)));
            blocks.extend(inner);
        }
    }
    if summary.load.is_empty() {
        blocks.push(Block::missing(
            "No phase of load was recorded: the run ended before load, or load was not asked for.",
        ));
    }
    Section {
        id: "endpoints",
        title: "Endpoints",
        lead: "Response time runs from the intended start, service time from sending, both to the last byte; TTFB is the first byte. The bar shows where the service time goes.".to_owned(),
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

fn of_phase(load: &LoadSummary, rows: &[&EndpointSummary]) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !load.valid {
        let why = load.why.iter().map(|why| clean(why)).collect::<Vec<_>>().join(" ");
        blocks.push(Block::missing(format!("These figures may not be believed. {why}")));
    }
    if rows.is_empty() {
        blocks.push(Block::missing(format!("No endpoint was recorded in {}.", load.phase)));
        return blocks;
    }
    let table =
        Table::new(&format!("table-endpoints-{}", load.phase), format!("Endpoints in {}", load.phase))
            .words("Endpoint")
            .numbers("Requests", "Requests that ended in the measured part.")
            .numbers("Errors", "Requests that did not end as they should.")
            .numbers("Rate", "Requests per second.")
            .numbers("TTFB p95", "From sending to the first byte, 95th percentile.")
            .numbers("p50", "Response time, median.")
            .numbers("p95", "Response time, 95th percentile.")
            .numbers("p99", "Response time, 99th percentile.")
            .numbers("Max", "Longest response time.")
            .numbers("Service p95", "From sending to the last byte, 95th percentile.")
            .numbers("Bytes", "Mean bytes on the wire.")
            .numbers("Queries", "Database statements per request, as the server says.")
            .numbers("Cache hit", "Share answered by a cache in front.")
            .hinted("Where the time goes", "Means over the requests that say so; sorted by the total.")
            .with(rows.iter().map(|endpoint| row(endpoint)))
            .filtered();
    blocks.push(Block::Table(table));
    blocks
}

fn row(endpoint: &EndpointSummary) -> Vec<Cell> {
    let name = Cell::text(&endpoint.name)
        .noted(endpoint.route.as_deref().filter(|route| !endpoint.name.contains(*route)).unwrap_or_default());
    let errors = match (endpoint.errors, Ratio::of(endpoint.errors, endpoint.requests)) {
        (0, Some(_)) => Cell::value("0", 0.0).toned(Tone::Muted),
        (n, Some(share)) => Cell::value(count(n), n as f64).toned(Tone::Bad).noted(share.to_string()),
        (_, None) => Cell::absent("no data"),
    };
    let response = &endpoint.response_us;
    vec![
        name,
        Cell::count(endpoint.requests).noted(
            endpoint
                .redirects_per_request
                .map_or_else(String::new, |n| format!("{} redirects each", number(n, 1))),
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
        Cell::maybe(endpoint.queries_per_request, |n| Cell::value(number(n, 1), n), "not said"),
        Cell::maybe(endpoint.cache_hit, Cell::ratio, "no cache"),
        split(endpoint),
    ]
}

fn time(quantiles: &Quantiles, value: Micros) -> Cell {
    if quantiles.count == 0 { Cell::absent("no data") } else { Cell::micros(value) }
}

fn split(endpoint: &EndpointSummary) -> Cell {
    match &endpoint.split {
        Some(split) if split.n > 0 => Cell {
            svg: Some(split_bar::bar(&clean(&endpoint.name), split)),
            ..Cell::value(split_bar::words(split), split.total_us.as_f64())
        }
        .noted(format!("{} on average", split.total_us)),
        _ => Cell::absent("the server does not say"),
    }
}
