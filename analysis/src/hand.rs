//! Hand-made facts for unit tests: a small healthy run, to be spoilt by each test in its own way.
//!
//! Two cores; nginx, two sync workers, an engine. Closed (2 users, 100 requests per second for 10 s), open (50 per second)
//! and profiled phases, each with two endpoints of equal share: the catalogue (8 ms in the application, 4 of them in
//! the database for 5 statements) and a book. MySQL and Redis were asked what they counted.
//!
//! Long because it is one value: every field of a run has to be there, and nothing else is done here.

use std::collections::BTreeMap;

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::correctness::{StockAudit, StockCount};
use kneepoint_model::db::{
    BufferPool, CacheKind, CacheWindow, CoveredRequests, DatabaseWindow, DbWindow, DigestDelta, Drain,
    StatementSums, Verb,
};
use kneepoint_model::event::{Stage, StageStatus};
use kneepoint_model::finding::Finding;
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{
    EndpointStats, GeneratorHealth, HttpVersion, LoadModel, LoadPhase, SecondStats, SplitSums, Validity,
};
use kneepoint_model::manifest::{HostInfo, Manifest, StageRecord};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::probe::{CacheTest, ProbeResult, RouteProbe, SlopeTest, UncachedBecause};
use kneepoint_model::proxy::{AccessSummary, ProxyRoute};
use kneepoint_model::sample::{HostSample, ResourceSample, TierSample};
use kneepoint_model::site::{Page, PageKind, PageVerdict, SiteMap};
use kneepoint_model::stack::{Driver, Runtime, StackInfo, TierInfo};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio, UnixMillis};

use crate::conditions::phase_conditions;
use crate::facts::RunFacts;
use crate::findings::{Context, RuleOutcome};

pub(crate) const START: u64 = 1_750_000_000_000;

/// A manifest and nothing else.
pub(crate) fn facts() -> RunFacts {
    RunFacts::new(Manifest {
        format_version: 1,
        run_id: "20250101T000000Z-abcd".into(),
        kneepoint: "0.1.0".into(),
        started: "2025-01-01T00:00:00Z".into(),
        command: vec!["kneepoint".into(), "run".into()],
        config: serde_json::Value::Null,
        seed: 1,
        commit: None,
        host: HostInfo { cores: 2, memory_bytes: 4 << 30, ..HostInfo::default() },
        driver: "native".into(),
        topology: "nginx".into(),
        target: "http://127.0.0.1:18080/".into(),
        versions: BTreeMap::new(),
        stages: Vec::new(),
        unmeasured: Vec::new(),
        complete: false,
        stopped_by: None,
    })
}

/// A run in which nothing is wrong.
pub(crate) fn healthy() -> RunFacts {
    let mut facts = facts();
    facts.manifest.stages = [Stage::Up, Stage::Smoke, Stage::Probe, Stage::Load, Stage::Profile, Stage::Down]
        .map(|name| StageRecord { name, status: StageStatus::Done, seconds: 1.0 })
        .to_vec();
    facts.stack = Some(stack());
    facts.site = Some(SiteMap { pages: vec![page("/"), page("/catalogue/")], ..SiteMap::default() });
    facts.probe = Some(ProbeResult {
        format_version: 1,
        routes: ["catalogue/", "book/<int:pk>/", "", "search/"].map(route).to_vec(),
        statements: BTreeMap::new(),
        seen_through: Some(Ratio(1.0)),
        took_us: Micros(5_000_000),
    });
    facts.phases = vec![
        phase("closed", START, LoadModel::Closed { users: 2 }, 1_000),
        phase("open", START + 20_000, LoadModel::Open { rate: PerSecond(50.0) }, 500),
        phase("profiled", START + 40_000, LoadModel::Closed { users: 2 }, 1_000),
    ];
    facts.access = facts.phases.iter().map(|phase| (phase.name.clone(), access(phase.requests))).collect();
    facts.db = facts.phases.iter().map(|phase| (phase.name.clone(), counted(phase))).collect();
    let shop = |stock, sold| StockCount { stock, sold, orders: sold, below_zero: 0 };
    facts.correctness = Some(StockAudit::of(shop(50_000, 0), shop(49_800, 200)));
    facts.samples = (0..240).map(|tick| sample(START + tick * 250)).collect();
    facts
}

/// What a healthy MySQL and Redis counted over a phase: each request made four look-ups by key and one list of 24 rows.
fn counted(phase: &LoadPhase) -> DbWindow {
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

/// A statement with its sums.
pub(crate) fn digest(verb: Verb, text: &str, sums: StatementSums) -> DigestDelta {
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

/// What was counted over a phase, to be spoilt.
pub(crate) fn window<'a>(facts: &'a mut RunFacts, phase: &str) -> &'a mut DbWindow {
    facts.db.get_mut(phase).expect("the healthy run has a window for each phase")
}

/// Runs a rule on facts.
pub(crate) fn findings(facts: &RunFacts, check: fn(&Context<'_>) -> RuleOutcome) -> Vec<Finding> {
    with_context(facts, |context| check(context).findings)
}

/// Makes the context of a rule.
pub(crate) fn with_context<T>(facts: &RunFacts, check: impl FnOnce(&Context<'_>) -> T) -> T {
    let conditions = phase_conditions(facts);
    let (endpoints, tiers) =
        (crate::attribute::summarise_endpoints(facts), crate::tiers::summarise_tiers(facts));
    check(&Context { facts, conditions: &conditions, endpoints: &endpoints, tiers: &tiers })
}

/// The two-visitor test of a route.
pub(crate) fn cache_test(facts: &mut RunFacts, route: usize) -> &mut CacheTest {
    facts.probe.as_mut().expect("probe").routes[route].cache.as_mut().expect("two visitors")
}

fn stack() -> StackInfo {
    let tier = |tier, what: &str, concurrency| TierInfo {
        tier,
        what: what.into(),
        roots: vec![1],
        runtime: Runtime::Native,
        url: None,
        concurrency,
        status_url: None,
        pprof_url: None,
        access_log: None,
        logs: Vec::new(),
        instruments: Vec::new(),
        containers: Vec::new(),
    };
    StackInfo {
        format_version: 1,
        driver: Driver::Native,
        topology: "nginx".into(),
        base_url: "http://127.0.0.1:18080/".parse().expect("a URL"),
        host_header: None,
        via: kneepoint_model::via::Via::default(),
        tiers: vec![
            tier(Tier::Proxy, "nginx 1.22", None),
            tier(Tier::Server, "gunicorn (2 sync workers) under supervisor", Some(2)),
            tier(Tier::Engine, "kneepoint-engine", None),
        ],
        toggles: BTreeMap::from([("DEBUG".into(), "0".into())]),
        versions: BTreeMap::new(),
        statements: None,
        throw_away: true,
    }
}

fn page(path: &str) -> Page {
    Page {
        path: path.into(),
        kind: PageKind::Html,
        status: Some(200),
        title: Some("Books".into()),
        redirects: Vec::new(),
        linked_from: Vec::new(),
        links: Vec::new(),
        assets: Vec::new(),
        depth: 0,
        ttfb_us: Micros(9_000),
        total_us: Micros(9_500),
        wire_bytes: Bytes(4_000),
        body_bytes: Bytes(16_000),
        content_type: Some("text/html".into()),
        encoding: Some("gzip".into()),
        cache_headers: BTreeMap::new(),
        route: None,
        has_post_form: true,
        verdict: PageVerdict::Passed,
        problems: Vec::new(),
    }
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
            because: vec![UncachedBecause::FormToken, UncachedBecause::SetCookie],
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
        split: SplitSums {
            n: requests,
            service_us: Micros(10_000 * requests),
            ttfb_us: Micros(9_500 * requests),
            app_us: Micros(8_000 * requests),
            cpu_us: Micros(6_000 * requests),
            db_us: Micros(4_000 * requests),
            queries: 5 * requests,
            engine_us: Micros(600 * requests),
            ..SplitSums::default()
        },
        routes: BTreeMap::from([(route.into(), requests)]),
        ..EndpointStats::default()
    }
}

pub(crate) fn phase(name: &str, at: u64, load: LoadModel, requests: u64) -> LoadPhase {
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
    LoadPhase {
        format_version: 1,
        name: name.into(),
        load,
        scenarios: BTreeMap::from([("browse".into(), 1)]),
        http: HttpVersion::default(),
        seed: 1,
        started_ms: UnixMillis(at),
        measured_from_ms: UnixMillis(at + 5_000),
        measured_until_ms: UnixMillis(at + 15_000),
        offered_rps: matches!(load, LoadModel::Open { .. }).then_some(rate),
        achieved_rps: rate,
        requests,
        errors: 0,
        outcomes: BTreeMap::from([(Outcome::Ok, requests)]),
        journeys: requests / 2,
        journeys_failed: 0,
        dry: Vec::new(),
        groups: Vec::new(),
        response_us: quantiles(requests, 10_000),
        service_us: quantiles(requests, 9_500),
        ttfb_us: quantiles(requests, 9_000),
        connect_us: Quantiles::default(),
        tls_us: Quantiles::default(),
        sched_lag_us: if matches!(load, LoadModel::Open { .. }) {
            quantiles(requests, 40)
        } else {
            Quantiles::default()
        },
        pacing: None,
        pool_wait_us: Quantiles::default(),
        curve: Vec::new(),
        endpoints: vec![
            endpoint("GET /catalogue/", "catalogue/", requests / 2),
            endpoint("GET /book/7/", "book/<int:pk>/", requests / 2),
        ],
        seconds: (0..15).map(second).collect(),
        stages: Vec::new(),
        pages: Vec::new(),
        exemplars: Vec::new(),
        log: format!("load/{name}.hlog"),
        generator: GeneratorHealth { busiest_thread: Ratio(0.1), ..GeneratorHealth::default() },
        validity: Validity { valid: true, ..Validity::default() },
        partial: false,
        stopped_by: None,
    }
}

fn access(requests: u64) -> AccessSummary {
    let of = |route: &str| ProxyRoute {
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
        routes: vec![of("catalogue/"), of("book/<int:pk>/")],
        ..AccessSummary::default()
    }
}

pub(crate) fn sample(at: u64) -> ResourceSample {
    let tier = |tier, cpu| TierSample {
        tier,
        processes: 3,
        threads: 3,
        cpu_us: Micros(cpu),
        run_queue_us: Micros(cpu / 20),
        rss: Bytes(90 << 20),
        pss: None,
        swap: Bytes::ZERO,
        minor_faults: 0,
        major_faults: 0,
        voluntary_switches: 0,
        involuntary_switches: 0,
        fds: 20,
        sockets: 5,
        read: Bytes::ZERO,
        write: Bytes::ZERO,
        started: 0,
    };
    ResourceSample {
        at_ms: UnixMillis(at),
        tick_us: Micros(250_000),
        host: HostSample {
            cores: 2,
            busy_us: Micros(260_000),
            foreign_us: Micros(5_000),
            mem_available: Bytes(2 << 30),
            ..HostSample::default()
        },
        tiers: vec![
            tier(Tier::Proxy, 10_000),
            tier(Tier::Server, 200_000),
            tier(Tier::Engine, 10_000),
            tier(Tier::Generator, 20_000),
        ],
        nginx: None,
        databases: Vec::new(),
        caches: Vec::new(),
    }
}
