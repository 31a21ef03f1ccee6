//! The report fixture: the run of `kneepoint_testing::report` with its analysis, summary and flame graphs, whose types belong
//! to other crates. Over 400 lines, because one run needs all its parts at once.

use kneepoint_analysis::{Analysis, Disturbance, HostUse, PhaseConditions, RuleReport, RunFacts};
use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::finding::{Evidence, Finding, Rule, Saving, Severity, finding_id};
use kneepoint_model::load::{LoadPhase, Validity};
use kneepoint_model::manifest::HostInfo;
use kneepoint_model::profile::{ProfileSource, ProfileView};
use kneepoint_model::summary::{
    AssertionResult, AssertionSummary, CacheSummary, DbSummary, EndpointSummary, LoadSummary, ProfileSummary,
    SmokeSummary, Summary, TierSummary, TimeSplit,
};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};
use kneepoint_model::verdict::{Verdict, VerdictStatus};
use kneepoint_reports::Flame;
use kneepoint_testing::report::{manifest, noise, quantiles};
use kneepoint_testing::{report, run_facts};

/// Everything that `ReportView::build` is given.
pub(crate) struct Run {
    pub(crate) facts: RunFacts,
    pub(crate) analysis: Analysis,
    pub(crate) summary: Summary,
    pub(crate) flames: Vec<Flame>,
}

fn facts() -> RunFacts {
    run_facts!(RunFacts, report::run())
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
        response_us: quantiles(requests, p50 * 1.05, p95 * 1.06),
        service_us: quantiles(requests, p50, p95),
        ttfb_us: quantiles(requests, p50 * 0.9, p95 * 0.9),
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
            title: "The catalogue queries the database once per listed book".into(),
            evidence: vec![
                evidence("12, 24, 48 and 96 rows take 15, 27, 51 and 99 statements: one statement a row (slope 1.00, residual 0).", "probe.json"),
                evidence("The repeated statement is SELECT … FROM reviews_review WHERE book_id = ? at books/templates/catalogue.html:31.", "probe.json"),
                evidence("Under load the page makes 27 statements and spends 30.5 ms of 89.7 ms in the database.", "load/closed.json"),
            ],
            saving: Some(Saving { ms_per_request: 26.0, requests_per_second: 25.3, basis: "Time of 24 of 27 statements, as measured in isolation.".into() }),
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
            title: "JSON is sent uncompressed: 47.1 KiB instead of 8.9 KiB".into(),
            evidence: vec![evidence("The response has no Content-Encoding although gzip was offered.", "site.json")],
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
            title: "The catalogue is identical for every user, but a cookie prevents caching".into(),
            evidence: vec![evidence("Two anonymous users received byte-identical pages; Set-Cookie: csrftoken and Vary: Cookie prevent caching.", "probe.json")],
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
