//! A small healthy run of a bookstore; each test changes what it is about.
//!
//! Two cores; nginx, two sync workers, an engine. Closed (2 users, 100 requests per second for 10 s), open (50 per second)
//! and profiled phases, each with two endpoints of equal share: the catalogue (8 ms in the application, 4 of them in
//! the database for 5 statements) and a book. MySQL and Redis have counters.
//!
//! Long because it is one value with every field of a run.

use std::collections::BTreeMap;

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::correctness::{StockAudit, StockCount};
use kneepoint_model::db::{
    BufferPool, CacheKind, CacheWindow, CoveredRequests, DatabaseWindow, DbWindow, DigestDelta, Drain,
    StatementSums, Verb,
};
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{
    EndpointStats, GeneratorHealth, LoadModel, LoadPhase, SecondStats, ServerTimingSums,
};
use kneepoint_model::manifest::StageRecord;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::probe::{CacheTest, ProbeResult, RouteProbe, SlopeTest, UncachedReason};
use kneepoint_model::proxy::{AccessSummary, ProxyRoute};
use kneepoint_model::run::names;
use kneepoint_model::sample::{HostSample, ResourceSample, TierSample};
use kneepoint_model::site::{CrawledPage, SiteMap};
use kneepoint_model::stack::{StackInfo, TierInfo};
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio, UnixMillis};

use crate::{RunParts, builders};

/// Start of the first phase and of the first sample.
pub const START: u64 = 1_750_000_000_000;

/// A run without faults.
pub fn healthy() -> RunParts {
    let mut parts = RunParts::new(builders::manifest());
    parts.manifest.stages = [Stage::Up, Stage::Smoke, Stage::Probe, Stage::Load, Stage::Profile, Stage::Down]
        .map(|name| StageRecord { name, status: StageStatus::Done, seconds: 1.0 })
        .to_vec();
    parts.stack = Some(stack());
    parts.site = Some(SiteMap { pages: vec![page("/"), page("/catalogue/")], ..SiteMap::default() });
    parts.probe = Some(ProbeResult {
        format_version: 1,
        routes: ["catalogue/", "book/<int:pk>/", "", "search/"].map(route).to_vec(),
        statements: BTreeMap::new(),
        probe_coverage: Some(Ratio(1.0)),
        took_us: Micros(5_000_000),
    });
    parts.phases = vec![
        phase("closed", START, LoadModel::Closed { users: 2 }, 1_000),
        phase("open", START + 20_000, LoadModel::Open { rate: PerSecond(50.0) }, 500),
        phase("profiled", START + 40_000, LoadModel::Closed { users: 2 }, 1_000),
    ];
    parts.access = parts.phases.iter().map(|phase| (phase.name.clone(), access(phase.requests))).collect();
    parts.db = parts.phases.iter().map(|phase| (phase.name.clone(), database_window(phase))).collect();
    let shop = |stock, sold| StockCount { stock, sold, orders: sold, below_zero: 0 };
    parts.correctness = Some(StockAudit::from_counts(shop(50_000, 0), shop(49_800, 200)));
    parts.samples = (0..240).map(|tick| sample(START + tick * 250)).collect();
    parts
}

/// Counters of MySQL and Redis over a phase: four look-ups by key and one list of 24 rows per request.
fn database_window(phase: &LoadPhase) -> DbWindow {
    let n = phase.requests;
    let sums = |per_request: u64, us: u64, rows: u64| StatementSums {
        count: n * per_request,
        timer_us: Micros(us * n * per_request),
        lock_us: Micros(n * per_request),
        cpu_us: Some(Micros(us * n * per_request * 9 / 10)),
        rows_examined: rows * n * per_request,
        rows_sent: rows * n * per_request,
        ..StatementSums::default()
    };
    let by_key = "SELECT `books_book` . `id` FROM `books_book` WHERE `books_book` . `id` = ? LIMIT ?";
    let list = "SELECT `books_book` . `id` FROM `books_book` ORDER BY `books_book` . `publication_date` DESC LIMIT ?";
    let mut database = DatabaseWindow::new(Tier::Db, "127.0.0.1:13306", "bookstore");
    database.settings.transaction_isolation = Some("SERIALIZABLE".into());
    database.settings.max_connections = Some(300);
    database.statements_known = true;
    database.statements =
        vec![digest(Verb::Select, by_key, sums(4, 200, 1)), digest(Verb::Select, list, sums(1, 600, 24))];
    database.status.locks.deadlocks = Some(0);
    database.status.buffer_pool = BufferPool {
        read_requests: n * 60,
        disk_reads: 3,
        free_pages: 3_000,
        total_pages: 8_192,
        waits_for_free: 0,
    };
    DbWindow {
        format_version: 1,
        phase: phase.name.clone(),
        from_ms: phase.measured_from_ms,
        until_ms: phase.measured_until_ms,
        requests: CoveredRequests { counted: n, uncertain: 2, ..CoveredRequests::default() },
        drain: Drain { took_us: Micros(200_000), settled: true },
        databases: vec![database],
        caches: vec![CacheWindow {
            hits: n,
            misses: n / 20,
            commands: n + n / 10,
            ..CacheWindow::new(Tier::Cache, CacheKind::Redis, "127.0.0.1:16379")
        }],
        unmeasured: Vec::new(),
    }
}

/// A statement of the database with its sums.
pub fn digest(verb: Verb, text: &str, sums: StatementSums) -> DigestDelta {
    DigestDelta {
        digest: format!("{:064x}", text.len()),
        verb,
        text: text.into(),
        text_cut: false,
        sums,
        sample: None,
        plan: None,
    }
}

fn stack() -> StackInfo {
    let server = TierInfo {
        concurrency: Some(2),
        ..builders::tier_info(Tier::Server, "gunicorn (2 sync workers) under supervisor")
    };
    let proxy = builders::tier_info(Tier::Proxy, "nginx 1.22");
    let engine = builders::tier_info(Tier::Engine, "kneepoint-engine");
    StackInfo {
        toggles: BTreeMap::from([("DEBUG".into(), "0".into())]),
        ..builders::stack_info(vec![proxy, server, engine])
    }
}

fn page(path: &str) -> CrawledPage {
    CrawledPage { has_post_form: true, ..builders::page(path, "Books") }
}

fn route(name: &str) -> RouteProbe {
    RouteProbe {
        route: name.into(),
        path: if name.starts_with("book/") { "/book/7/".into() } else { format!("/{name}") },
        requests: 5,
        errors: 0,
        p50_us: Micros(9_000),
        app_us: Some(Micros(8_000)),
        cpu_us: Some(Micros(6_000)),
        db_us: Some(Micros(4_000)),
        queries: Some(5),
        engine_us: Some(Micros(600)),
        wire_bytes: Bytes(4_000),
        body_bytes: Bytes(16_000),
        compressed: true,
        gzip_bytes: None,
        slope: Some(SlopeTest {
            parameter: "page_size".into(),
            points: vec![(12, 5), (24, 5)],
            slope: 0.0,
            residual: 0.0,
            repeats: None,
        }),
        cache: Some(CacheTest {
            same_body: true,
            shared_token: false,
            second: CacheOutcome::None,
            uncached_reasons: vec![UncachedReason::FormToken, UncachedReason::SetCookie],
        }),
    }
}

fn quantiles(count: u64, p50: u64) -> Quantiles {
    Quantiles {
        count,
        mean: Micros(p50),
        p50: Micros(p50),
        p90: Micros(p50 * 2),
        p95: Micros(p50 * 3),
        p99: Micros(p50 * 4),
        p999: Micros(p50 * 5),
        max: Micros(p50 * 6),
    }
}

fn endpoint(name: &str, route: &str, requests: u64) -> EndpointStats {
    EndpointStats {
        name: name.into(),
        requests,
        outcomes: BTreeMap::from([(Outcome::Ok, requests)]),
        statuses: BTreeMap::from([(200, requests)]),
        response_us: quantiles(requests, 10_000),
        service_us: quantiles(requests, 9_500),
        ttfb_us: quantiles(requests, 9_000),
        wire_bytes: Bytes(4_000 * requests),
        body_bytes: Bytes(16_000 * requests),
        compressed: requests,
        undecoded_bytes: Bytes(0),
        redirects: 0,
        split: ServerTimingSums {
            n: requests,
            service_us: Micros(10_000 * requests),
            ttfb_us: Micros(9_500 * requests),
            app_us: Micros(8_000 * requests),
            cpu_us: Micros(6_000 * requests),
            db_us: Micros(4_000 * requests),
            queries: 5 * requests,
            engine_us: Micros(600 * requests),
            ..ServerTimingSums::default()
        },
        routes: BTreeMap::from([(route.into(), requests)]),
        ..EndpointStats::default()
    }
}

/// A phase of two endpoints with equal share; the first five of its fifteen seconds are warm-up.
pub fn phase(name: &str, at: u64, load: LoadModel, requests: u64) -> LoadPhase {
    let rate = PerSecond(requests as f64 / 10.0);
    let second = |i: u64| SecondStats {
        at_ms: UnixMillis(at + i * 1_000),
        warmup: i < 5,
        requests: requests / 10,
        in_flight: 1,
        p50_us: Micros(10_000),
        p95_us: Micros(30_000),
        p99_us: Micros(40_000),
        ..SecondStats::default()
    };
    let open = matches!(load, LoadModel::Open { .. });
    LoadPhase {
        scenarios: BTreeMap::from([("browse".into(), 1)]),
        offered_rps: open.then_some(rate),
        journeys: requests / 2,
        response_us: quantiles(requests, 10_000),
        service_us: quantiles(requests, 9_500),
        ttfb_us: quantiles(requests, 9_000),
        sched_lag_us: if open { quantiles(requests, 40) } else { Quantiles::default() },
        endpoints: vec![
            endpoint("GET /catalogue/", "catalogue/", requests / 2),
            endpoint("GET /book/7/", "book/<int:pk>/", requests / 2),
        ],
        seconds: (0..15).map(second).collect(),
        log: names::hlog(name),
        generator: GeneratorHealth { busiest_thread: Ratio(0.1), ..GeneratorHealth::default() },
        ..builders::load_phase(name, at, load, requests)
    }
}

fn access(requests: u64) -> AccessSummary {
    let route = |route: &str| ProxyRoute {
        route: route.into(),
        requests: requests / 2,
        upstream: requests / 2,
        header_us: Micros(9_000 * requests / 2),
        app_us: Micros(8_000 * requests / 2),
        app_n: requests / 2,
        ..ProxyRoute::default()
    };
    AccessSummary {
        format_version: 1,
        lines: requests,
        routes: vec![route("catalogue/"), route("book/<int:pk>/")],
        ..AccessSummary::default()
    }
}

/// A sample of all tiers at `at`, with a little foreign CPU use.
pub fn sample(at: u64) -> ResourceSample {
    let tier = |tier, cpu| TierSample {
        cpu_us: Micros(cpu),
        run_queue_us: Micros(cpu / 20),
        ..builders::idle_tier(tier)
    };
    let tiers = vec![
        tier(Tier::Proxy, 10_000),
        tier(Tier::Server, 200_000),
        tier(Tier::Engine, 10_000),
        tier(Tier::Generator, 20_000),
    ];
    let sample = builders::sample(at, tiers);
    let host = HostSample { foreign_us: Micros(5_000), mem_available: Bytes(2 << 30), ..sample.host };
    ResourceSample { host, ..sample }
}
