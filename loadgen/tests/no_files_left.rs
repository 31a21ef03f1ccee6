//! A generator that may open no more files. A binary of its own, because the limit is process-wide.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{PhasePlan, run_phase};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::load::LoadModel;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::run::RunFolder;
use kneepoint_scenarios::Scenario;
use rustix::process::{Resource, Rlimit, setrlimit};

struct Deaf;

impl EventSink for Deaf {
    fn emit(&self, _: Event) {}
}

#[test]
fn faults_of_this_machine_are_not_attributed_to_the_site() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    std::thread::spawn(move || {
        loop {
            // Without a free descriptor the server cannot accept a connection either.
            let Ok((mut stream, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            };
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|n| n > 0)
                    && stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_ok()
                {
                }
            });
        }
    });
    let scenario =
        Scenario::parse("x", "name = \"x\"\nthink = { min_ms = 20, max_ms = 20 }\n[[step]]\npath = \"/\"\n");
    let scenario = scenario.unwrap_or_else(|e| panic!("{e}"));
    let model = LoadModel::Closed { users: 100 };
    let mut plan = PhasePlan::new("test", model, base.parse().expect("address"), vec![(scenario, 1)]);
    // Users start one after the other, 10 ms apart: the first have their connections before the last want one.
    (plan.warmup, plan.duration) = (Duration::from_secs(2), Duration::from_secs(1));
    plan.options.timeout = Duration::from_millis(400);
    let dir = tempfile::tempdir().expect("folder");
    let run = RunFolder::create(dir.path(), "r").expect("run folder");

    // The soft limit could be raised again, the hard one cannot.
    let few = Rlimit { current: Some(80), maximum: Some(80) };
    setrlimit(Resource::Nofile, few).expect("a lower limit is always allowed");
    let events: Arc<dyn EventSink> = Arc::new(Deaf);
    let phase = run_phase(&plan, &run, &Cancel::new(), &events).unwrap_or_else(|e| panic!("{e}"));
    let count = |outcome| phase.outcomes.get(&outcome).copied().unwrap_or_default();
    assert!(count(Outcome::Ok) > 0 && count(Outcome::Refused) > 0, "{:?}", phase.outcomes);
    let told = phase.exemplars.iter().find(|exemplar| exemplar.outcome == Outcome::Refused);
    assert!(told.is_some_and(|told| told.detail.contains("Too many open files")), "{told:?}");
    assert!(!phase.validity.valid && phase.validity.generator_at_fault, "{:?}", phase.validity);
}
