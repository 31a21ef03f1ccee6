//! Live reports of a running phase agree with its result.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kneepoint_loadgen::{PhaseLoad, PhasePlan, run_phase};
use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::live::{Interest, LiveSecond};

use crate::{TestRun, closed, get, open, plan, scenario, servers};

/// Collects live reports.
struct LiveCollector(Interest, Mutex<Vec<LiveSecond>>);

impl EventSink for LiveCollector {
    fn emit(&self, _event: Event) {}
    fn interest(&self) -> Interest {
        self.0
    }
    fn emit_second(&self, second: LiveSecond) {
        self.1.lock().expect("lock").push(second);
    }
}

fn run_watched(interest: Interest, plan: &PhasePlan) -> (kneepoint_model::load::LoadPhase, Vec<LiveSecond>) {
    let (test_run, collector) = (TestRun::new(), Arc::new(LiveCollector(interest, Mutex::default())));
    let events: Arc<dyn EventSink> = Arc::clone(&collector) as Arc<dyn EventSink>;
    let phase = run_phase(plan, &test_run.run, &test_run.cancel, &events).expect("a phase");
    let seconds = std::mem::take(&mut *collector.1.lock().expect("lock"));
    (phase, seconds)
}

#[test]
fn the_last_second_has_the_whole_measured_part() {
    let text = "name = \"two\"\n[[step]]\npath = \"/\"\n[[step]]\npath = \"/missing\"\n";
    let mut plan = plan(open(100.0), &servers::calm(), vec![(scenario(text), 1)]);
    plan.duration = Duration::from_secs(2);
    let (phase, seconds) = run_watched(Interest::Distributions, &plan);
    let warmup: Vec<bool> = seconds.iter().map(|second| second.second.warmup).collect();
    assert_eq!(warmup, [true, false, false, false]);
    assert_eq!(seconds[0].so_far.requests, 0, "the warm-up is in no figure");
    let stats: Vec<_> = seconds.iter().filter(|second| !second.is_last()).map(|s| s.second.clone()).collect();
    assert_eq!(stats, phase.seconds);
    for second in &seconds[..3] {
        assert_eq!(second.outcomes.values().sum::<u64>(), second.second.requests);
        assert!(second.busiest_thread.is_some_and(|busy| busy.0 < 2.0), "{:?}", second.busiest_thread);
    }
    let last = seconds.last().expect("seconds");
    assert!(last.is_last());
    assert_eq!((last.so_far.requests, last.so_far.errors), (phase.requests, phase.errors));
    assert_eq!(last.so_far.from_ms, phase.measured_from_ms);
    for (live, endpoint) in last.so_far.endpoints.iter().zip(&phase.endpoints) {
        let response = live.response.as_ref().expect("a distribution");
        assert_eq!((&live.name, live.requests), (&endpoint.name, endpoint.requests));
        assert_eq!(response.quantiles(), endpoint.response_us);
        let service = live.service.as_ref().expect("a distribution");
        assert_eq!(service.quantiles(), endpoint.service_us);
        assert_eq!(live.outcomes, endpoint.outcomes);
    }
    let lag = last.so_far.sched_lag.as_ref().expect("lateness");
    assert_eq!(lag.quantiles(), phase.sched_lag_us);
    assert!(last.so_far.doubts.is_empty(), "too early: {:?}", last.so_far.doubts);
}

#[test]
fn a_sink_gets_distributions_or_figures_or_nothing_as_it_asks() {
    let plan = plan(closed(2), &servers::calm(), vec![(get("/"), 1)]);
    let (phase, seconds) = run_watched(Interest::Figures, &plan);
    let last = seconds.last().expect("seconds");
    assert_eq!(last.so_far.requests, phase.requests);
    assert!(last.so_far.endpoints.iter().all(|endpoint| endpoint.response.is_none()));
    assert_eq!(last.so_far.endpoints[0].p95_us, phase.endpoints[0].response_us.p95);
    assert_eq!(seconds[0].segment, None);
    assert!(run_watched(Interest::None, &plan).1.is_empty());
}

#[test]
fn errors_raise_doubts_while_they_happen() {
    let load = PhaseLoad::RateSegments(vec!["hold 50/s for 4s".parse().expect("a segment")]);
    let mut plan = plan(load, &servers::calm(), vec![(get("/broken"), 1)]);
    plan.warmup = Duration::ZERO;
    let (_, seconds) = run_watched(Interest::Figures, &plan);
    let doubts: Vec<usize> = seconds.iter().map(|second| second.so_far.doubts.len()).collect();
    assert_eq!(doubts[..2], [0, 0]);
    assert!(seconds[3].so_far.doubts.iter().any(|doubt| doubt.contains("failed")), "{:?}", seconds[3].so_far);
    assert_eq!(seconds[0].segment.as_deref(), Some("segment 1 of 1: hold 50/s for 4s"));
}
