//! The open model keeps its schedule, and its percentiles survive a stall.

use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{PacingMode, PhaseLoad, PhasePlan, recover_phase, run_phase};
use kneepoint_model::event::{EventSink, NullEventSink};
use kneepoint_model::load::HttpVersion;
use kneepoint_model::outcome::Outcome;

use crate::servers::Stall;
use crate::{TestRun, closed, get, open, plan, scenario, servers};

#[test]
fn the_rate_is_exact() {
    let mut plan = plan(open(200.0), &servers::calm(), vec![(get("/"), 1)]);
    plan.duration = Duration::from_secs(2);
    let phase = TestRun::new().run(&plan);
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
fn a_stall_is_measured_from_the_intended_start() {
    // 200/s for 3 s; no response for 0.5 s. Four requests are in flight then, a hundred become due, and the k-th of them waits
    // 0.5 s − k × 5 ms. Of 600 requests the 99th percentile is the sixth longest: 0.5 s − 6 × 5 ms = 0.47 s.
    let stall = Stall::between(Duration::from_millis(1300), Duration::from_millis(1800));
    let mut plan = plan(open(200.0), &servers::site(stall), vec![(get("/stalling"), 1)]);
    plan.duration = Duration::from_secs(3);
    plan.options.timeout = Duration::from_secs(5);
    plan.options.max_in_flight = 4;
    let phase = TestRun::new().run(&plan);
    assert_eq!((phase.requests, phase.errors), (600, 0));
    let (response, service) = (phase.response_us.p99.as_secs(), phase.service_us.p99.as_secs());
    assert!((response - 0.47).abs() < 0.047, "p99 from the intended start: {response} s");
    assert!(service < 0.2, "p99 of service time hides the stall: {service} s");
    assert!(phase.service_us.max.as_secs() > 0.4);
    assert!(phase.pool_wait_us.p99.as_secs() > 0.3, "the wait was for a slot: {:?}", phase.pool_wait_us);
}

#[test]
fn the_rate_follows_its_segments_and_each_has_its_figures() {
    let segments = ["ramp 0/s to 200/s over 1s", "hold 200/s for 1s", "ramp 200/s to 0/s over 500ms"];
    let segments = segments.map(|segment| segment.parse().expect("a segment")).to_vec();
    let plan = plan(PhaseLoad::RateSegments(segments), &servers::calm(), vec![(get("/"), 1)]);
    assert_eq!(plan.duration, Duration::from_millis(2500));
    let test_run = TestRun::new();
    let phase = test_run.run(&plan);
    // The area under the rate: 100, 200 and 50 users. The warm-up of 0.3 s at 100/s is in no figure.
    let requests: Vec<u64> = phase.segments.iter().map(|stage| stage.requests).collect();
    assert_eq!((requests, phase.requests, phase.errors), (vec![100, 200, 50], 350, 0));
    let offered: Vec<f64> = phase.segments.iter().map(|stage| stage.offered_rps.0).collect();
    assert_eq!(offered, [100.0, 200.0, 100.0]);
    assert!(phase.segments.iter().all(|stage| stage.response_us.count == stage.requests));
    assert!(phase.segments.iter().all(|stage| stage.service_us.p50 <= stage.response_us.p50));
    assert!((phase.offered_rps.expect("open").0 - 140.0).abs() < 1e-9);
    let again = recover_phase(&test_run.run, "test").expect("files").expect("a phase");
    let [was, is] = [&phase, &again].map(|phase| (phase.segments.clone(), phase.requests));
    assert_eq!(was, is, "the same from the files");
}

#[test]
fn invalid_plans_are_refused() {
    let refused = |plan: &PhasePlan| {
        let test_run = TestRun::new();
        let events: Arc<dyn EventSink> = Arc::new(NullEventSink);
        run_phase(plan, &test_run.run, &test_run.cancel, &events).unwrap_err().to_string()
    };
    let plan = plan(open(1.0), "http://127.0.0.1:9", vec![(get("/"), 1)]);
    let rest = vec!["hold 0/s for 1s".parse().expect("a segment")];
    assert!(
        refused(&plan.clone().with_load(PhaseLoad::RateSegments(rest))).contains("the rate must be above 0")
    );
    let mut ahead = plan.clone();
    ahead.options.connect_ahead = ahead.options.max_in_flight + 1;
    assert!(refused(&ahead).contains("opened ahead"));
    (ahead.options.connect_ahead, ahead.options.http) = (1, HttpVersion::Http2);
    assert!(refused(&ahead).contains("connect_ahead"));
    let mut longer =
        plan.with_load(PhaseLoad::RateSegments(vec!["hold 10/s for 1s".parse().expect("a segment")]));
    longer.duration = Duration::from_secs(2);
    assert!(refused(&longer).contains("as long as its measured part"));
}

#[test]
fn several_threads_share_the_arrivals() {
    let mut plan = plan(open(200.0), &servers::calm(), vec![(get("/"), 1)]);
    (plan.options.threads, plan.options.pin) = (3, true);
    let phase = TestRun::new().run(&plan);
    assert_eq!((phase.requests, phase.errors, phase.sched_lag_us.count), (200, 0, 200));
}

#[test]
fn arrivals_within_a_batching_window_go_out_together_and_the_lag_shows_it() {
    let mut plan = plan(open(1000.0), &servers::calm(), vec![(get("/"), 1)]);
    plan.options.pacing = PacingMode::Batched(Duration::from_millis(5));
    let phase = TestRun::new().run(&plan);
    assert_eq!((phase.requests, phase.errors), (1000, 0));
    assert_eq!(phase.pacing.expect("open").batching_window_us.get(), 5000);
    // The first of a batch is 5 ms late, the last not at all.
    let lag = phase.sched_lag_us.p50.as_millis();
    assert!(lag >= 1.5, "{lag} ms");
}

#[test]
fn a_dispatcher_that_spins_sends_as_many() {
    let mut plan = plan(open(200.0), &servers::calm(), vec![(get("/"), 1)]);
    plan.options.pacing = PacingMode::Spinning;
    let phase = TestRun::new().run(&plan);
    assert_eq!((phase.requests, phase.errors, phase.sched_lag_us.count), (200, 0, 200));
    assert!(phase.pacing.expect("open").spinning);
}

#[test]
fn connections_are_opened_before_the_first_arrival() {
    for (ahead, are_opened_late) in [(0, true), (41, false)] {
        let mut plan = plan(open(40.0), &servers::calm(), vec![(get("/"), 1)]);
        (plan.warmup, plan.options.connect_ahead, plan.options.threads) = (Duration::ZERO, ahead, 2);
        let phase = TestRun::new().run(&plan);
        assert_eq!((phase.requests, phase.errors), (40, 0));
        assert_eq!(phase.connect_us.count > 0, are_opened_late, "{ahead}: {:?}", phase.connect_us);
    }
}

#[test]
fn requests_that_waited_too_long_are_shed_and_counted() {
    // As in the stall above: the k-th of a hundred waits 0.5 s − k × 5 ms, which is more than 0.1 s for eighty of them.
    let stall = Stall::between(Duration::from_millis(1300), Duration::from_millis(1800));
    let mut plan = plan(open(200.0), &servers::site(stall), vec![(get("/stalling"), 1)]);
    plan.duration = Duration::from_secs(3);
    plan.options.timeout = Duration::from_secs(5);
    plan.options.max_in_flight = 4;
    plan.options.shed_after = Some(Duration::from_millis(100));
    let phase = TestRun::new().run(&plan);
    let shed = phase.outcomes.get(&Outcome::Shed).copied().unwrap_or_default();
    assert!((60..=110).contains(&shed), "{shed}");
    assert_eq!((phase.requests, phase.errors, phase.service_us.count), (600, shed, 600 - shed));
    assert!(phase.achieved_rps.0 < 195.0, "what was not sent was not achieved: {:?}", phase.achieved_rps);
    assert!(
        !phase.validity.valid && phase.validity.why[0].contains("of them were not sent"),
        "{:?}",
        phase.validity
    );
}

#[test]
fn the_number_of_users_follows_its_segments() {
    let visit =
        "name = \"visit\"\nthink = { ms = 50 }\n[[step]]\npath = \"/\"\n[[step]]\npath = \"/item/1\"\n";
    let segments = ["hold 2 users for 1s", "hold 8 users for 1s", "ramp 8 to 0 users over 1s"];
    let segments = segments.map(|segment| segment.parse().expect("a segment")).to_vec();
    let plan = plan(PhaseLoad::UserSegments(segments), &servers::calm(), vec![(scenario(visit), 1)]);
    assert_eq!((plan.duration, plan.load.model()), (Duration::from_secs(3), closed(8)));
    let test_run = TestRun::new();
    let phase = test_run.run(&plan);
    let requests: Vec<u64> = phase.segments.iter().map(|stage| stage.requests).collect();
    let [few, many, fewer] = requests[..] else { panic!("{requests:?}") };
    assert_eq!((few + many + fewer, phase.errors), (phase.requests, 0));
    // No user can request more often than two steps and a pause of 50 ms allow.
    assert!(few <= 2 * 2 * 21 && many <= 8 * 2 * 21, "{requests:?}");
    assert!(many > 2 * few && fewer < many && fewer > 0, "{requests:?}");
    let again = recover_phase(&test_run.run, "test").expect("files").expect("a phase");
    assert_eq!(phase.segments, again.segments, "the same from the files");
}
