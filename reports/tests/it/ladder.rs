//! The ladder report: snapshots, structure, untrusted input, missing parts, a real browser.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use kneepoint_analysis::ladder::{
    Change, Comparison, Counter, Effect, Gain, LimitKind, LimitingFactor, MachineUse, PerRequest, RungResult,
    RungState, Saturation, Throughput, Trial,
};
use kneepoint_analysis::slo_search::TrialOutcome;
use kneepoint_model::ladder::{EqualRate, Ladder, LatencySlo, Rung, SearchPlan};
use kneepoint_model::manifest::HostInfo;
use kneepoint_model::metric::Metric;
use kneepoint_model::stack::Driver;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_reports::ladder::{LadderView, render};
use scraper::{Html, Selector};

use crate::chromium::{browser, open, page_errors};
use crate::hostile::{EVIL, poison};
use crate::missing::has_content;

const PROMISE: LatencySlo = LatencySlo { metric: Metric::P95, limit_us: Micros(250_000), inclusive: false };

fn ladder(rungs: &[RungResult]) -> Ladder {
    let rung = |result: &RungResult| Rung {
        name: result.name.clone(),
        place: result.place,
        about: result.about.clone(),
        buys: result.buys.clone(),
        machines: Vec::new(),
        run: result.run.clone(),
        failed: None,
    };
    Ladder {
        format_version: 1,
        ladder_id: "20250101T000000Z-abcd".into(),
        kneepoint: "0.1.0".into(),
        started: "2025-01-01T00:00:00Z".into(),
        command: vec!["kneepoint".into(), "ladder".into()],
        driver: Driver::Compose,
        host: HostInfo {
            os: "Debian GNU/Linux 12".into(),
            kernel: "6.1".into(),
            cores: 4,
            cpu: "a processor".into(),
            memory_bytes: 8 << 30,
            swap_bytes: 0,
        },
        seed: 1,
        size: "S".into(),
        users: 32,
        scenarios: BTreeMap::from([("browse".into(), 6), ("checkout".into(), 1)]),
        slo: PROMISE,
        search: SearchPlan::default(),
        equal: Some(EqualRate { rate: PerSecond(7.4), from: Some("runserver".into()) }),
        rungs: rungs.iter().map(rung).collect(),
        complete: true,
        stopped_by: None,
    }
}

fn step(phase: &str, rate: f64, p95_ms: u64, outcome: TrialOutcome, why: Option<&str>) -> Trial {
    Trial {
        phase: phase.into(),
        rate: PerSecond(rate),
        offered: PerSecond(rate * 3.6),
        achieved: PerSecond(rate * 3.58),
        requests: (rate * 18.0) as u64,
        errors: 0,
        p50: Micros(p95_ms * 300),
        p95: Micros(p95_ms * 1_000),
        p99: Micros(p95_ms * 1_400),
        outcome,
        why: why.map(str::to_owned),
        notes: Vec::new(),
    }
}

fn rung(name: &str, place: u8, kept: f64, cpu: &[(Tier, f64)]) -> RungResult {
    let broken = kept * 1.08;
    RungResult {
        name: name.into(),
        place: Some(place),
        about: format!("{name}: description from its topology file"),
        buys: (place > 1).then(|| "a higher throughput".to_owned()),
        run: Some(format!("20250101T00000{place}Z-0000")),
        state: RungState::Measured,
        saturation: Some(Saturation {
            rps: Some(PerSecond(kept * 1.3)),
            requests: 800,
            errors: 0,
            why: Vec::new(),
        }),
        trials: vec![
            step("step-01", kept / 3.6, 130, TrialOutcome::Met, None),
            step("step-02", broken / 3.6, 420, TrialOutcome::Violated, Some("p95 was 420 ms")),
        ],
        throughput: Throughput::Between {
            sustained: PerSecond(kept),
            violated: PerSecond(broken),
            sustained_journeys: PerSecond(kept / 3.6),
        },
        equal: Some(step("open", 7.4, 90 - u64::from(place) * 8, TrialOutcome::Met, None)),
        per_request: PerRequest {
            phase: "open".into(),
            cpu_us: cpu.iter().copied().collect(),
            statements: Some(5.1),
            bytes: Some(9_000.0),
            proxy_hit: None,
            app_hit: Some(Ratio(0.4)),
        },
        memory: cpu.iter().map(|(tier, us)| (*tier, Bytes((us * 20_000.0) as u64))).collect(),
        limiting: LimitingFactor {
            limit: LimitKind::Quota,
            tier: Some(Tier::Server),
            machine: Some("app".into()),
            evidence: vec!["machine app used 0.49 of the 0.50 cores of its quota (98.0 %)".into()],
            machines: vec![MachineUse {
                machine: "app".into(),
                tiers: vec![Tier::Server, Tier::Engine],
                used_cores: 0.49,
                quota_cores: 0.5,
            }],
        },
        gain: None,
        unmeasured: Vec::new(),
    }
}

fn gain(against: &str, throughput: Effect) -> Gain {
    Gain {
        against: against.into(),
        throughput,
        cpu: Effect::Seen { ratio: Some(0.82), low: Some(0.79), high: Some(0.85) },
        p50: Effect::NotSeen { low: Some(0.93), high: Some(1.08) },
        changes: vec![
            Change { counter: Counter::Statements, from: Some(5.1), to: Some(3.2) },
            Change { counter: Counter::ProxyHit, from: None, to: Some(0.31) },
        ],
    }
}

/// One rung in every state.
fn ladder_run() -> (Ladder, Comparison) {
    let first = rung("runserver", 1, 44.6, &[(Tier::Server, 8_900.0), (Tier::Engine, 300.0)]);
    let mut gunicorn = rung("gunicorn", 2, 98.0, &[(Tier::Server, 7_300.0), (Tier::Engine, 310.0)]);
    gunicorn.gain =
        Some(gain("runserver", Effect::Seen { ratio: Some(2.19), low: Some(2.03), high: Some(2.37) }));
    let mut nginx = rung("nginx", 3, 1.0, &[]);
    nginx.state = RungState::Failed {
        reason: Unmeasured {
            what: "rung nginx".into(),
            why: "nginx is not installed; apt install nginx".into(),
            fix: "then: kneepoint ladder nginx".into(),
        },
    };
    (nginx.saturation, nginx.equal, nginx.run) = (None, None, None);
    (nginx.trials, nginx.throughput) = (Vec::new(), Throughput::None { why: "it was not loaded".into() });
    (nginx.memory, nginx.per_request) = (BTreeMap::new(), PerRequest::default());
    let mut apart = rung("db-apart", 5, 140.0, &[(Tier::Server, 5_000.0), (Tier::Db, 1_900.0)]);
    apart.throughput =
        Throughput::AtLeast { sustained: PerSecond(140.0), sustained_journeys: PerSecond(140.0 / 3.6) };
    apart.gain = Some(gain("gunicorn", Effect::Seen { ratio: None, low: Some(1.32), high: None }));
    let mut balanced = rung("balanced", 7, 1.0, &[]);
    let errors = "3 of 120 requests failed at the lowest tested rate (4.10/s)";
    balanced.throughput = Throughput::None { why: errors.into() };
    balanced.state = RungState::NoFigure { why: errors.into() };
    balanced.saturation = Some(Saturation {
        rps: None,
        requests: 700,
        errors: 40,
        why: vec!["40 of 700 requests failed".into()],
    });
    balanced.equal.as_mut().expect("step").errors = 3;
    balanced.gain = Some(gain("db-apart", Effect::Unknown { why: "one has no throughput".into() }));
    let mut cached = rung("cached", 9, 1.0, &[]);
    cached.state = RungState::CutOff { why: "stopped by SIGINT".into() };
    let mut queued = rung("queued", 10, 1.0, &[]);
    queued.state = RungState::NotReached;
    (queued.saturation, queued.equal, queued.run) = (None, None, None);
    (queued.trials, queued.throughput) = (Vec::new(), Throughput::None { why: "it was not loaded".into() });
    let rungs = vec![first, gunicorn, nginx, apart, balanced, cached, queued];
    let ladder = ladder(&rungs);
    let comparison =
        Comparison { format_version: 1, ladder_id: ladder.ladder_id.clone(), slo: PROMISE, rungs };
    (ladder, comparison)
}

pub(crate) fn view() -> LadderView {
    let (mut ladder, comparison) = ladder_run();
    ladder.complete = false;
    ladder.stopped_by = Some("stopped by SIGINT".into());
    LadderView::build(&ladder, &comparison)
}

/// A ladder run that was interrupted before its first rung.
pub(crate) fn nothing() -> LadderView {
    let (mut ladder, mut comparison) = ladder_run();
    (ladder.complete, ladder.equal) = (false, None);
    let last = comparison.rungs.pop().expect("queued");
    comparison.rungs = vec![last];
    LadderView::build(&ladder, &comparison)
}

#[test]
fn markdown() {
    insta::assert_snapshot!(render::markdown(&view()));
}

#[test]
fn terminal() {
    let plain = render::terminal(&view(), false);
    assert!(!plain.contains('\u{1b}') && render::terminal(&view(), true).contains("\u{1b}["));
    insta::assert_snapshot!(plain);
}

#[test]
fn a_native_ladder_run_states_that_all_rungs_share_one_machine() {
    let (mut ladder, comparison) = ladder_run();
    ladder.driver = Driver::Native;
    let text = render::markdown(&LadderView::build(&ladder, &comparison));
    assert!(
        text.contains("All rungs and the load generator share one machine")
            && text.contains("--driver compose"),
        "{text}"
    );
    assert!(!render::markdown(&view()).contains("All rungs and the load generator share one machine"));
}

#[test]
fn every_section_has_content_whatever_is_missing() {
    for view in [view(), nothing()] {
        for section in &view.sections {
            assert!(has_content(&section.blocks), "{}: {:#?}", section.id, section.blocks);
        }
        render::html(&view).expect("renders");
    }
    assert!(render::terminal(&nothing(), false).contains("not reached"));
}

fn all<'a>(page: &'a Html, selector: &str) -> Vec<scraper::ElementRef<'a>> {
    page.select(&Selector::parse(selector).expect("a selector")).collect()
}

#[test]
fn the_page_is_accessible_and_makes_no_network_request() {
    let page = Html::parse_document(&render::html(&view()).expect("renders"));
    let mut ids = BTreeSet::new();
    for element in all(&page, "[id]") {
        assert!(ids.insert(element.attr("id").expect("id")), "twice: {:?}", element.attr("id"));
    }
    for link in all(&page, "a[href]") {
        let target = link.attr("href").expect("href").strip_prefix('#').expect("only links within the page");
        assert!(ids.contains(target), "#{target} leads nowhere");
    }
    let charts = all(&page, "svg[role=img]");
    assert_eq!(charts.len(), 4, "throughput, response, CPU, memory");
    for chart in charts {
        for part in ["title", "desc"] {
            let words = chart.select(&Selector::parse(part).expect("selector")).next().expect(part);
            assert!(!words.text().collect::<String>().trim().is_empty());
        }
    }
    for table in all(&page, "table") {
        let count = |selector: &str| table.select(&Selector::parse(selector).expect("selector")).count();
        assert!(count("caption") == 1 && count("thead th:not([scope=col])") == 0);
        assert_eq!(count("tbody tr"), count("tbody tr > th:first-child"), "each row has a heading");
    }
    assert!(all(&page, "link, object, embed, img, base, iframe, [src]").is_empty());
    assert_eq!((all(&page, "main").len(), all(&page, "h1").len(), all(&page, "html[lang]").len()), (1, 1, 1));
}

#[test]
fn untrusted_run_folders_are_escaped() {
    let (ladder, comparison) = ladder_run();
    let closed: Vec<String> = "p95 native compose server engine db proxy cache queue objects kept broken invalid between \
        at_least none measured no_figure failed cut_off not_reached seen not_seen unknown quota host generator one_core \
        workers nothing statements bytes proxy_hit app_hit memory"
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let mut json = serde_json::to_value(&ladder).expect("serialises");
    poison(&mut json, &closed);
    let ladder: Ladder = serde_json::from_value(json).expect("reads back");
    let mut json = serde_json::to_value(&comparison).expect("serialises");
    poison(&mut json, &closed);
    let comparison: Comparison = serde_json::from_value(json).expect("reads back");
    let view = LadderView::build(&ladder, &comparison);
    let html = render::html(&view).expect("renders");
    assert!(html.matches("alert(1)").count() > 30, "the page contains the attack");
    let page = Html::parse_document(&html);
    assert_eq!(all(&page, "script").len(), 1, "only that of kneepoint");
    assert!(all(&page, "img, [onerror]").is_empty());
    let markdown = render::markdown(&view);
    assert!(markdown.contains("alert(1)") && !markdown.contains('\u{1b}'));
    let terminal = render::terminal(&view, false);
    assert!(terminal.chars().all(|c| c == '\n' || !c.is_control()), "{terminal}");
    assert!(EVIL.contains('\u{1b}'));
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(program) = browser() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let page = folder.path().join("ladder.html");
    fs::write(&page, render::html(&view()).expect("renders")).expect("write");
    let picture = folder.path().join("ladder.png");
    let to = format!("--screenshot={}", picture.display());
    let output = open(&program, &folder.path().join("picture"), &page, &[&to]);
    assert_eq!(page_errors(&output.err), Vec::<&str>::new());
    assert!(fs::read(&picture).expect("a picture").starts_with(b"\x89PNG"));
    let output = open(&program, &folder.path().join("dom"), &page, &["--dump-dom"]);
    assert!(output.out.contains("data-ready=\"1\""), "the script completed");
    if let Ok(keep) = std::env::var("KNEEPOINT_KEEP_REPORT") {
        fs::create_dir_all(&keep).expect("folder");
        fs::copy(&page, Path::new(&keep).join("ladder.html")).expect("keep");
    }
}
