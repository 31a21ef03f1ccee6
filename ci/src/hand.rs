//! Hand-made runs for unit tests: closed 1000 requests (100/s for 10 s), open 600 (60/s), two cores, everything quiet.

use std::collections::BTreeMap;

use kneepoint_analysis::RunFacts;
use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{
    EndpointStats, GeneratorHealth, HttpVersion, LoadModel, LoadPhase, ServerTimingSums, Validity,
};
use kneepoint_model::manifest::{HostInfo, Manifest, StageRecord};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::sample::{HostSample, ResourceSample, TierSample};
use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict, SiteMap};
use kneepoint_model::stack::{Driver, StackInfo};
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond, UnixMillis};

use crate::plan::SloPlan;

const START: u64 = 1_750_000_000_000;

/// A plan made of texts.
pub(crate) fn plan(global: &[&str], endpoints: &[(&str, &[&str])]) -> SloPlan {
    let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let endpoints: BTreeMap<String, Vec<String>> =
        endpoints.iter().map(|(name, texts)| ((*name).to_owned(), strings(texts))).collect();
    SloPlan::parse(&strings(global), &endpoints, None, None).expect("valid")
}

/// A run in which nothing is wrong.
pub(crate) fn run() -> RunFacts {
    let done = |name| StageRecord { name, status: StageStatus::Done, seconds: 1.0 };
    let mut facts = RunFacts::new(Manifest {
        format_version: 1,
        run_id: "20250101T000000Z-abcd".into(),
        kneepoint: "0.1.0".into(),
        started: "2025-01-01T00:00:00Z".into(),
        command: Vec::new(),
        config: serde_json::Value::Null,
        seed: 1,
        commit: None,
        host: HostInfo { cores: 2, ..HostInfo::default() },
        driver: "native".into(),
        topology: "nginx".into(),
        target: "http://127.0.0.1:18080/".into(),
        versions: BTreeMap::new(),
        stages: [Stage::Up, Stage::Smoke, Stage::Load, Stage::Down].map(done).to_vec(),
        unmeasured: Vec::new(),
        complete: false,
        stopped_by: None,
    });
    facts.stack = Some(StackInfo {
        format_version: 1,
        driver: Driver::Native,
        topology: "nginx".into(),
        base_url: "http://127.0.0.1:18080/".parse().expect("a URL"),
        host_header: None,
        via: kneepoint_model::via::Via::default(),
        tiers: Vec::new(),
        toggles: BTreeMap::new(),
        versions: BTreeMap::new(),
        statements: None,
        throw_away: true,
    });
    facts.phases = vec![
        phase("closed", START, LoadModel::Closed { users: 2 }, 1_000),
        phase("open", START + 20_000, LoadModel::Open { rate: PerSecond(60.0) }, 600),
    ];
    facts.samples = (0..160).map(|tick| sample(START + tick * 250)).collect();
    facts
}

/// A run whose site is out to break the report.
pub(crate) fn hostile() -> RunFacts {
    let mut facts = run();
    facts.phases[1].endpoints[0].name = "GET /<x>&\"'/".into();
    facts.site = Some(SiteMap {
        pages: vec![
            page("/", "Bücher", PageVerdict::Passed, Vec::new()),
            page(
                "/a,b:c%0A\n::error title=x::y]]>",
                "</testcase><script>\u{1b}[31m\u{0}",
                PageVerdict::Failed,
                vec![PageProblem::ServerError { status: 500 }],
            ),
            page(
                "/slow/",
                "",
                PageVerdict::Warned,
                vec![PageProblem::Marker { seen: "{{ x }}\r\n<b>".into() }],
            ),
        ],
        ..SiteMap::default()
    });
    facts
}

/// A finding.
pub(crate) fn finding(severity: Severity) -> Finding {
    let route = format!("catalogue/{severity:?}");
    Finding {
        id: finding_id(Rule::NPlusOne, Tier::Server, Some(&route)),
        rule: Rule::NPlusOne,
        severity,
        tier: Tier::Server,
        title: format!("N+1 queries on {route}: 1 statement, 100 % of rows"),
        route: Some(route),
        evidence: vec![Evidence { text: "12 rows → 14 statements".into(), source: "probe.json".into() }],
        saving: None,
        fix: "use `.select_related(\"author\")`".into(),
        reproduce: "curl -s 'http://127.0.0.1/'".into(),
    }
}

fn page(path: &str, title: &str, verdict: PageVerdict, problems: Vec<PageProblem>) -> CrawledPage {
    CrawledPage {
        path: path.into(),
        kind: PageKind::Html,
        status: Some(200),
        title: Some(title.into()),
        redirects: Vec::new(),
        linked_from: vec!["/".into()],
        links: Vec::new(),
        assets: Vec::new(),
        depth: 0,
        ttfb_us: Micros(9_000),
        total_us: Micros(9_500),
        wire_bytes: Bytes(4_000),
        body_bytes: Bytes(16_000),
        content_type: None,
        encoding: None,
        cache_headers: BTreeMap::new(),
        route: None,
        has_post_form: false,
        verdict,
        problems,
    }
}

fn quantiles(count: u64) -> Quantiles {
    let [mean, p50, p90, p95, p99, p999, max] =
        [11_000, 10_000, 20_000, 25_000, 40_000, 50_000, 60_000].map(Micros);
    Quantiles { count, mean, p50, p90, p95, p99, p999, max }
}

fn phase(name: &str, at: u64, load: LoadModel, requests: u64) -> LoadPhase {
    let endpoint = EndpointStats {
        name: "GET /catalogue/".into(),
        requests,
        outcomes: BTreeMap::from([(Outcome::Ok, requests)]),
        response_us: quantiles(requests),
        service_us: quantiles(requests),
        ttfb_us: quantiles(requests),
        wire_bytes: Bytes(4_000 * requests),
        split: ServerTimingSums {
            n: requests,
            service_us: Micros(11_000 * requests),
            ttfb_us: Micros(10_000 * requests),
            app_us: Micros(9_000 * requests),
            db_us: Micros(2_000 * requests),
            queries: 5 * requests,
            ..ServerTimingSums::default()
        },
        routes: BTreeMap::from([("catalogue/".into(), requests)]),
        ..EndpointStats::default()
    };
    LoadPhase {
        format_version: 1,
        name: name.into(),
        load,
        scenarios: BTreeMap::new(),
        http: HttpVersion::default(),
        seed: 1,
        started_ms: UnixMillis(at),
        measured_from_ms: UnixMillis(at + 5_000),
        measured_until_ms: UnixMillis(at + 15_000),
        offered_rps: None,
        achieved_rps: PerSecond(requests as f64 / 10.0),
        requests,
        errors: 0,
        outcomes: BTreeMap::from([(Outcome::Ok, requests)]),
        journeys: 0,
        journeys_failed: 0,
        exhausted_feeds: Vec::new(),
        groups: Vec::new(),
        response_us: quantiles(requests),
        service_us: quantiles(requests),
        ttfb_us: quantiles(requests),
        connect_us: Quantiles::default(),
        tls_us: Quantiles::default(),
        sched_lag_us: Quantiles::default(),
        pacing: None,
        pool_wait_us: Quantiles::default(),
        curve: Vec::new(),
        endpoints: vec![endpoint],
        seconds: Vec::new(),
        segments: Vec::new(),
        pages: Vec::new(),
        exemplars: Vec::new(),
        log: String::new(),
        generator: GeneratorHealth::default(),
        validity: Validity { valid: true, ..Validity::default() },
        partial: false,
        stopped_by: None,
    }
}

fn sample(at: u64) -> ResourceSample {
    let server = TierSample {
        tier: Tier::Server,
        processes: 3,
        threads: 3,
        cpu_us: Micros(200_000),
        run_queue_us: Micros(10_000),
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
        host: HostSample { cores: 2, busy_us: Micros(260_000), ..HostSample::default() },
        tiers: vec![server],
        nginx: None,
        databases: Vec::new(),
        caches: Vec::new(),
    }
}
