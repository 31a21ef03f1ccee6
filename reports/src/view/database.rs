//! Database: whose time it is, what the servers counted, statements per request, the N+1 slopes, repeated statements.

use kneepoint_analysis::facts::PROFILED;
use kneepoint_analysis::{RunFacts, Timeline};
use kneepoint_model::probe::{RouteProbe, SlopeTest};
use kneepoint_model::summary::{DbSummary, EndpointSummary, Summary};

use crate::chart::slope;
use crate::format::{clean, clean_to, count, micros, number};
use crate::view::block::{Block, Cell, Chart, Section, Table, Tone};
use crate::view::{database_server, gauges, statements};

pub(crate) fn build(facts: &RunFacts, summary: &Summary, timeline: &Timeline) -> Section {
    let db = &summary.db;
    let mut blocks = Vec::new();
    match db.queries_per_request {
        Some(queries) => blocks.push(Block::say(format!(
            "{} statements and {} of database time per request, over all endpoints that say so (source: {}).",
            number(queries, 1),
            db.app_db_us_per_request.map_or_else(|| "an unknown amount".to_owned(), micros),
            clean(&db.source)
        ))),
        None => blocks.push(Block::missing(format!(
            "Statements per request are not known: {}.",
            clean(&db.source).trim_end_matches('.')
        ))),
    }
    blocks.extend(own_time(db));
    blocks.extend(counted(facts, timeline));
    blocks.extend(slopes(facts));
    let mut said: Vec<&EndpointSummary> =
        summary.endpoints.iter().filter(|e| e.phase != PROFILED && e.queries_per_request.is_some()).collect();
    said.sort_by(|a, b| per_second(b).total_cmp(&per_second(a)));
    if !said.is_empty() {
        blocks.push(Block::fold(
            "Statements by endpoint, most per second first",
            vec![Block::Table(endpoints(&said))],
        ));
    }
    if let Some(probe) = facts.probe.as_ref().filter(|probe| !probe.statements.is_empty()) {
        let table = Table::new("table-statements", "Most repeated statements, literals masked")
            .words("Digest")
            .words("Statement")
            .words("Route")
            .words("Code")
            .with(probe.statements.values().map(|statement| {
                vec![
                    Cell::code(&statement.digest),
                    Cell::code(clean_to(&statement.sql, 600)),
                    Cell::text(&statement.route),
                    Cell::code(&statement.code),
                ]
            }));
        blocks.push(Block::fold("Most repeated statements", vec![Block::Table(table)]));
    }
    Section {
        id: "database",
        title: "Database",
        lead: "The database is believed about itself; the application's view reads too high when it starves for a core or Python's lock.".to_owned(),
        blocks,
    }
}

/// Whose time the application's database time is.
fn own_time(db: &DbSummary) -> Option<Block> {
    let own = db.own_db_us_per_request?;
    let said = db.app_db_us_per_request?;
    Some(Block::say(format!(
        "By the database's own timer it is {} a request; the other {} of what the application booked are its driver, the way there \
         and back, and waiting for a core or Python's lock. The endpoints' split believes the database.",
        micros(own),
        micros((said - own).max(0.0))
    )))
}

/// What the servers counted themselves.
fn counted(facts: &RunFacts, timeline: &Timeline) -> Vec<Block> {
    let seen = database_server::seen(facts);
    if seen.is_empty() {
        let mut blocks = vec![Block::missing(
            "No database server was asked what it counted: rows read, waits for locks and its own time are not known. MySQL and \
             MariaDB can be asked; SQLite is a part of the application and counts nothing.",
        )];
        blocks.extend(database_server::doubts(facts));
        return blocks;
    }
    let mut blocks = vec![Block::heading("What the database itself counted")];
    let last = seen.last().map(|(window, _)| window.phase.clone()).unwrap_or_default();
    for (window, database) in &seen {
        // The last phase stands open: where there is an open one, it is what visitors do.
        let inner = statements::blocks(window, database);
        if window.phase == last {
            blocks.extend(inner);
        } else {
            blocks.push(Block::fold(format!("{}: statements by total time", window.phase), inner));
        }
    }
    blocks.extend(database_server::blocks(&seen));
    let charts = gauges::databases(facts, timeline);
    if !charts.is_empty() {
        blocks.push(Block::Charts { legend: Vec::new(), charts });
    }
    blocks.extend(database_server::doubts(facts));
    blocks
}

fn per_second(endpoint: &EndpointSummary) -> f64 {
    endpoint.queries_per_request.unwrap_or_default() * endpoint.rps.0
}

fn endpoints(said: &[&EndpointSummary]) -> Table {
    let row = |endpoint: &&EndpointSummary| {
        let queries = endpoint.queries_per_request.unwrap_or_default();
        let db = endpoint.split.map(|split| split.db_us);
        let share = endpoint
            .split
            .and_then(|split| kneepoint_model::units::Ratio::of(split.db_us.get(), split.total_us.get()));
        let tone = if queries > 20.0 { Tone::Warn } else { Tone::Plain };
        vec![
            Cell::text(&endpoint.name).noted(&endpoint.phase),
            Cell::value(number(queries, 1), queries).toned(tone),
            Cell::value(number(per_second(endpoint), 0), per_second(endpoint)),
            Cell::maybe(db, Cell::micros, "not said"),
            Cell::maybe(share, Cell::ratio, "not said"),
        ]
    };
    Table::new("table-queries", "Statements by endpoint")
        .words("Endpoint")
        .numbers("Per request", "Database statements, transaction control left out.")
        .numbers("Per second", "Statements a second in the measured load.")
        .numbers("Database time", "Mean per request.")
        .numbers("Share", "Share of the service time.")
        .with(said.iter().map(row))
        .filtered()
}

fn slopes(facts: &RunFacts) -> Vec<Block> {
    let Some(probe) = &facts.probe else {
        return vec![Block::missing(
            "Whether statements grow with the rows of a page was not tested: routes were not looked at alone.",
        )];
    };
    let tested: Vec<(&RouteProbe, &SlopeTest)> =
        probe.routes.iter().filter_map(|route| route.slope.as_ref().map(|test| (route, test))).collect();
    if tested.is_empty() {
        return vec![Block::note(
            "No route takes a page size, so none could be tested for statements that grow with its rows.",
        )];
    }
    let charts: Vec<Chart> = tested
        .iter()
        .take(9)
        .enumerate()
        .filter_map(|(index, (route, test))| slope::chart(index, &clean(&route.route), test))
        .collect();
    let row = |(route, test): &(&RouteProbe, &SlopeTest)| {
        let points: Vec<String> =
            test.points.iter().map(|(rows, queries)| format!("{rows} → {queries}")).collect();
        let (repeats, digest) =
            test.repeats.as_ref().map_or((None, ""), |(n, digest)| (Some(*n), digest.as_str()));
        vec![
            Cell::text(&route.route).noted(&route.path),
            Cell::code(&test.parameter),
            Cell::text(points.join(", ")),
            Cell::value(number(test.slope, 2), test.slope).toned(if test.slope >= 0.5 {
                Tone::Bad
            } else {
                Tone::Good
            }),
            Cell::value(number(test.residual, 1), test.residual),
            Cell::maybe(repeats, |n| Cell::count(n.into()).noted(digest), "none"),
        ]
    };
    let table = Table::new("table-slopes", "Statements by rows asked for")
        .words("Route")
        .hinted("Parameter", "The query parameter that sets the size.")
        .hinted("Rows → statements", "")
        .numbers("Slope", "Statements per row, by least squares; 1 is one statement for each row.")
        .numbers("Residual", "Largest distance of a point from the line, in statements.")
        .numbers("Most repeated", "How often the most repeated statement ran at the largest size.")
        .with(tested.iter().map(row));
    let mut blocks = vec![Block::heading(format!(
        "Do statements grow with the rows? {} tested",
        count(tested.len() as u64)
    ))];
    if !charts.is_empty() {
        blocks.push(Block::Charts { legend: Vec::new(), charts });
    }
    blocks.push(Block::Table(table));
    blocks
}
