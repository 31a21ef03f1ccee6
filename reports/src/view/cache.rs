//! Caches: hit ratios of the proxy's and the application's cache, and why pages are not cached, by route.

use kneepoint_analysis::facts::PROFILED;
use kneepoint_analysis::{RunFacts, Timeline};
use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::probe::{CacheTest, RouteProbe, UncachedReason};
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
            blocks.push(Block::heading("Why pages are not cached"));
            blocks.push(Block::Table(why(&tested)));
        }
    } else {
        blocks.push(Block::missing(
            "The reasons why pages are not cached are unknown: the probe stage did not run.",
        ));
    }
    for (phase, access) in facts.access.iter().filter(|(phase, _)| phase.as_str() != PROFILED) {
        let title = format!("{phase}: proxy access log by route ({} lines)", count(access.lines));
        blocks.push(Block::fold(title, vec![Block::Table(log(phase, &access.routes))]));
    }
    if facts.access.is_empty() {
        blocks.push(Block::missing(
            "No proxy access log: the stack has no proxy, or its log is not in JSON format.",
        ));
    }
    Section {
        id: "cache",
        title: "Caches",
        lead:
            "Two new anonymous users request each page twice; a page that differs between them is never reported as cacheable."
                .to_owned(),
        blocks,
    }
}

fn layers(summary: &Summary) -> Table {
    let cache = &summary.cache;
    let sum = |outcomes: &[CacheOutcome]| outcomes.iter().filter_map(|o| cache.proxy.get(o)).sum::<u64>();
    let hits = sum(&[CacheOutcome::Hit, CacheOutcome::Stale, CacheOutcome::Revalidated]);
    let others = sum(&[CacheOutcome::Miss, CacheOutcome::Expired]);
    let proxy = if cache.proxy_hit.is_some() {
        vec![
            Cell::count(hits),
            Cell::count(others),
            Cell::count(sum(&[CacheOutcome::Bypass])),
            Cell::optional(cache.proxy_hit, Cell::ratio, "no data"),
        ]
    } else {
        ["no cache status reported"; 4].map(Cell::absent).into()
    };
    let app = if cache.app_hits + cache.app_misses > 0 {
        vec![
            Cell::count(cache.app_hits),
            Cell::count(cache.app_misses),
            Cell::absent("not applicable"),
            Cell::optional(cache.app_hit, Cell::ratio, "no data"),
        ]
    } else {
        ["no lookups recorded"; 4].map(Cell::absent).into()
    };
    let row =
        |name: &str, cells: Vec<Cell>| std::iter::once(Cell::text(name)).chain(cells).collect::<Vec<_>>();
    Table::new("table-cache", "Cache layers in the measured phases")
        .text_column("Layer")
        .number_column("Hits", "Served from the cache, including stale and revalidated responses.")
        .number_column("Misses", "Fetched from the origin, including expired entries.")
        .number_column("Bypassed", "Requests that bypass the cache, by a header or a rule.")
        .number_column("Hit ratio", "")
        .with_rows([row("proxy", proxy), row("application", app)])
}

fn reason_label(reason: UncachedReason) -> &'static str {
    match reason {
        UncachedReason::SetCookie => "sets a cookie",
        UncachedReason::VaryCookie => "Vary: Cookie, although the page is identical for both users",
        UncachedReason::CacheControl => "Cache-Control forbids it",
        UncachedReason::NoLifetime => "no freshness lifetime (max-age, Expires)",
        UncachedReason::Personal => "differs between users",
        UncachedReason::NoCache => "no cache in front of the application",
        UncachedReason::FormToken => "contains a form token",
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
        CacheOutcome::None => Cell::absent("no cache status"),
    }
}

fn why(tested: &[(&RouteProbe, &CacheTest)]) -> Table {
    let row = |(route, test): &(&RouteProbe, &CacheTest)| {
        let reasons: Vec<&str> = test.uncached_reasons.iter().map(|reason| reason_label(*reason)).collect();
        let token = if test.shared_token {
            Cell::badge("yes: unsafe", Tone::Bad)
        } else {
            Cell::text("no").with_tone(Tone::Muted)
        };
        vec![
            Cell::text(&route.route).with_note(&route.path),
            Cell::text(if test.same_body { "yes" } else { "no" }),
            outcome_cell(test.second),
            if reasons.is_empty() { Cell::absent("cached") } else { Cell::text(reasons.join("; ")) },
            token,
        ]
    };
    Table::new("table-uncached", "Cacheability: two new anonymous users, two requests each")
        .text_column("Route")
        .described_column("Identical for both", "The bodies are byte-identical after form tokens are masked.")
        .described_column("Second request", "Cache status reported for the second request.")
        .text_column("Reason not cached")
        .described_column(
            "Form token shared",
            "Both users received the same token: a cache leaks it from one user to the other.",
        )
        .with_rows(tested.iter().map(row))
        .filterable()
}

fn log(phase: &str, routes: &[ProxyRoute]) -> Table {
    let mean = |sum: Micros, n: u64| {
        Cell::optional(sum.get().checked_div(n).map(Micros), Cell::micros, "no upstream request")
    };
    let row = |route: &ProxyRoute| {
        let hits: u64 = route.cache.iter().filter(|(o, _)| o.is_hit()).map(|(_, n)| n).sum();
        let with_status: u64 =
            route.cache.iter().filter(|(o, _)| **o != CacheOutcome::None).map(|(_, n)| n).sum();
        let statuses: Vec<String> =
            route.statuses.iter().map(|(status, n)| format!("{status} × {}", count(*n))).collect();
        vec![
            Cell::text(&route.route),
            Cell::count(route.requests),
            Cell::text(statuses.join(", ")),
            Cell::optional(Ratio::from_parts(hits, with_status), Cell::ratio, "no cache"),
            Cell::optional(
                route.bytes_sent.get().checked_div(route.requests).map(Bytes),
                Cell::bytes,
                "no data",
            ),
            mean(route.request_us, route.requests),
            mean(route.header_us, route.upstream),
            mean(route.app_us, route.app_n),
        ]
    };
    Table::new(&format!("table-access-{phase}"), format!("Proxy access log in {phase}"))
        .text_column("Route")
        .number_column("Requests", "")
        .text_column("Statuses")
        .number_column("Cache hit", "")
        .number_column("Bytes", "Mean bytes sent per response.")
        .number_column("Request", "Mean time from the first byte received to the last byte sent.")
        .number_column(
            "Upstream header",
            "Mean time to the upstream's response header: queueing plus application.",
        )
        .number_column("Application", "Mean application time, as reported by the application.")
        .with_rows(routes.iter().map(row))
        .filterable()
}
