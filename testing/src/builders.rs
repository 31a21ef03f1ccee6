//! Constructors with neutral values: a fixture states only what it is about, with `..builder(…)` for the rest.

use std::collections::BTreeMap;

use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{GeneratorHealth, HttpVersion, LoadModel, LoadPhase, Validity};
use kneepoint_model::manifest::{HostInfo, Manifest};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::sample::{HostSample, ResourceSample, TierSample};
use kneepoint_model::site::{CrawledPage, PageKind, PageVerdict};
use kneepoint_model::stack::{Driver, Runtime, StackInfo, TierInfo};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond, UnixMillis};

/// The manifest of a native run on two cores that has not finished a stage.
pub fn manifest() -> Manifest {
    Manifest {
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
    }
}

/// A native tier of one process without addresses and logs; `what` is its description.
pub fn tier_info(tier: Tier, what: &str) -> TierInfo {
    TierInfo {
        tier,
        what: what.into(),
        roots: vec![1],
        runtime: Runtime::Native,
        url: None,
        concurrency: None,
        status_url: None,
        pprof_url: None,
        access_log: None,
        logs: Vec::new(),
        instruments: Vec::new(),
        containers: Vec::new(),
    }
}

/// A native stack behind nginx with the given tiers.
pub fn stack_info(tiers: Vec<TierInfo>) -> StackInfo {
    StackInfo {
        format_version: 1,
        driver: Driver::Native,
        topology: "nginx".into(),
        base_url: url::Url::parse("http://127.0.0.1:18080/").expect("a constant URL"),
        host_header: None,
        via: kneepoint_model::via::Via::default(),
        tiers,
        toggles: BTreeMap::new(),
        versions: BTreeMap::new(),
        statements: None,
        throw_away: true,
    }
}

/// An HTML page without links and problems.
pub fn page(path: &str, title: &str) -> CrawledPage {
    CrawledPage {
        path: path.into(),
        kind: PageKind::Html,
        status: Some(200),
        title: Some(title.into()),
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
        has_post_form: false,
        verdict: PageVerdict::Passed,
        problems: Vec::new(),
    }
}

/// A valid phase of 5 s warm-up and 10 s of measured time from `at`, all requests of it successful, without latencies.
pub fn load_phase(name: &str, at: u64, load: LoadModel, requests: u64) -> LoadPhase {
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
        response_us: Quantiles::default(),
        service_us: Quantiles::default(),
        ttfb_us: Quantiles::default(),
        connect_us: Quantiles::default(),
        tls_us: Quantiles::default(),
        sched_lag_us: Quantiles::default(),
        pacing: None,
        pool_wait_us: Quantiles::default(),
        curve: Vec::new(),
        endpoints: Vec::new(),
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

/// A tier of three processes of one thread each that used no CPU in the tick.
pub fn idle_tier(tier: Tier) -> TierSample {
    TierSample {
        tier,
        processes: 3,
        threads: 3,
        cpu_us: Micros::ZERO,
        run_queue_us: Micros::ZERO,
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
    }
}

/// A sample of 250 ms on two cores that are half busy.
pub fn sample(at: u64, tiers: Vec<TierSample>) -> ResourceSample {
    ResourceSample {
        at_ms: UnixMillis(at),
        tick_us: Micros(250_000),
        host: HostSample { cores: 2, busy_us: Micros(260_000), ..HostSample::default() },
        tiers,
        nginx: None,
        databases: Vec::new(),
        caches: Vec::new(),
    }
}
