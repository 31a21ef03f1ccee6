//! Routes alone: what each costs when nothing queues.

use kneepoint_analysis::RunFacts;
use kneepoint_model::probe::RouteProbe;

use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(crate) fn build(facts: &RunFacts) -> Section {
    let blocks = match &facts.probe {
        Some(probe) if !probe.routes.is_empty() => {
            let mut blocks = vec![Block::Table(table(&probe.routes))];
            match probe.probe_coverage {
                Some(share) => blocks.push(Block::note(format!("{share} of the answers carried Server-Timing, so the site could be seen through that far."))),
                None => blocks.push(Block::note("Whether answers carry Server-Timing is not known.")),
            }
            blocks
        }
        Some(_) => vec![Block::missing("Probing ran, but no route answered.")],
        None => vec![Block::missing(
            "Routes were not looked at alone: the run ended before that, or it was not asked for.",
        )],
    };
    Section {
        id: "probe",
        title: "Routes alone",
        lead:
            "One request at a time, before any load: nothing queues, so this is what a route costs by itself."
                .to_owned(),
        blocks,
    }
}

fn table(routes: &[RouteProbe]) -> Table {
    let row = |route: &RouteProbe| {
        let errors = if route.errors == 0 {
            Cell::value("none", 0.0).toned(Tone::Muted)
        } else {
            Cell::count(route.errors.into()).toned(Tone::Bad)
        };
        let size = Cell::bytes(route.wire_bytes).noted(match route.gzip_bytes {
            Some(gzip) => format!("gzip: {gzip}"),
            None if route.compressed => format!("{} decoded", route.body_bytes),
            None => String::new(),
        });
        vec![
            Cell::text(&route.route).noted(&route.path),
            Cell::count(route.requests.into()),
            errors,
            Cell::micros(route.p50_us),
            Cell::maybe(route.app_us, Cell::micros, "not said"),
            Cell::maybe(route.cpu_us, Cell::micros, "not said"),
            Cell::maybe(route.db_us, Cell::micros, "not said"),
            Cell::maybe(route.queries, |n| Cell::count(n.into()), "not said"),
            Cell::maybe(route.engine_us, Cell::micros, "not said"),
            size,
        ]
    };
    Table::new("table-probe", "Routes alone, costliest first")
        .words("Route")
        .numbers("Requests", "")
        .numbers("Errors", "")
        .numbers("Median", "Response time without queueing.")
        .numbers("Application", "Median time in the application.")
        .numbers("CPU", "Median CPU time of the handling thread.")
        .numbers("Database", "Median database time, as the application saw it.")
        .numbers("Queries", "Statements per request.")
        .numbers("Engine", "Median time waiting for the engine.")
        .numbers("Bytes", "On the wire; below it the size decoded, or what gzip would make of it.")
        .with(routes.iter().map(row))
        .filtered()
}
