//! A run made by hand: a bookstore under two phases of load and one of profiling, with plausible figures, an N+1, an
//! uncached page and a slow engine. Deterministic: noise is a function of the index.
//!
//! Long because it is one value: every field of a run has to be there, and nothing else is done here.

use std::collections::BTreeMap;

use kneepoint_analysis::{Analysis, Disturbance, HostUse, PhaseConditions, RuleReport, RunFacts};
use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::event::{Stage, StageStatus};
use kneepoint_model::finding::{Evidence, Finding, Rule, Saving, Severity, finding_id};
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{
    EndpointStats, Exemplar, GeneratorHealth, HttpVersion, LoadModel, LoadPhase, SecondStats, Validity,
};
use kneepoint_model::manifest::{HostInfo, Manifest, StageRecord, Unmeasured};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::page::{PageCounts, PageStats};
use kneepoint_model::probe::{CacheTest, ProbeResult, RouteProbe, SlopeTest, Statement, UncachedBecause};
use kneepoint_model::profile::{
    ProfileEntry, ProfileFacts, ProfileSource, ProfileUnit, ProfileView, ProfilesIndex,
};
use kneepoint_model::proxy::{AccessSummary, ProxyRoute};
use kneepoint_model::sample::{HostSample, ResourceSample, TierSample};
use kneepoint_model::schedule::StageStats;
use kneepoint_model::site::{Page, PageKind, PageProblem, PageVerdict, SiteMap};
use kneepoint_model::stack::{Driver, Runtime, StackInfo, TierInfo};
use kneepoint_model::summary::{
    AssertionResult, AssertionSummary, CacheSummary, DbSummary, EndpointSummary, LoadSummary, ProfileSummary,
    SmokeSummary, Summary, TierSummary, TimeSplit,
};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio, UnixMillis};
use kneepoint_model::verdict::{Verdict, VerdictStatus};
use kneepoint_model::warm::{WarmResult, WarmRound};
use kneepoint_reports::Flame;

/// Start of the run's first sample.
const ZERO: u64 = 1_763_640_000_000;
/// Phases: name, start, measured from, measured until, in seconds from zero.
const PHASES: [(&str, u64, u64, u64); 3] =
    [("closed", 6, 10, 40), ("open", 44, 47, 72), ("profiled", 76, 79, 99)];

/// Everything that `Report::build` is given.
pub(crate) struct Run {
    pub(crate) facts: RunFacts,
    pub(crate) analysis: Analysis,
    pub(crate) summary: Summary,
    pub(crate) flames: Vec<Flame>,
}

/// Noise between 0 and 1.
fn noise(n: u64) -> f64 {
    let x = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n << 13)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x >> 40) as f64 / (1u64 << 24) as f64
}

fn q(count: u64, p50_ms: f64, p95_ms: f64) -> Quantiles {
    let us = |ms: f64| Micros((ms * 1_000.0) as u64);
    Quantiles {
        count,
        mean: us(p50_ms * 1.2),
        p50: us(p50_ms),
        p90: us(p95_ms * 0.8),
        p95: us(p95_ms),
        p99: us(p95_ms * 1.7),
        p999: us(p95_ms * 2.6),
        max: us(p95_ms * 3.4),
    }
}

/// The healthy-looking run with three findings.
pub(crate) fn run() -> Run {
    let facts = facts();
    let analysis = analysis(&facts);
    let summary = summary(&facts, &analysis);
    Run {
        facts,
        analysis,
        summary,
        flames: vec![flame(Tier::Server, 1), flame(Tier::Engine, 2), flame(Tier::Host, 3)],
    }
}

/// A run that was cut off before anything was measured.
pub(crate) fn nothing() -> Run {
    let mut manifest = manifest();
    manifest.complete = false;
    manifest.stopped_by = None;
    manifest.stages = Vec::new();
    manifest.unmeasured = Vec::new();
    manifest.host = HostInfo::default();
    let facts = RunFacts::new(manifest);
    let analysis = Analysis {
        format_version: 1,
        validity: Validity::default(),
        conditions: Vec::new(),
        smoke: SmokeSummary::default(),
        load: Vec::new(),
        endpoints: Vec::new(),
        tiers: Vec::new(),
        cache: CacheSummary::default(),
        db: DbSummary { source: "no load was recorded".into(), ..DbSummary::default() },
        profiles: Vec::new(),
        findings: Vec::new(),
        rules: Vec::new(),
    };
    let mut summary = summary(&facts, &analysis);
    summary.verdict = Verdict::new(VerdictStatus::Partial, Vec::new());
    summary.assertions = Vec::new();
    Run { facts, analysis, summary, flames: Vec::new() }
}

fn manifest() -> Manifest {
    let stage = |name, seconds| StageRecord { name, status: StageStatus::Done, seconds };
    let mut stages = vec![
        stage(Stage::Up, 11.4),
        stage(Stage::Smoke, 3.1),
        stage(Stage::Warm, 4.8),
        stage(Stage::Probe, 6.2),
        stage(Stage::Load, 66.5),
        stage(Stage::Profile, 23.9),
        stage(Stage::Down, 1.2),
        stage(Stage::Analyse, 0.3),
        stage(Stage::Gate, 0.01),
    ];
    stages[5].status = StageStatus::Degraded;
    Manifest {
        format_version: 1,
        run_id: "20251120T120000Z-3fa9c1".into(),
        kneepoint: "0.1.0".into(),
        started: "2025-11-20T12:00:00Z".into(),
        command: ["kneepoint", "run", "--topology", "nginx"].map(str::to_owned).into(),
        config: serde_json::json!({"load": {"users": 12, "rate": 40, "duration_s": 30}, "slo": ["p95 < 300ms", "error < 0.1%"]}),
        seed: 42,
        commit: Some("5f2c9b7d1e3a4c6d8f0a1b2c3d4e5f6a7b8c9d0e".into()),
        host: HostInfo {
            os: "Debian GNU/Linux 12".into(),
            kernel: "6.1.0-28-amd64".into(),
            cores: 4,
            cpu: "AMD EPYC 7B13".into(),
            memory_bytes: 8 << 30,
            swap_bytes: 0,
        },
        driver: "native".into(),
        topology: "nginx".into(),
        target: "http://127.0.0.1:18080/".into(),
        versions: [
            ("django", "5.2.8"),
            ("gunicorn", "23.0.0"),
            ("nginx", "1.22.1"),
            ("python", "3.11.2"),
            ("sqlite", "3.40.1"),
        ]
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .into(),
        stages,
        unmeasured: vec![
            Unmeasured {
                what: "profile of nginx".into(),
                why: "perf_event_paranoid is 3, so perf may not look at other processes".into(),
                fix: "sudo sysctl kernel.perf_event_paranoid=1".into(),
            },
            Unmeasured {
                what: "proportional memory (PSS)".into(),
                why: "smaps_rollup of supervisord's children is not readable".into(),
                fix: "run kneepoint as the user that runs the stack".into(),
            },
        ],
        complete: true,
        stopped_by: None,
    }
}

fn facts() -> RunFacts {
    let mut facts = RunFacts::new(manifest());
    facts.stack = Some(stack());
    facts.site = Some(site());
    facts.warm = Some(WarmResult {
        format_version: 1,
        pages: vec!["/".into(), "/catalogue/".into()],
        rounds: (0..4)
            .map(|n| WarmRound {
                requests: 40,
                errors: 0,
                p50_us: Micros(30_000 - n * 5_000),
                p95_us: Micros(90_000),
                hit_ratio: Some(Ratio(0.3)),
            })
            .collect(),
        flat: true,
        took_us: Micros(4_800_000),
    });
    facts.probe = Some(probe());
    facts.phases = PHASES.iter().map(|phase| load_phase(*phase)).collect();
    facts.access = [("open".to_owned(), access())].into();
    let counted: Vec<(&str, u64, u64, u64)> = facts
        .phases
        .iter()
        .zip(PHASES)
        .map(|(phase, (name, ..))| {
            (name, phase.measured_from_ms.get(), phase.measured_until_ms.get(), phase.requests)
        })
        .collect();
    facts.db = crate::counted::windows(&counted);
    facts.samples = samples();
    facts.profiles = Some(profiles());
    facts
}

fn stack() -> StackInfo {
    let tier = |tier, what: &str, port: u16, runtime, concurrency| TierInfo {
        tier,
        what: what.into(),
        roots: vec![4_000 + u32::from(port) % 100],
        runtime,
        url: url::Url::parse(&format!("http://127.0.0.1:{port}/")).ok(),
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
        base_url: url::Url::parse("http://127.0.0.1:18080/").expect("constant"),
        host_header: None,
        via: kneepoint_model::via::Via::default(),
        tiers: vec![
            tier(Tier::Proxy, "nginx 1.22.1", 18080, Runtime::Native, None),
            tier(
                Tier::Server,
                "gunicorn 23.0.0 (2 sync workers) under supervisor",
                18081,
                Runtime::Python,
                Some(2),
            ),
            tier(Tier::Engine, "bookstore engine 0.1.0", 18082, Runtime::FramePointers, None),
        ],
        toggles: [("BOOKSTORE_DEBUG", "0"), ("BOOKSTORE_SCALE", "M")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .into(),
        versions: BTreeMap::new(),
        statements: None,
        throw_away: true,
    }
}

fn site() -> SiteMap {
    let page = |path: &str, title: Option<&str>, kind, bytes: u64, problems: Vec<PageProblem>| Page {
        path: path.into(),
        kind,
        status: Some(200),
        title: title.map(str::to_owned),
        redirects: Vec::new(),
        linked_from: vec!["/".into()],
        links: vec!["/".into(), "/catalogue/".into()],
        assets: vec!["/static/site.css".into()],
        depth: 1,
        ttfb_us: Micros(9_000 + bytes / 4),
        total_us: Micros(9_800 + bytes / 3),
        wire_bytes: Bytes(bytes),
        body_bytes: Bytes(bytes * 4),
        content_type: Some("text/html".into()),
        encoding: problems.is_empty().then(|| "gzip".into()),
        cache_headers: BTreeMap::new(),
        route: None,
        has_post_form: false,
        verdict: if problems.is_empty() { PageVerdict::Passed } else { PageVerdict::Warned },
        problems,
    };
    let mut pages = vec![
        page("/", Some("Bookstore"), PageKind::Html, 5_210, Vec::new()),
        page("/catalogue/", Some("Catalogue"), PageKind::Html, 18_400, Vec::new()),
        page(
            "/api/books/",
            None,
            PageKind::Api,
            48_200,
            vec![PageProblem::NotCompressed { bytes: Bytes(48_200), gzip_bytes: Bytes(9_100) }],
        ),
        page("/static/site.css", None, PageKind::Asset, 3_100, vec![PageProblem::NoCacheHeaders]),
    ];
    pages.extend((1..=14).map(|n| {
        page(
            &format!("/books/{n}/"),
            Some(&format!("Book {n}: The Well-Kept Library")),
            PageKind::Html,
            6_000 + n * 37,
            Vec::new(),
        )
    }));
    SiteMap {
        format_version: 1,
        origin: "http://127.0.0.1:18080".into(),
        pages,
        left_alone: Vec::new(),
        left_alone_counts: [("logout-like".to_owned(), 1), ("other-origin".to_owned(), 3)].into(),
        external: BTreeMap::new(),
        robots: true,
        from_sitemap: 12,
        truncated: false,
        took_us: Micros(3_100_000),
    }
}

fn probe() -> ProbeResult {
    let route =
        |name: &str, path: &str, p50: u64, queries, slope, because: Vec<UncachedBecause>| RouteProbe {
            route: name.into(),
            path: path.into(),
            requests: 10,
            errors: 0,
            p50_us: Micros(p50),
            app_us: Some(Micros(p50 * 9 / 10)),
            cpu_us: Some(Micros(p50 * 7 / 10)),
            db_us: Some(Micros(p50 * 3 / 10)),
            queries: Some(queries),
            engine_us: (name == "search/").then_some(Micros(p50 / 2)),
            wire_bytes: Bytes(p50 / 3),
            body_bytes: Bytes(p50),
            compressed: name != "api/books/",
            gzip_bytes: (name == "api/books/").then_some(Bytes(9_100)),
            slope,
            cache: Some(CacheTest {
                same_body: !because.contains(&UncachedBecause::Personal),
                shared_token: false,
                second: if because.is_empty() { CacheOutcome::Hit } else { CacheOutcome::Miss },
                because,
            }),
        };
    let slope = |points: &[(u32, u32)], slope| SlopeTest {
        parameter: "page_size".into(),
        points: points.into(),
        slope,
        residual: 0.0,
        repeats: (slope > 0.5).then(|| (96, "3fa9c1".to_owned())),
    };
    ProbeResult {
        format_version: 1,
        routes: vec![
            route("catalogue/", "/catalogue/?page_size=24", 61_000, 27, Some(slope(&[(12, 15), (24, 27), (48, 51), (96, 99)], 1.0)), vec![UncachedBecause::SetCookie, UncachedBecause::VaryCookie]),
            route("search/", "/search/?q=library", 38_000, 3, None, vec![UncachedBecause::NoLifetime]),
            route("api/books/", "/api/books/?page_size=50", 33_000, 2, Some(slope(&[(25, 2), (50, 2), (100, 2)], 0.0)), vec![UncachedBecause::CacheControl]),
            route("books/<int:pk>/", "/books/7/", 17_000, 4, None, vec![]),
            route("cart/", "/cart/", 11_000, 3, None, vec![UncachedBecause::Personal]),
        ],
        statements: [(
            "3fa9c1".to_owned(),
            Statement {
                digest: "3fa9c1".into(),
                sql: "SELECT \"reviews_review\".\"id\", \"reviews_review\".\"stars\" FROM \"reviews_review\" WHERE \"reviews_review\".\"book_id\" = ?".into(),
                route: "catalogue/".into(),
                code: "books/templates/catalogue.html:31".into(),
            },
        )]
        .into(),
        seen_through: Some(Ratio(1.0)),
        took_us: Micros(6_200_000),
    }
}

fn access() -> AccessSummary {
    let route = |name: &str, n: u64, app: u64| ProxyRoute {
        route: name.into(),
        requests: n,
        statuses: [(200, n)].into(),
        cache: [(CacheOutcome::Hit, n / 5), (CacheOutcome::Miss, n - n / 5)].into(),
        bytes_sent: Bytes(n * 9_000),
        request_us: Micros(n * (app + 9_000)),
        upstream: n - n / 5,
        connect_us: Micros(n * 90),
        header_us: Micros((n - n / 5) * (app + 8_000)),
        response_us: Micros((n - n / 5) * (app + 8_400)),
        app_us: Micros((n - n / 5) * app),
        app_n: n - n / 5,
    };
    AccessSummary {
        format_version: 1,
        lines: 3_120,
        garbage: 0,
        new_connections: 40,
        routes: vec![
            route("catalogue/", 800, 61_000),
            route("search/", 420, 38_000),
            route("(static) /static/", 900, 0),
        ],
    }
}

fn load_phase((name, from, measured, until): (&str, u64, u64, u64)) -> LoadPhase {
    let open = name == "open";
    let ms = |s: u64| UnixMillis(ZERO + s * 1_000);
    let seconds: Vec<SecondStats> = (from..until)
        .map(|s| {
            let bump = if (24..=27).contains(&s) { 3.2 } else { 1.0 + noise(s) * 0.35 };
            let us = |ms: f64| Micros((ms * bump * 1_000.0) as u64);
            SecondStats {
                at_ms: ms(s),
                warmup: s < measured,
                requests: (if open { 118.0 } else { 141.0 } / bump.min(1.6) + noise(s * 7) * 14.0) as u64,
                errors: u64::from(s == 25) * 3,
                started: 120,
                in_flight: (7.0 * bump) as u64,
                p50_us: us(31.0),
                p95_us: us(118.0 + noise(s * 3) * 30.0),
                p99_us: us(190.0 + noise(s * 5) * 60.0),
                max_us: us(380.0),
            }
        })
        .collect();
    let requests: u64 = seconds.iter().filter(|s| !s.warmup).map(|s| s.requests).sum();
    let errors: u64 = seconds.iter().map(|s| s.errors).sum();
    let curve = (0..=63)
        .map(|n| {
            let nines = f64::from(n) / 18.0;
            let quantile = 1.0 - 10f64.powf(-nines);
            (
                quantile,
                Micros(
                    (9_000.0
                        * (1.0 + nines * 3.1 + nines.powi(4) * 0.32)
                        * if open { 1.0 } else { 1.0 + nines * 0.12 }) as u64,
                ),
            )
        })
        .collect();
    LoadPhase {
        format_version: 1,
        name: name.into(),
        load: if open { LoadModel::Open { rate: PerSecond(40.0) } } else { LoadModel::Closed { users: 12 } },
        scenarios: [("browse".to_owned(), 6), ("search".to_owned(), 3), ("checkout".to_owned(), 1)].into(),
        http: HttpVersion::default(),
        seed: 42,
        started_ms: ms(from),
        measured_from_ms: ms(measured),
        measured_until_ms: ms(until),
        offered_rps: open.then_some(PerSecond(120.0)),
        achieved_rps: PerSecond(requests as f64 / (until - measured) as f64),
        requests,
        errors,
        outcomes: [(Outcome::Ok, requests - errors), (Outcome::ServerError, errors)].into(),
        journeys: requests / 6,
        journeys_failed: errors,
        dry: Vec::new(),
        groups: Vec::new(),
        response_us: q(requests, 33.0, 141.0),
        service_us: q(requests, 31.0, 132.0),
        ttfb_us: q(requests, 27.0, 118.0),
        connect_us: q(12, 0.2, 0.4),
        tls_us: Quantiles::default(),
        sched_lag_us: if open { q(requests, 0.021, 0.098) } else { Quantiles::default() },
        pacing: None,
        pool_wait_us: if open { q(requests, 0.002, 0.01) } else { Quantiles::default() },
        curve,
        endpoints: vec![EndpointStats {
            name: "GET /catalogue/".into(),
            requests,
            errors,
            outcomes: [(Outcome::Ok, requests - errors), (Outcome::ServerError, errors)].into(),
            response_us: q(requests, 33.0, 141.0),
            service_us: q(requests, 31.0, 132.0),
            ttfb_us: q(requests, 27.0, 118.0),
            ..EndpointStats::default()
        }],
        seconds,
        stages: if open { stages(requests, errors) } else { Vec::new() },
        pages: if open { vec![page()] } else { Vec::new() },
        exemplars: vec![
            exemplar(ms(from + 12), "GET /catalogue/", "/catalogue/?page=3", Outcome::Ok, 481_000),
            exemplar(ms(from + 19), "POST /checkout/", "/checkout/", Outcome::ServerError, 34_000),
        ],
        log: format!("load/{name}.hlog"),
        generator: GeneratorHealth {
            cpu_us: Micros(2_100_000),
            busiest_thread: Ratio(0.071),
            run_queue_us: Micros(12_000),
            requests_per_cpu_second: PerSecond(1_920.0),
        },
        validity: Validity { valid: true, ..Validity::default() },
        partial: false,
        stopped_by: None,
    }
}

/// A ramp and a plateau; the errors came at its end.
fn page() -> PageStats {
    let counts = PageCounts {
        pages: 240,
        whole: 236,
        incomplete: 3,
        failed: 1,
        from_network: 960,
        not_modified: 120,
        assets_failed: 4,
        from_cache: 2_640,
        left_out: 480,
        ..PageCounts::default()
    };
    PageStats { name: "GET /catalogue/".into(), counts, page_us: q(240, 52.0, 214.0) }
}

fn stages(requests: u64, errors: u64) -> Vec<StageStats> {
    let early = requests / 3;
    let stage = |text: &str, offered: f64, requests, errors, p95| StageStats {
        stage: text.parse().expect("a stage"),
        offered_rps: PerSecond(offered),
        requests,
        errors,
        response_us: q(requests, 31.0, p95),
        service_us: q(requests, 30.0, p95 - 9.0),
    };
    vec![
        stage("ramp 0/s to 40/s over 10s", 60.0, early, 0, 96.0),
        stage("hold 40/s for 10s", 120.0, requests - early, errors, 152.0),
    ]
}

fn exemplar(at_ms: UnixMillis, endpoint: &str, path: &str, outcome: Outcome, us: u64) -> Exemplar {
    Exemplar {
        at_ms,
        endpoint: endpoint.into(),
        path: path.into(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        outcome,
        status: Some(if outcome.is_ok() { 200 } else { 500 }),
        response_us: Micros(us),
        service_us: Micros(us - 1_000),
        ttfb_us: Some(Micros(us - 4_000)),
        detail: "app 440 ms, db 61.0 ms in 99 statements".into(),
        headers: [("cache-status", "nginx; fwd=uri-miss"), ("server", "nginx")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}

fn samples() -> Vec<ResourceSample> {
    const TICK_MS: u64 = 400;
    (1..=257)
        .map(|n| {
            let at = n * TICK_MS;
            let second = at / 1_000;
            let loaded = PHASES.iter().any(|&(_, from, _, until)| (from..until).contains(&second));
            let cpu =
                |cores: f64| Micros((cores * TICK_MS as f64 * 1_000.0 * (0.88 + 0.2 * noise(n * 3))) as u64);
            let busy = if loaded { 1.0 } else { 0.03 };
            let tier = |tier, cores: f64, rss: u64, wait: f64| TierSample {
                tier,
                processes: 3,
                threads: 5,
                cpu_us: cpu(cores * busy),
                run_queue_us: cpu(wait * busy),
                rss: Bytes((rss << 20) + n * 24_000),
                pss: None,
                swap: Bytes(0),
                minor_faults: 10,
                major_faults: 0,
                voluntary_switches: 100,
                involuntary_switches: 12,
                fds: 40,
                sockets: 18,
                read: Bytes(0),
                write: Bytes(4_096),
                started: 0,
            };
            let (databases, caches) =
                if n % 3 == 0 { crate::counted::gauges(busy, noise(n * 5)) } else { Default::default() };
            ResourceSample {
                at_ms: UnixMillis(ZERO + at),
                tick_us: Micros(TICK_MS * 1_000),
                host: HostSample {
                    cores: 4,
                    busy_us: cpu(2.6 * busy),
                    steal_us: cpu(0.02),
                    iowait_us: cpu(0.05 * busy),
                    foreign_us: cpu(if second == 30 { 0.7 } else { 0.04 }),
                    runnable: 3,
                    mem_available: Bytes((5_200 << 20) - n * 900_000),
                    swap_in: Bytes(0),
                    swap_out: Bytes(0),
                    disk_read: Bytes((noise(n) * 90_000.0) as u64),
                    disk_write: Bytes((noise(n * 11) * 600_000.0 * busy) as u64),
                    net_rx: Bytes((900_000.0 * busy * (0.8 + 0.3 * noise(n))) as u64),
                    net_tx: Bytes((900_000.0 * busy * (0.8 + 0.3 * noise(n + 5))) as u64),
                    psi_cpu_us: Some(cpu(0.22 * busy)),
                    psi_memory_us: Some(Micros(0)),
                    psi_io_us: Some(cpu(0.03 * busy)),
                    listen_drops: 0,
                    retransmits: 0,
                    time_wait: 12,
                },
                tiers: vec![
                    tier(Tier::Proxy, 0.09, 24, 0.004),
                    tier(Tier::Server, 1.86, 214, 0.38),
                    tier(Tier::Engine, 0.34, 88, 0.03),
                    tier(Tier::Db, 0.52, 412, 0.07),
                    tier(Tier::Cache, 0.06, 17, 0.002),
                    tier(Tier::Queue, 0.11, 96, 0.01),
                    tier(Tier::Objects, 0.03, 33, 0.001),
                    tier(Tier::Generator, 0.12, 41, 0.01),
                ],
                nginx: None,
                databases,
                caches,
            }
        })
        .collect()
}

fn profiles() -> ProfilesIndex {
    let entry = |tier, source, file: &str, samples, expected: u64, top: &[(&str, f64)]| ProfileEntry {
        tier,
        source,
        view: ProfileView::Running,
        unit: ProfileUnit::Samples,
        file: file.into(),
        facts: ProfileFacts {
            hz: 20,
            duration_ms: 20_000,
            processes: 2,
            samples,
            expected_samples: Some(expected),
            errors: 3,
            true_cpu_ns: expected * 50_000_000,
            run_queue_ns: expected * 6_000_000,
            notes: Vec::new(),
        },
        top_self: top.iter().map(|(frame, share)| ((*frame).to_owned(), Ratio(*share))).collect(),
    };
    ProfilesIndex {
        format_version: 1,
        profiles: vec![
            entry(
                Tier::Server,
                ProfileSource::PySpy,
                "server-running",
                716,
                742,
                &[
                    ("execute (django/db/backends/sqlite3/base.py)", 0.212),
                    ("resolve (django/template/base.py)", 0.137),
                    ("__init__ (django/db/models/base.py)", 0.094),
                ],
            ),
            entry(
                Tier::Engine,
                ProfileSource::PprofHttp,
                "engine-running",
                91,
                136,
                &[("tantivy::query::BlockWand::search", 0.51)],
            ),
        ],
        profiled_over_unprofiled: Some(Ratio(0.984)),
    }
}

fn flame(tier: Tier, salt: u64) -> Flame {
    let functions = [
        "wsgi_app",
        "get_response",
        "dispatch",
        "render",
        "resolve",
        "execute",
        "fetchall",
        "search",
        "score",
    ];
    let lines: Vec<String> = (0..60u64)
        .map(|n| {
            let depth = 2 + (noise(n * 17 + salt) * 7.0) as usize;
            let stack: Vec<String> = (0..depth)
                .map(|d| {
                    format!(
                        "{} (app/{tier}.py)",
                        functions[(d + (n as usize / 9) * usize::from(d > 2)) % functions.len()]
                    )
                })
                .collect();
            format!("{};{} {}", tier, stack.join(";"), 1 + (noise(n + salt) * 30.0) as u64)
        })
        .collect();
    let mut options = inferno::flamegraph::Options::default();
    options.title = format!("{tier}, on the CPU");
    options.hash = true;
    let mut svg = Vec::new();
    inferno::flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg).expect("draw");
    Flame {
        tier,
        view: ProfileView::Running,
        title: format!("{tier}, on the CPU"),
        svg: String::from_utf8(svg).expect("UTF-8"),
    }
}

/// Endpoints: name, route, share of requests, p50 and p95 in ms, queries, bytes, cache hit.
type Endpoint = (&'static str, &'static str, f64, f64, f64, f64, u64, Option<f64>);
const ENDPOINTS: [Endpoint; 11] = [
    ("GET /", "", 0.16, 14.0, 41.0, 2.0, 5_210, Some(0.82)),
    ("GET /catalogue/", "catalogue/", 0.22, 78.0, 212.0, 27.0, 18_400, Some(0.0)),
    ("GET /books/<id>/", "books/<int:pk>/", 0.18, 22.0, 64.0, 4.0, 6_100, Some(0.41)),
    ("GET /search/", "search/", 0.12, 46.0, 138.0, 3.0, 9_700, Some(0.0)),
    ("GET /api/books/", "api/books/", 0.07, 39.0, 121.0, 2.0, 48_200, None),
    ("GET /api/books/<id>/", "api/books/<int:pk>/", 0.07, 12.0, 38.0, 1.0, 840, None),
    ("POST /login/", "accounts/login/", 0.02, 184.0, 310.0, 5.0, 320, None),
    ("POST /cart/add/", "cart/add/", 0.05, 19.0, 58.0, 6.0, 290, None),
    ("GET /cart/", "cart/", 0.04, 17.0, 52.0, 3.0, 4_700, None),
    ("POST /checkout/", "orders/checkout/", 0.02, 36.0, 119.0, 14.0, 410, None),
    ("GET /static/site.css", "", 0.05, 0.6, 1.4, 0.0, 3_100, None),
];

fn endpoint(
    phase: &LoadPhase,
    (name, route, share, p50, p95, queries, bytes, hit): Endpoint,
) -> EndpointSummary {
    let requests = (phase.requests as f64 * share) as u64;
    let total = p50 * 1_150.0;
    let us = |part: f64| Micros((total * part) as u64);
    let engine = if route == "search/" { 0.45 } else { 0.0 };
    let queue = if phase.name == "closed" { 0.24 } else { 0.11 };
    let db = if queries > 20.0 { 0.34 } else { 0.12 };
    let split = TimeSplit {
        n: requests,
        total_us: us(1.0),
        network_proxy_us: us(0.04),
        queue_us: Some(us(queue)),
        app_us: us(1.0 - 0.04 - queue - db - engine - 0.01),
        db_us: us(db),
        db_own_timer: false,
        cache_us: us(0.01),
        engine_us: us(engine),
    };
    EndpointSummary {
        phase: phase.name.clone(),
        name: name.into(),
        route: (!route.is_empty()).then(|| route.to_owned()),
        requests,
        errors: if name == "POST /checkout/" { phase.errors } else { 0 },
        rps: PerSecond(phase.achieved_rps.0 * share),
        response_us: q(requests, p50 * 1.05, p95 * 1.06),
        service_us: q(requests, p50, p95),
        ttfb_us: q(requests, p50 * 0.9, p95 * 0.9),
        bytes_per_request: Bytes(bytes),
        redirects_per_request: None,
        queries_per_request: (queries > 0.0).then_some(queries),
        cache_hit: hit.map(Ratio),
        split: (queries > 0.0).then_some(split),
    }
}

fn load_summary(phase: &LoadPhase) -> LoadSummary {
    LoadSummary {
        phase: phase.name.clone(),
        model: phase.load.name().into(),
        scenario: phase.scenarios.clone(),
        offered_rps: phase.offered_rps,
        achieved_rps: phase.achieved_rps,
        requests: phase.requests,
        errors: phase.errors,
        response_us: phase.response_us,
        service_us: phase.service_us,
        ttfb_us: phase.ttfb_us,
        sched_lag_us: phase.sched_lag_us,
        valid: phase.validity.valid,
        why: phase.validity.why.clone(),
    }
}

fn tier_summary(phase: &LoadPhase, name: Tier, cores: f64, rss: u64) -> TierSummary {
    TierSummary {
        phase: phase.name.clone(),
        name,
        cpu_us_per_request: Some(cores * 1e6 / phase.achieved_rps.0),
        cpu_cores: cores,
        run_queue_share: Some(Ratio(0.01 + cores / 11.0)),
        rss_max_bytes: Bytes(rss << 20),
        swap_max_bytes: Bytes(0),
        fds_max: 64,
        respawned: u32::from(name == Tier::Server && phase.name == "closed"),
    }
}

fn conditions(phase: &LoadPhase) -> PhaseConditions {
    PhaseConditions {
        phase: phase.name.clone(),
        validity: Validity {
            valid: true,
            why: Vec::new(),
            notes: if phase.name == "closed" {
                vec!["Others used 0.70 cores for one second (at 30 s).".into()]
            } else {
                Vec::new()
            },
            ..Validity::default()
        },
        disturbance: if phase.name == "closed" { Disturbance::Noted } else { Disturbance::Quiet },
        host: Some(HostUse {
            samples: 75,
            covered_s: 30.0,
            cores: 4,
            busy: Ratio(0.65),
            foreign_cores: 0.04,
            foreign: Ratio(0.01),
            steal: Ratio(0.005),
            iowait: Ratio(0.012),
            runnable: 3.0,
            mem_available_min: Bytes(5_000 << 20),
            psi_cpu: Some(Ratio(0.22)),
            psi_memory: Some(Ratio(0.0)),
            psi_io: None,
            ..HostUse::default()
        }),
    }
}

/// Sorted by saving, as the analysis does.
fn findings() -> Vec<Finding> {
    let mut findings = unsorted_findings();
    findings.sort_by(|a, b| {
        let saving = |f: &Finding| f.saving.as_ref().map_or(0.0, Saving::ms_per_second);
        saving(b).total_cmp(&saving(a))
    });
    findings
}

fn unsorted_findings() -> Vec<Finding> {
    let evidence = |text: &str, source: &str| Evidence { text: text.into(), source: source.into() };
    vec![
        Finding {
            id: finding_id(Rule::NPlusOne, Tier::Server, Some("catalogue/")),
            rule: Rule::NPlusOne,
            severity: Severity::Proven,
            tier: Tier::Server,
            route: Some("catalogue/".into()),
            title: "The catalogue asks the database once for each book it lists".into(),
            evidence: vec![
                evidence("12, 24, 48 and 96 rows take 15, 27, 51 and 99 statements: one statement a row (slope 1.00, residual 0).", "probe.json"),
                evidence("The repeated statement is SELECT … FROM reviews_review WHERE book_id = ? at books/templates/catalogue.html:31.", "probe.json"),
                evidence("Under load the page makes 27 statements and spends 30.5 ms of 89.7 ms in the database.", "load/closed.json"),
            ],
            saving: Some(Saving { ms_per_request: 26.0, requests_per_second: 25.3, basis: "Time of 24 of 27 statements, as measured alone.".into() }),
            fix: "Fetch the reviews with the books: Book.objects.prefetch_related(\"reviews\") in books/views.py.".into(),
            reproduce: "curl -s -D- 'http://127.0.0.1:18080/catalogue/?page_size=48' -o /dev/null | grep -i server-timing".into(),
        },
        Finding {
            id: finding_id(Rule::WorkerStarvation, Tier::Server, None),
            rule: Rule::WorkerStarvation,
            severity: Severity::Likely,
            tier: Tier::Server,
            route: None,
            title: "Requests wait for a free gunicorn worker".into(),
            evidence: vec![
                evidence("24 % of the service time in closed is spent before the application starts.", "samples/access-closed.json"),
                evidence("Both workers are busy 93 % of the time while 1.4 of 4 cores are idle.", "samples/resources.jsonl"),
            ],
            saving: Some(Saving { ms_per_request: 9.4, requests_per_second: 115.0, basis: "Queueing time of the closed phase.".into() }),
            fix: "Raise workers from 2 to 4 in gunicorn.conf.py (one a core), then measure again.".into(),
            reproduce: "kneepoint run --topology nginx --only load".into(),
        },
        Finding {
            id: finding_id(Rule::Uncompressed, Tier::Proxy, Some("api/books/")),
            rule: Rule::Uncompressed,
            severity: Severity::Hint,
            tier: Tier::Proxy,
            route: Some("api/books/".into()),
            title: "JSON travels uncompressed: 47.1 KiB where 8.9 KiB would do".into(),
            evidence: vec![evidence("The answer carries no Content-Encoding although gzip was offered.", "site.json")],
            saving: None,
            fix: "gzip_types application/json; in nginx.conf".into(),
            reproduce: "curl -sI -H 'Accept-Encoding: gzip' http://127.0.0.1:18080/api/books/".into(),
        },
        Finding {
            id: finding_id(Rule::CacheMiss, Tier::Proxy, Some("catalogue/")),
            rule: Rule::CacheMiss,
            severity: Severity::Proven,
            tier: Tier::Proxy,
            route: Some("catalogue/".into()),
            title: "The catalogue is the same for every visitor, but a cookie keeps it out of the cache".into(),
            evidence: vec![evidence("Two fresh visitors got byte-identical pages; Set-Cookie: csrftoken and Vary: Cookie stand in the way.", "probe.json")],
            saving: Some(Saving { ms_per_request: 70.0, requests_per_second: 5.0, basis: "Half of the visits within one minute of another.".into() }),
            fix: "Do not touch the CSRF token on pages without a form.".into(),
            reproduce: "curl -sI http://127.0.0.1:18080/catalogue/".into(),
        },
    ]
}

fn analysis(facts: &RunFacts) -> Analysis {
    let tiers = [
        (Tier::Proxy, 0.09, 26),
        (Tier::Server, 1.86, 221),
        (Tier::Engine, 0.34, 95),
        (Tier::Db, 0.52, 412),
        (Tier::Cache, 0.06, 17),
        (Tier::Queue, 0.11, 96),
        (Tier::Objects, 0.03, 33),
        (Tier::Generator, 0.12, 44),
    ];
    Analysis {
        format_version: 1,
        validity: Validity { valid: true, ..Validity::default() },
        conditions: facts.phases.iter().map(conditions).collect(),
        smoke: SmokeSummary { pages: 18, broken: 0, warned: 2 },
        load: facts.phases.iter().map(load_summary).collect(),
        endpoints: facts.phases.iter().flat_map(|phase| ENDPOINTS.map(|one| endpoint(phase, one))).collect(),
        tiers: facts
            .phases
            .iter()
            .flat_map(|phase| tiers.map(|(tier, cores, rss)| tier_summary(phase, tier, cores, rss)))
            .collect(),
        cache: CacheSummary {
            proxy: [(CacheOutcome::Hit, 1_420), (CacheOutcome::Miss, 3_980), (CacheOutcome::Bypass, 310)]
                .into(),
            proxy_hit: Some(Ratio(0.263)),
            app_hits: 0,
            app_misses: 0,
            app_hit: None,
        },
        db: DbSummary {
            queries_per_request: Some(8.9),
            app_db_us_per_request: Some(9_240.0),
            own_db_us_per_request: Some(5_110.0),
            row_lock_waits_per_request: Some(0.09),
            deadlocks: Some(6),
            source: "server-timing, performance_schema".into(),
        },
        profiles: vec![ProfileSummary {
            tier: Tier::Server,
            source: ProfileSource::PySpy,
            samples: 716,
            expected_samples: Some(742),
            file: "profiles/server-running.folded".into(),
        }],
        findings: findings(),
        rules: [Rule::NPlusOne, Rule::CacheMiss, Rule::WorkerStarvation, Rule::Uncompressed, Rule::Errors]
            .map(|rule| RuleReport { rule, findings: 1, not_evaluated: None, not_applicable: false })
            .into_iter()
            .chain([RuleReport {
                rule: Rule::CpuStarvation,
                findings: 0,
                not_applicable: false,
                not_evaluated: Some(
                    "the database has no timer of its own (SQLite), so the application's cannot be checked"
                        .into(),
                ),
            }])
            .collect(),
    }
}

fn summary(facts: &RunFacts, analysis: &Analysis) -> Summary {
    let assertion =
        |text: &str, endpoint: Option<&str>, actual: Option<&str>, samples, result, why: Option<&str>| {
            AssertionSummary {
                assertion: text.into(),
                endpoint: endpoint.map(str::to_owned),
                phase: "open".into(),
                actual: actual.map(str::to_owned),
                samples,
                result,
                why: why.map(str::to_owned),
            }
        };
    Summary {
        schema_version: 1,
        run_id: facts.manifest.run_id.clone(),
        started: facts.manifest.started.clone(),
        kneepoint: facts.manifest.kneepoint.clone(),
        verdict: Verdict::new(
            VerdictStatus::Fail,
            vec![
                "GET /catalogue/ answers in 225 ms at p95, the limit is 200 ms.".into(),
                "POST /checkout/ failed 3 times; errors must stay below 0.1 %.".into(),
            ],
        ),
        topology: facts.manifest.topology.clone(),
        target: facts.manifest.target.clone(),
        stages: facts.manifest.stages.clone(),
        smoke: analysis.smoke,
        load: analysis.load.clone(),
        endpoints: analysis.endpoints.clone(),
        tiers: analysis.tiers.clone(),
        cache: analysis.cache.clone(),
        db: analysis.db.clone(),
        profiles: analysis.profiles.clone(),
        findings: analysis.findings.clone(),
        assertions: vec![
            assertion("p95 < 300ms", None, Some("141 ms"), 2_950, AssertionResult::Pass, None),
            assertion(
                "p95 < 200ms",
                Some("GET /catalogue/"),
                Some("225 ms"),
                649,
                AssertionResult::Fail,
                Some("225 ms is above the limit of 200 ms."),
            ),
            assertion("error < 0.1%", None, Some("0.02 %"), 2_950, AssertionResult::Pass, None),
            assertion(
                "p999 < 2s",
                Some("POST /checkout/"),
                None,
                59,
                AssertionResult::Inconclusive,
                Some("p999 needs 1,000 values; there are 59."),
            ),
        ],
        unmeasured: facts.manifest.unmeasured.clone(),
    }
}
