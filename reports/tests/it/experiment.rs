//! The experiment report: snapshots of Markdown and terminal text, and that the HTML page renders.

use std::collections::BTreeMap;

use kneepoint_model::correctness::{StockAudit, StockCount};
use kneepoint_model::experiment::{
    Agreement, Block, CodeOutcome, Effect, EffectAssessment, EffectVerdict, Ending, Expected, ExperimentFile,
    Leak, LostUpdateRow, LostUpdateTable, Rollout, RolloutResult, Side, Signal, ToggleResult,
};
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::manifest::HostInfo;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, PerSecond, Ratio};
use kneepoint_reports::ExperimentReport;

const EFFECT: Effect = Effect {
    without: 61_000.0,
    with: 41_480.0,
    estimate: 0.68,
    low: 0.64,
    high: 0.73,
    confidence: Ratio(0.99),
    pairs: 12,
    half_width: 0.045,
};

fn block(pair: u32, side: Side, cpu_us: f64) -> Block {
    Block {
        pair,
        side,
        requests: 400,
        errors: 0,
        foreign: Ratio(0.004),
        generator: Ratio(0.06),
        tier_cpu_us: BTreeMap::from([(Tier::Server, cpu_us * 0.9), (Tier::Db, cpu_us * 0.1)]),
        values: BTreeMap::from([(Signal::CpuPerRequest, cpu_us)]),
        dropped: None,
    }
}

fn toggle(name: &str, ending: Ending) -> ToggleResult {
    ToggleResult {
        name: name.into(),
        group: "Django".into(),
        advice: format!("Use {name}."),
        seeds: vec!["3".into()],
        without: "the default".into(),
        with: name.into(),
        signal: Signal::CpuPerRequest,
        min_effect: 0.05,
        expected: Expected::Helps,
        measured_before: Some("CPU per request ×0.7".into()),
        ending,
        agreement: Agreement::NothingKnown,
        proofs: BTreeMap::new(),
        others: BTreeMap::new(),
        leaks: Vec::new(),
        notes: Vec::new(),
        blocks: Vec::new(),
        took_us: Micros(210_000_000),
    }
}

fn judged(judgement: EffectVerdict, effect: Option<Effect>) -> EffectAssessment {
    EffectAssessment {
        verdict: judgement,
        effect,
        smallest_detectable: Some(0.04),
        why: vec!["The interval excludes 1.".into()],
    }
}

/// One experiment with each ending.
fn toggles() -> Vec<ToggleResult> {
    let mut helps = toggle("select-related", Ending::Assessed(judged(EffectVerdict::Helps, Some(EFFECT))));
    helps.agreement = Agreement::Agrees;
    helps.proofs =
        BTreeMap::from([(Signal::StatementsPerRequest, judged(EffectVerdict::Helps, Some(EFFECT)))]);
    helps.others = BTreeMap::from([(Signal::P50, EFFECT)]);
    helps.blocks = vec![block(0, Side::Without, 61_000.0), block(0, Side::With, 41_480.0)];
    let mut hurts = toggle("cache-pages", Ending::Assessed(judged(EffectVerdict::Hurts, Some(EFFECT))));
    hurts.agreement = Agreement::Differs;
    hurts.leaks = vec![Leak {
        side: Side::With,
        path: "/cart/".into(),
        what: "/cart/ of user A reaches user B".into(),
    }];
    hurts.notes = vec!["The cache key does not contain the session.".into()];
    let unclear = Effect { with: 60_400.0, estimate: 0.99, low: 0.96, high: 1.02, ..EFFECT };
    let none = toggle("gzip", Ending::Assessed(judged(EffectVerdict::NoEffectSeen, Some(unclear))));
    let mut invalid = toggle("threads", Ending::Assessed(judged(EffectVerdict::Invalid, None)));
    invalid.agreement = Agreement::CannotTell;
    let fix = "apt install nginx".to_owned();
    let not_run = toggle("nginx", Ending::NotRun { why: "nginx is not installed".into(), fix });
    vec![helps, hurts, none, invalid, not_run, toggle("http2", Ending::Interrupted)]
}

fn lost_update() -> LostUpdateTable {
    let before = StockCount { stock: 1_000, ..StockCount::default() };
    let after = StockCount { stock: 940, sold: 72, orders: 72, below_zero: 0 };
    let row = |code: &str, outcome| LostUpdateRow {
        isolation: "READ COMMITTED".into(),
        code: code.into(),
        retries: 0,
        outcome,
    };
    let ran = CodeOutcome::Ran {
        bought: PerSecond(24.0),
        tried: 80,
        failed: 8,
        failed_share: Some(Ratio(0.1)),
        deadlocks: Some(2),
        lock_waits: None,
        audit: StockAudit { format_version: 1, before, after, holds: false },
        oversold: 12,
    };
    LostUpdateTable {
        buyers: 8,
        cell_us: Micros(3_000_000),
        database: "MySQL 9.7".into(),
        rows: vec![
            row("read, then write", ran),
            row("locked read", CodeOutcome::NotRun { why: "the database has no row locks".into() }),
        ],
        conclusions: vec!["Reading, then writing loses updates at READ COMMITTED.".into()],
    }
}

/// An experiment with every section of the report.
pub(crate) fn report() -> ExperimentReport {
    ExperimentReport::build(&ExperimentFile {
        format_version: 1,
        id: "20250101T000000Z-beef".into(),
        kneepoint: "0.1.0".into(),
        started: "2025-01-01T00:00:00Z".into(),
        command: vec!["kneepoint".into(), "experiment".into()],
        host: HostInfo { os: "Debian GNU/Linux 12".into(), cores: 4, ..HostInfo::default() },
        driver: "native".into(),
        versions: BTreeMap::from([("Django".into(), "5.2.8".into())]),
        seed: 1,
        size: "S".into(),
        toggles: toggles(),
        lost_update: Some(lost_update()),
        rollouts: vec![RolloutResult {
            rollout: Rollout::RollingRestart,
            rate: PerSecond(40.0),
            requests: 2_400,
            lost: 3,
            how: BTreeMap::from([(Outcome::Refused, 3)]),
            response_us: Quantiles { count: 2_400, p99: Micros(180_000), ..Quantiles::default() },
            took_us: Micros(9_000_000),
            trouble: None,
        }],
        complete: false,
    })
}

#[test]
fn markdown() {
    insta::assert_snapshot!(report().markdown());
}

#[test]
fn terminal() {
    let plain = report().terminal(false);
    assert!(!plain.contains('\u{1b}') && report().terminal(true).contains("\u{1b}["));
    insta::assert_snapshot!(plain);
}

#[test]
fn the_page_has_every_section() {
    let page = scraper::Html::parse_document(&report().html().expect("renders"));
    let sections = scraper::Selector::parse("main > section").expect("selector");
    let ids: Vec<&str> = page.select(&sections).filter_map(|section| section.attr("id")).collect();
    assert_eq!(ids, ["verdict", "advice", "details", "lost-update", "rollouts", "not-run", "method"]);
}
