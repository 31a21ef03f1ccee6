//! Routes in isolation: the cost of each route without queueing.

use kneepoint_analysis::RunFacts;
use kneepoint_model::probe::RouteProbe;

use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(crate) fn build(facts: &RunFacts) -> Section {
    let blocks = match &facts.probe {
        Some(probe) if !probe.routes.is_empty() => {
            let mut blocks = vec![Block::Table(table(&probe.routes))];
            match probe.probe_coverage {
                Some(share) => blocks.push(Block::note(format!("{share} of the responses include Server-Timing; only for these the server-side columns have values."))),
                None => blocks.push(Block::note("It is unknown whether the responses include Server-Timing.")),
            }
            blocks
        }
        Some(_) => vec![Block::missing("The probe stage ran, but no route responded.")],
        None => vec![Block::missing(
            "Routes were not measured in isolation: the run ended before the probe stage, or the stage was not requested.",
        )],
    };
    Section {
        id: "probe",
        title: "Routes in isolation",
        lead:
            "Each route measured by itself: one request at a time, before any load. Nothing queues, so this is the cost of the route."
                .to_owned(),
        blocks,
    }
}

fn table(routes: &[RouteProbe]) -> Table {
    let row = |route: &RouteProbe| {
        let errors = if route.errors == 0 {
            Cell::value("none", 0.0).with_tone(Tone::Muted)
        } else {
            Cell::count(route.errors.into()).with_tone(Tone::Bad)
        };
        let size = Cell::bytes(route.wire_bytes).with_note(match route.gzip_bytes {
            Some(gzip) => format!("gzip: {gzip}"),
            None if route.compressed => format!("{} decoded", route.body_bytes),
            None => String::new(),
        });
        vec![
            Cell::text(&route.route).with_note(&route.path),
            Cell::count(route.requests.into()),
            errors,
            Cell::micros(route.p50_us),
            Cell::optional(route.app_us, Cell::micros, "not reported"),
            Cell::optional(route.cpu_us, Cell::micros, "not reported"),
            Cell::optional(route.db_us, Cell::micros, "not reported"),
            Cell::optional(route.queries, |n| Cell::count(n.into()), "not reported"),
            Cell::optional(route.engine_us, Cell::micros, "not reported"),
            size,
        ]
    };
    Table::new("table-probe", "Routes in isolation, slowest first")
        .text_column("Route")
        .number_column("Requests", "")
        .number_column("Errors", "")
        .number_column("Median", "Response time without queueing.")
        .number_column("Application", "Median application time, as reported by the application.")
        .number_column("CPU", "Median CPU time of the handling thread.")
        .number_column("Database", "Median database time, measured in the application.")
        .number_column("Queries", "Statements per request.")
        .number_column("Engine", "Median time waiting for the search engine.")
        .number_column("Bytes", "Bytes on the wire; below it the decoded size, or the size with gzip.")
        .with_rows(routes.iter().map(row))
        .filterable()
}
