//! The open model keeps its schedule, and its percentiles survive a stall.

use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{PhasePlan, recover_phase, run_phase};
use kneepoint_model::event::{EventSink, Silent};

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

#[test]
fn the_rate_goes_through_its_stages_and_each_has_its_figures() {
    let stages = ["ramp 0/s to 200/s over 1s", "hold 200/s for 1s", "ramp 200/s to 0/s over 500ms"];
    let stages = stages.map(|stage| stage.parse().expect("a stage")).to_vec();
    let plan = plan(open(1.0), &servers::calm(), vec![(get("/"), 1)]).in_stages(stages);
    assert_eq!(plan.duration, Duration::from_millis(2500));
    let place = Place::new();
    let phase = place.run(&plan);
    // The area under the rate: 100, 200 and 50 visitors. The warm-up of 0.3 s at 100/s is in no figure.
    let requests: Vec<u64> = phase.stages.iter().map(|stage| stage.requests).collect();
    assert_eq!((requests, phase.requests, phase.errors), (vec![100, 200, 50], 350, 0));
    let offered: Vec<f64> = phase.stages.iter().map(|stage| stage.offered_rps.0).collect();
    assert_eq!(offered, [100.0, 200.0, 100.0]);
    assert!(phase.stages.iter().all(|stage| stage.response_us.count == stage.requests));
    assert!(phase.stages.iter().all(|stage| stage.service_us.p50 <= stage.response_us.p50));
    assert!((phase.offered_rps.expect("open").0 - 140.0).abs() < 1e-9);
    let again = recover_phase(&place.run, "test").expect("files").expect("a phase");
    let [was, is] = [&phase, &again].map(|phase| (phase.stages.clone(), phase.requests));
    assert_eq!(was, is, "the same from the files");
}

#[test]
fn stages_that_make_no_sense_are_refused() {
    let refused = |plan: &PhasePlan| {
        let place = Place::new();
        let events: Arc<dyn EventSink> = Arc::new(Silent);
        run_phase(plan, &place.run, &place.cancel, &events).unwrap_err().to_string()
    };
    let plan = plan(open(1.0), "http://127.0.0.1:9", vec![(get("/"), 1)]);
    let rest = vec!["hold 0/s for 1s".parse().expect("a stage")];
    assert!(refused(&plan.clone().in_stages(rest)).contains("the rate must be above 0"));
    let mut longer = plan.in_stages(vec!["hold 10/s for 1s".parse().expect("a stage")]);
    longer.duration = Duration::from_secs(2);
    assert!(refused(&longer).contains("as long as its measured part"));
}

#[test]
fn several_threads_share_the_arrivals() {
    let mut plan = plan(open(200.0), &servers::calm(), vec![(get("/"), 1)]);
    (plan.threads, plan.pin) = (3, true);
    let phase = Place::new().run(&plan);
    assert_eq!((phase.requests, phase.errors, phase.sched_lag_us.count), (200, 0, 200));
}
