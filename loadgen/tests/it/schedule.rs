//! The open model keeps its schedule, and its percentiles survive a stall.

use std::time::Duration;

use crate::servers::Stall;
use crate::{Place, get, open, plan, servers};

#[test]
fn the_rate_is_exact() {
    let mut plan = plan(open(200.0), &servers::calm(), vec![(get("/"), 1)]);
    plan.duration = Duration::from_secs(2);
    let phase = Place::new().run(&plan);
    assert_eq!(phase.requests, 400);
    assert!((phase.offered_rps.expect("open").0 - 200.0).abs() < 1e-9);
    assert!((phase.achieved_rps.0 - 200.0).abs() <= 2.0, "{:?}", phase.achieved_rps);
    assert_eq!(phase.errors, 0);
    assert_eq!(phase.sched_lag_us.count, 400);
    assert!(phase.journeys.abs_diff(phase.requests) <= 3, "{}", phase.journeys);
    let seconds: Vec<bool> = phase.seconds.iter().map(|second| second.warmup).collect();
    assert_eq!(seconds, [true, false, false]);
}

#[test]
fn a_stall_is_seen_from_the_intended_start() {
    // 200/s for 3 s; nothing is answered for 0.5 s. Four requests are under way then, a hundred become due, and the k-th of
    // them waits 0.5 s − k × 5 ms. Of 600 requests the 99th percentile is the sixth longest: 0.5 s − 6 × 5 ms = 0.47 s.
    let stall = Stall::between(Duration::from_millis(1300), Duration::from_millis(1800));
    let mut plan = plan(open(200.0), &servers::site(stall), vec![(get("/stalling"), 1)]);
    plan.duration = Duration::from_secs(3);
    plan.timeout = Duration::from_secs(5);
    plan.max_in_flight = 4;
    let phase = Place::new().run(&plan);
    assert_eq!((phase.requests, phase.errors), (600, 0));
    let (response, service) = (phase.response_us.p99.as_secs(), phase.service_us.p99.as_secs());
    assert!((response - 0.47).abs() < 0.047, "p99 from the intended start: {response} s");
    assert!(service < 0.2, "p99 of service time hides the stall: {service} s");
    assert!(phase.service_us.max.as_secs() > 0.4);
    assert!(phase.pool_wait_us.p99.as_secs() > 0.3, "the wait was for a slot: {:?}", phase.pool_wait_us);
}
