//! Database: time by source, server counters, statements per request, the N+1 tests, repeated statements.

use kneepoint_analysis::facts::PROFILED;
use kneepoint_analysis::{RunFacts, Timeline};
use kneepoint_model::probe::{RouteProbe, SlopeTest};
use kneepoint_model::summary::{DbSummary, EndpointSummary, Summary};
use kneepoint_model::text::sanitize;

use crate::chart::slope;
use crate::format::{MAX_TEXT, count, micros, number};
use crate::view::block::{Block, Cell, Chart, Section, Table, Tone};
use crate::view::{database_server, gauges, statements};

pub(crate) fn build(facts: &RunFacts, summary: &Summary, timeline: &Timeline) -> Section {
    let db = &summary.db;
    let mut blocks = Vec::new();
    match db.queries_per_request {
        Some(queries) => blocks.push(Block::paragraph(format!(
            "{} statements and {} of database time per request, over all endpoints that report them (source: {}).",
            number(queries, 1),
            db.app_db_us_per_request.map_or_else(|| "an unknown amount".to_owned(), micros),
            sanitize(&db.source, MAX_TEXT)
        ))),
        None => blocks.push(Block::missing(format!(
            "Statements per request are unknown: {}.",
            sanitize(&db.source, MAX_TEXT).trim_end_matches('.')
        ))),
    }
    blocks.extend(database_timer_note(db));
    blocks.extend(server_counters(facts, timeline));
    blocks.extend(slopes(facts));
    let mut with_queries: Vec<&EndpointSummary> =
        summary.endpoints.iter().filter(|e| e.phase != PROFILED && e.queries_per_request.is_some()).collect();
    with_queries.sort_by(|a, b| per_second(b).total_cmp(&per_second(a)));
    if !with_queries.is_empty() {
        blocks.push(Block::fold(
            "Statements by endpoint, highest rate first",
            vec![Block::Table(endpoints(&with_queries))],
        ));
    }
    if let Some(probe) = facts.probe.as_ref().filter(|probe| !probe.statements.is_empty()) {
        let table = Table::new("table-statements", "Most repeated statements, with literals masked")
            .text_column("Digest")
            .text_column("Statement")
            .text_column("Route")
            .text_column("Code")
            .with_rows(probe.statements.values().map(|statement| {
                vec![
                    Cell::code(&statement.digest),
                    Cell::code(sanitize(&statement.sql, 600)),
                    Cell::text(&statement.route),
                    Cell::code(&statement.code),
                ]
            }));
        blocks.push(Block::fold("Most repeated statements", vec![Block::Table(table)]));
    }
    Section {
        id: "database",
        title: "Database",
        lead: "Database time comes from the server-side timer where available. Time measured in the application also includes waiting for a core or the Python GIL and is therefore an upper bound.".to_owned(),
        blocks,
    }
}

/// How much of the application's database time the database itself accounts for.
fn database_timer_note(db: &DbSummary) -> Option<Block> {
    let own = db.own_db_us_per_request?;
    let measured_by_app = db.app_db_us_per_request?;
    Some(Block::paragraph(format!(
        "The server-side timer reports {} of database time per request. The remaining {} measured by the application are driver and \
         network time and waiting for a core or the Python GIL. The time split by endpoint uses the server-side timer.",
        micros(own),
        micros((measured_by_app - own).max(0.0))
    )))
}

fn server_counters(facts: &RunFacts, timeline: &Timeline) -> Vec<Block> {
    let windows = database_server::measured_windows(facts);
    if windows.is_empty() {
        let mut blocks = vec![Block::missing(
            "No database server counters: rows read, lock waits and server-side time are unknown. MySQL and MariaDB provide them; \
             SQLite runs inside the application and has none.",
        )];
        blocks.extend(database_server::caveats(facts));
        return blocks;
    }
    let mut blocks = vec![Block::heading("Counters of the database server")];
    let last = windows.last().map(|(window, _)| window.phase.clone()).unwrap_or_default();
    for (window, database) in &windows {
        // Only the last phase is expanded: if there is an open phase, it is the last one.
        let inner = statements::blocks(window, database);
        if window.phase == last {
            blocks.extend(inner);
        } else {
            blocks.push(Block::fold(format!("{}: statements by total time", window.phase), inner));
        }
    }
    blocks.extend(database_server::blocks(&windows));
    let charts = gauges::databases(facts, timeline);
    if !charts.is_empty() {
        blocks.push(Block::Charts { legend: Vec::new(), charts });
    }
    blocks.extend(database_server::caveats(facts));
    blocks
}

fn per_second(endpoint: &EndpointSummary) -> f64 {
    endpoint.queries_per_request.unwrap_or_default() * endpoint.rps.0
}

fn endpoints(with_queries: &[&EndpointSummary]) -> Table {
    let row = |endpoint: &&EndpointSummary| {
        let queries = endpoint.queries_per_request.unwrap_or_default();
        let db = endpoint.split.map(|split| split.db_us);
        let share = endpoint.split.and_then(|split| {
            kneepoint_model::units::Ratio::from_parts(split.db_us.get(), split.total_us.get())
        });
        let tone = if queries > 20.0 { Tone::Warn } else { Tone::Plain };
        vec![
            Cell::text(&endpoint.name).with_note(&endpoint.phase),
            Cell::value(number(queries, 1), queries).with_tone(tone),
            Cell::value(number(per_second(endpoint), 0), per_second(endpoint)),
            Cell::optional(db, Cell::micros, "not reported"),
            Cell::optional(share, Cell::ratio, "not reported"),
        ]
    };
    Table::new("table-queries", "Statements by endpoint")
        .text_column("Endpoint")
        .number_column("Per request", "Database statements, without transaction control.")
        .number_column("Per second", "Statements per second under load.")
        .number_column("Database time", "Mean database time per request.")
        .number_column("Share", "Database time as a share of the service time.")
        .with_rows(with_queries.iter().map(row))
        .filterable()
}

fn slopes(facts: &RunFacts) -> Vec<Block> {
    let Some(probe) = &facts.probe else {
        return vec![Block::missing("N+1 queries were not tested: the probe stage did not run.")];
    };
    let tested: Vec<(&RouteProbe, &SlopeTest)> =
        probe.routes.iter().filter_map(|route| route.slope.as_ref().map(|test| (route, test))).collect();
    if tested.is_empty() {
        return vec![Block::note("N+1 queries could not be tested: no route takes a page-size parameter.")];
    }
    let charts: Vec<Chart> = tested
        .iter()
        .take(9)
        .enumerate()
        .filter_map(|(index, (route, test))| slope::chart(index, &sanitize(&route.route, MAX_TEXT), test))
        .collect();
    let row = |(route, test): &(&RouteProbe, &SlopeTest)| {
        let points: Vec<String> =
            test.points.iter().map(|(rows, queries)| format!("{rows} → {queries}")).collect();
        let (repeats, digest) =
            test.repeats.as_ref().map_or((None, ""), |(n, digest)| (Some(*n), digest.as_str()));
        vec![
            Cell::text(&route.route).with_note(&route.path),
            Cell::code(&test.parameter),
            Cell::text(points.join(", ")),
            Cell::value(number(test.slope, 2), test.slope).with_tone(if test.slope >= 0.5 {
                Tone::Bad
            } else {
                Tone::Good
            }),
            Cell::value(number(test.residual, 1), test.residual),
            Cell::optional(repeats, |n| Cell::count(n.into()).with_note(digest), "none"),
        ]
    };
    let table = Table::new("table-slopes", "Statements by requested rows")
        .text_column("Route")
        .described_column("Parameter", "The query parameter that sets the page size.")
        .described_column("Rows → statements", "Requested rows and the statements of that request.")
        .number_column("Slope", "Statements per additional row (least squares). 1 means one statement per row; 0 means no growth.")
        .number_column("Residual", "Largest deviation from the fitted line, in statements.")
        .number_column("Most repeated", "Executions of the most repeated statement at the largest page size.")
        .with_rows(tested.iter().map(row));
    let mut blocks = vec![Block::heading(format!(
        "N+1 test: statements by requested rows ({} tested)",
        count(tested.len() as u64)
    ))];
    if !charts.is_empty() {
        blocks.push(Block::Charts { legend: Vec::new(), charts });
    }
    blocks.push(Block::Table(table));
    blocks
}
