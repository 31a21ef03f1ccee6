//! Whole phases against servers that run in this process, on loopback.

mod auth;
mod blocks;
mod clock;
mod codings;
mod custom_journeys;
mod faults;
mod feeds;
mod files;
mod flow;
mod groups;
mod http2;
mod http2_servers;
mod journeys;
mod live;
mod pages;
mod replay;
mod schedule;
mod servers;
mod slow;
mod sockets;
mod tls;
mod tls_servers;
mod uploads;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kneepoint_loadgen::{LoadError, PhaseLoad, PhasePlan, run_phase};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::load::{LoadModel, LoadPhase};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::run::RunFolder;
use kneepoint_model::units::PerSecond;
use kneepoint_scenarios::Scenario;

/// Collects all events.
#[derive(Default)]
struct RecordedEvents(Mutex<Vec<Event>>);

impl EventSink for RecordedEvents {
    fn emit(&self, event: Event) {
        self.0.lock().expect("lock").push(event);
    }
}

/// A run folder for one test.
struct TestRun {
    _dir: tempfile::TempDir,
    run: RunFolder,
    recorded: Arc<RecordedEvents>,
    cancel: Cancel,
}

impl TestRun {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        let run = RunFolder::create(dir.path(), "r").expect("run folder");
        Self { _dir: dir, run, recorded: Arc::default(), cancel: Cancel::new() }
    }
    fn run(&self, plan: &PhasePlan) -> LoadPhase {
        // Closed phases of one process run one after the other; one that waited for another would find its time over.
        static TURN: Mutex<()> = Mutex::new(());
        let is_closed = !plan.load.is_open();
        let _turn = is_closed.then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner));
        let events: Arc<dyn EventSink> = Arc::clone(&self.recorded) as Arc<dyn EventSink>;
        run_phase(plan, &self.run, &self.cancel, &events).unwrap_or_else(|e| panic!("{e}"))
    }
    fn refused(&self, plan: &PhasePlan) -> LoadError {
        let events: Arc<dyn EventSink> = Arc::clone(&self.recorded) as Arc<dyn EventSink>;
        run_phase(plan, &self.run, &self.cancel, &events).expect_err("it cannot be run")
    }
}

fn scenario(text: &str) -> Scenario {
    Scenario::parse("test.toml", text).unwrap_or_else(|e| panic!("{e}"))
}

fn get(path: &str) -> Scenario {
    scenario(&format!("name = \"get\"\n[[step]]\npath = \"{path}\"\n"))
}

/// One path, which is also the name of scenario and step.
fn named(path: &str) -> Scenario {
    scenario(&format!("name = \"{path}\"\n[[step]]\nname = \"{path}\"\npath = \"{path}\"\n"))
}

/// Requests each of seven paths five times in a second, and asserts how they end.
fn assert_outcomes(faults: [(&str, Outcome); 7], plan: impl FnOnce(Vec<(Scenario, u32)>) -> PhasePlan) {
    let mut plan = plan(faults.iter().map(|(path, _)| (named(path), 1)).collect());
    plan.options.max_body = 1 << 20;
    plan.warmup = Duration::ZERO;
    let phase = TestRun::new().run(&plan);
    assert_eq!(phase.requests, 35, "none is dropped");
    for (endpoint, (path, outcome)) in phase.endpoints.iter().zip(faults) {
        assert_eq!(endpoint.outcomes.get(&outcome), Some(&5), "{path}: {:?}", endpoint.outcomes);
    }
}

fn plan(load: impl Into<PhaseLoad>, base: &str, scenarios: Vec<(Scenario, u32)>) -> PhasePlan {
    let mut plan = PhasePlan::new("test", load, base.parse().expect("address"), scenarios);
    plan.set_lengths(Duration::from_millis(300), Duration::from_secs(1));
    plan.options.timeout = Duration::from_millis(400);
    plan
}

fn open(rate: f64) -> LoadModel {
    LoadModel::Open { rate: PerSecond(rate) }
}

fn closed(users: u32) -> LoadModel {
    LoadModel::Closed { users }
}
