//! A second of load for the tests of the view and of the export.

use std::time::Duration;

use kneepoint_model::live::{LiveEndpoint, LiveSecond, LiveTotals};
use kneepoint_model::load::{LoadModel, SecondStats};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::units::{Micros, PerSecond, Ratio, UnixMillis};

/// Second `n` of a phase of 40 s, with a warm-up of four.
pub(crate) fn second(n: u64) -> LiveSecond {
    let requests = 90 + n % 7;
    let timeouts = n % 3;
    LiveSecond {
        phase: "open".to_owned(),
        load: LoadModel::Open { rate: PerSecond(95.0) },
        server: ("127.0.0.1".to_owned(), 8000),
        scenarios: vec!["browse".to_owned()],
        segment: (n > 20).then(|| "stage 2 of 2: hold 95/s for 20s".to_owned()),
        elapsed: Duration::from_secs(n + 1),
        length: Duration::from_secs(40),
        at_ms: UnixMillis(1_000_000 + n * 1_000),
        interval: Duration::from_secs(1),
        second: SecondStats {
            at_ms: UnixMillis(999_000 + n * 1_000),
            warmup: n < 4,
            requests,
            errors: timeouts,
            started: 95,
            in_flight: 3 + n % 2,
            p50_us: Micros(1_200),
            p95_us: Micros(4_000 + 500 * (n % 9)),
            p99_us: Micros(12_000),
            max_us: Micros(48_000),
        },
        outcomes: [(Outcome::Ok, requests - timeouts), (Outcome::Timeout, timeouts)].into(),
        sched_lag_p99_us: Some(Micros(140)),
        busiest_thread: Some(Ratio(0.214)),
        so_far: LiveTotals {
            from_ms: UnixMillis(1_004_000),
            requests: 90 * n,
            errors: n,
            endpoints: ["GET /", "GET /books/<id>/", "GET /search/"]
                .iter()
                .zip(1..)
                .map(|(name, at)| LiveEndpoint {
                    name: (*name).to_owned(),
                    requests: 30 * n,
                    outcomes: [(Outcome::Ok, (30 * n).saturating_sub(at)), (Outcome::Timeout, at)].into(),
                    p95_us: Micros(4_100 * at),
                    response: None,
                    service: None,
                })
                .collect(),
            sched_lag: None,
            doubts: Vec::new(),
        },
    }
}
