//! Caches: what the proxy's cache and the application's cache did, and why pages were not cached, route by route.

use kneepoint_analysis::facts::PROFILED;
use kneepoint_analysis::{RunFacts, Timeline};
use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::probe::{CacheTest, RouteProbe, UncachedBecause};
use kneepoint_model::proxy::ProxyRoute;
use kneepoint_model::summary::Summary;
use kneepoint_model::units::{Bytes, Micros, Ratio};

use crate::format::count;
use crate::view::block::{Block, Cell, Section, Table, Tone};
use crate::view::{cache_servers, gauges};

pub(crate) fn build(facts: &RunFacts, summary: &Summary, timeline: &Timeline) -> Section {
    let mut blocks = vec![Block::Table(layers(summary))];
    blocks.extend(cache_servers::blocks(facts));
    let charts = gauges::caches(facts, timeline);
    if !charts.is_empty() {
        blocks.push(Block::Charts { legend: Vec::new(), charts });
    }
    if let Some(probe) = &facts.probe {
        let tested: Vec<(&RouteProbe, &CacheTest)> =
            probe.routes.iter().filter_map(|route| route.cache.as_ref().map(|test| (route, test))).collect();
        if !tested.is_empty() {
            blocks.push(Block::heading("Why pages were not cached"));
            blocks.push(Block::Table(why(&tested)));
        }
    } else {
        blocks
            .push(Block::missing("Why pages were not cached is not known: routes were not looked at alone."));
    }
    for (phase, access) in facts.access.iter().filter(|(phase, _)| phase.as_str() != PROFILED) {
        let title = format!("{phase}: the proxy's access log by route ({} lines)", count(access.lines));
        blocks.push(Block::fold(title, vec![Block::Table(log(phase, &access.routes))]));
    }
    if facts.access.is_empty() {
        blocks.push(Block::missing(
            "There is no access log of a proxy: no proxy is part of this stack, or its log is not JSON.",
        ));
    }
    Section {
        id: "cache",
        title: "Caches",
        lead:
            "Two fresh visitors ask twice each; a page that differs between them is never called cacheable."
                .to_owned(),
        blocks,
    }
}

fn layers(summary: &Summary) -> Table {
    let cache = &summary.cache;
    let of = |outcomes: &[CacheOutcome]| outcomes.iter().filter_map(|o| cache.proxy.get(o)).sum::<u64>();
    let hits = of(&[CacheOutcome::Hit, CacheOutcome::Stale, CacheOutcome::Revalidated]);
    let others = of(&[CacheOutcome::Miss, CacheOutcome::Expired]);
    let proxy = if cache.proxy_hit.is_some() {
        vec![
            Cell::count(hits),
            Cell::count(others),
            Cell::count(of(&[CacheOutcome::Bypass])),
            Cell::maybe(cache.proxy_hit, Cell::ratio, "no data"),
        ]
    } else {
        ["no cache spoke"; 4].map(Cell::absent).into()
    };
    let app = if cache.app_hits + cache.app_misses > 0 {
        vec![
            Cell::count(cache.app_hits),
            Cell::count(cache.app_misses),
            Cell::absent("does not apply"),
            Cell::maybe(cache.app_hit, Cell::ratio, "no data"),
        ]
    } else {
        ["no lookups seen"; 4].map(Cell::absent).into()
    };
    let row =
        |name: &str, cells: Vec<Cell>| std::iter::once(Cell::text(name)).chain(cells).collect::<Vec<_>>();
    Table::new("table-cache", "Cache layers over the measured phases")
        .words("Layer")
        .numbers("Hits", "Answered without full work of the origin (stale and revalidated included).")
        .numbers("Misses", "Fetched from the origin (expired included).")
        .numbers("Bypassed", "The request or a rule went around the cache.")
        .numbers("Hit ratio", "")
        .with([row("proxy", proxy), row("application", app)])
}

fn because(reason: UncachedBecause) -> &'static str {
    match reason {
        UncachedBecause::SetCookie => "sets a cookie",
        UncachedBecause::VaryCookie => "Vary: Cookie, though the page is the same for both",
        UncachedBecause::CacheControl => "Cache-Control forbids it",
        UncachedBecause::NoLifetime => "no lifetime (max-age, Expires)",
        UncachedBecause::Personal => "differs between visitors",
        UncachedBecause::NoCache => "no cache in front",
        UncachedBecause::FormToken => "holds a form token",
    }
}

fn outcome_cell(outcome: CacheOutcome) -> Cell {
    match outcome {
        CacheOutcome::Hit => Cell::badge("hit", Tone::Good),
        CacheOutcome::Revalidated => Cell::badge("revalidated", Tone::Good),
        CacheOutcome::Stale => Cell::badge("stale", Tone::Warn),
        CacheOutcome::Miss => Cell::badge("miss", Tone::Warn),
        CacheOutcome::Expired => Cell::badge("expired", Tone::Warn),
        CacheOutcome::Bypass => Cell::badge("bypass", Tone::Warn),
        CacheOutcome::None => Cell::absent("no cache spoke"),
    }
}

fn why(tested: &[(&RouteProbe, &CacheTest)]) -> Table {
    let row = |(route, test): &(&RouteProbe, &CacheTest)| {
        let reasons: Vec<&str> = test.because.iter().map(|reason| because(*reason)).collect();
        let token = if test.shared_token {
            Cell::badge("shared: unsafe", Tone::Bad)
        } else {
            Cell::text("no").toned(Tone::Muted)
        };
        vec![
            Cell::text(&route.route).noted(&route.path),
            Cell::text(if test.same_body { "yes" } else { "no" }),
            outcome_cell(test.second),
            if reasons.is_empty() { Cell::absent("it is cached") } else { Cell::text(reasons.join("; ")) },
            token,
        ]
    };
    Table::new("table-uncached", "Two fresh visitors, twice each")
        .words("Route")
        .hinted("Same for both", "The bodies were byte-identical, form tokens masked.")
        .hinted("Second request", "What the cache in front said.")
        .words("Why it is not cached")
        .hinted(
            "Form token shared",
            "Both visitors were given the same token: a cache leaks one to the other.",
        )
        .with(tested.iter().map(row))
        .filtered()
}

fn log(phase: &str, routes: &[ProxyRoute]) -> Table {
    let mean = |sum: Micros, n: u64| {
        Cell::maybe(sum.get().checked_div(n).map(Micros), Cell::micros, "none went upstream")
    };
    let row = |route: &ProxyRoute| {
        let hits: u64 = route.cache.iter().filter(|(o, _)| o.is_hit()).map(|(_, n)| n).sum();
        let spoke: u64 = route.cache.iter().filter(|(o, _)| **o != CacheOutcome::None).map(|(_, n)| n).sum();
        let statuses: Vec<String> =
            route.statuses.iter().map(|(status, n)| format!("{status} × {}", count(*n))).collect();
        vec![
            Cell::text(&route.route),
            Cell::count(route.requests),
            Cell::text(statuses.join(", ")),
            Cell::maybe(Ratio::of(hits, spoke), Cell::ratio, "no cache"),
            Cell::maybe(
                route.bytes_sent.get().checked_div(route.requests).map(Bytes),
                Cell::bytes,
                "no data",
            ),
            mean(route.request_us, route.requests),
            mean(route.header_us, route.upstream),
            mean(route.app_us, route.app_n),
        ]
    };
    Table::new(&format!("table-access-{phase}"), format!("Access log of the proxy in {phase}"))
        .words("Route")
        .numbers("Requests", "")
        .words("Statuses")
        .numbers("Cache hit", "")
        .numbers("Bytes", "Mean bytes sent.")
        .numbers("Request", "Mean time in the proxy, first byte in to last byte out.")
        .numbers("Upstream header", "Mean wait for the upstream's header: queueing and application.")
        .numbers("Application", "Mean time the application says it took.")
        .with(routes.iter().map(row))
        .filtered()
}
