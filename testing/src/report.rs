//! The run of the report tests: a bookstore under two phases of load and one of profiling, with plausible figures, an N+1,
//! an uncached page and a slow engine. Deterministic: noise is a function of the index.

mod counters;
mod load;
mod pages;
mod resources;

use std::collections::BTreeMap;

use kneepoint_model::histogram::Quantiles;
use kneepoint_model::manifest::{HostInfo, Manifest, StageRecord};
use kneepoint_model::stack::{Driver, Runtime, StackInfo, TierInfo};
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_model::warm::{WarmResult, WarmRound};

use crate::RunParts;

/// Start of the run's first sample.
const ZERO: u64 = 1_763_640_000_000;

/// Phases: name, start, measured from, measured until, in seconds from zero.
const PHASES: [(&str, u64, u64, u64); 3] =
    [("closed", 6, 10, 40), ("open", 44, 47, 72), ("profiled", 76, 79, 99)];

/// Deterministic noise between 0 and 1.
pub fn noise(n: u64) -> f64 {
    let x = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n << 13)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x >> 40) as f64 / (1u64 << 24) as f64
}

/// Quantiles with the given median and 95th percentile in milliseconds.
pub fn quantiles(count: u64, p50_ms: f64, p95_ms: f64) -> Quantiles {
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

/// A run with plausible figures, an N+1, an uncached page and a slow engine.
pub fn run() -> RunParts {
    let mut parts = RunParts::new(manifest());
    parts.stack = Some(stack());
    parts.site = Some(pages::site());
    parts.warm = Some(WarmResult {
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
        steady: true,
        took_us: Micros(4_800_000),
    });
    parts.probe = Some(pages::probe());
    parts.phases = PHASES.iter().map(|phase| load::load_phase(*phase)).collect();
    parts.access = [("open".to_owned(), pages::access())].into();
    let counted: Vec<(&str, u64, u64, u64)> = parts
        .phases
        .iter()
        .zip(PHASES)
        .map(|(phase, (name, ..))| {
            (name, phase.measured_from_ms.get(), phase.measured_until_ms.get(), phase.requests)
        })
        .collect();
    parts.db = counters::windows(&counted);
    parts.samples = resources::samples();
    parts.profiles = Some(resources::profiles());
    parts
}

/// The manifest of the run.
pub fn manifest() -> Manifest {
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
