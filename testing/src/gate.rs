//! Runs for tests of assertions and CI reports: closed 1000 requests (100/s for 10 s), open 600 (60/s), two quiet cores.

use std::collections::BTreeMap;

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{EndpointStats, LoadModel, LoadPhase, ServerTimingSums};
use kneepoint_model::manifest::{HostInfo, StageRecord};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::sample::{ResourceSample, TierSample};
use kneepoint_model::site::{CrawledPage, PageProblem, PageVerdict, SiteMap};
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond};

use crate::{RunParts, builders};

const START: u64 = 1_750_000_000_000;

/// A run without faults.
pub fn run() -> RunParts {
    let mut parts = RunParts::new(builders::manifest());
    parts.manifest.command.clear();
    parts.manifest.host = HostInfo { cores: 2, ..HostInfo::default() };
    parts.manifest.stages = [Stage::Up, Stage::Smoke, Stage::Load, Stage::Down]
        .map(|name| StageRecord { name, status: StageStatus::Done, seconds: 1.0 })
        .to_vec();
    parts.stack = Some(builders::stack_info(Vec::new()));
    parts.phases = vec![
        phase("closed", START, LoadModel::Closed { users: 2 }, 1_000),
        phase("open", START + 20_000, LoadModel::Open { rate: PerSecond(60.0) }, 600),
    ];
    parts.samples = (0..160).map(|tick| sample(START + tick * 250)).collect();
    parts
}

/// A run whose site sends names and texts that try to break a report.
pub fn hostile() -> RunParts {
    let mut parts = run();
    parts.phases[1].endpoints[0].name = "GET /<x>&\"'/".into();
    parts.site = Some(SiteMap {
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
    parts
}

/// An N+1 finding of this severity.
pub fn finding(severity: Severity) -> Finding {
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
    CrawledPage { linked_from: vec!["/".into()], verdict, problems, ..builders::page(path, title) }
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
        response_us: quantiles(requests),
        service_us: quantiles(requests),
        ttfb_us: quantiles(requests),
        endpoints: vec![endpoint],
        ..builders::load_phase(name, at, load, requests)
    }
}

fn sample(at: u64) -> ResourceSample {
    let server = TierSample {
        cpu_us: Micros(200_000),
        run_queue_us: Micros(10_000),
        ..builders::idle_tier(Tier::Server)
    };
    builders::sample(at, vec![server])
}
