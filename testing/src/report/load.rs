//! Phases of load.

use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{
    EndpointStats, Exemplar, GeneratorHealth, HttpVersion, LoadModel, LoadPhase, SecondStats, Validity,
};
use kneepoint_model::load_segment::SegmentStats;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::page::{PageCounts, PageStats};
use kneepoint_model::run::names;
use kneepoint_model::units::{Micros, PerSecond, Ratio, UnixMillis};

use super::{ZERO, noise, quantiles};

pub(super) fn load_phase((name, from, measured, until): (&str, u64, u64, u64)) -> LoadPhase {
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
        exhausted_feeds: Vec::new(),
        groups: Vec::new(),
        response_us: quantiles(requests, 33.0, 141.0),
        service_us: quantiles(requests, 31.0, 132.0),
        ttfb_us: quantiles(requests, 27.0, 118.0),
        connect_us: quantiles(12, 0.2, 0.4),
        tls_us: Quantiles::default(),
        sched_lag_us: if open { quantiles(requests, 0.021, 0.098) } else { Quantiles::default() },
        pacing: None,
        pool_wait_us: if open { quantiles(requests, 0.002, 0.01) } else { Quantiles::default() },
        curve,
        endpoints: vec![EndpointStats {
            name: "GET /catalogue/".into(),
            requests,
            errors,
            outcomes: [(Outcome::Ok, requests - errors), (Outcome::ServerError, errors)].into(),
            response_us: quantiles(requests, 33.0, 141.0),
            service_us: quantiles(requests, 31.0, 132.0),
            ttfb_us: quantiles(requests, 27.0, 118.0),
            ..EndpointStats::default()
        }],
        seconds,
        segments: if open { stages(requests, errors) } else { Vec::new() },
        pages: if open { vec![page()] } else { Vec::new() },
        exemplars: vec![
            exemplar(ms(from + 12), "GET /catalogue/", "/catalogue/?page=3", Outcome::Ok, 481_000),
            exemplar(ms(from + 19), "POST /checkout/", "/checkout/", Outcome::ServerError, 34_000),
        ],
        log: names::hlog(name),
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
    PageStats { name: "GET /catalogue/".into(), counts, page_us: quantiles(240, 52.0, 214.0) }
}

fn stages(requests: u64, errors: u64) -> Vec<SegmentStats> {
    let early = requests / 3;
    let stage = |text: &str, offered: f64, requests, errors, p95| SegmentStats {
        segment: text.parse().expect("a stage"),
        offered_rps: PerSecond(offered),
        requests,
        errors,
        response_us: quantiles(requests, 31.0, p95),
        service_us: quantiles(requests, 30.0, p95 - 9.0),
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
