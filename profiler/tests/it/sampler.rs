//! The sampler on this process: the reported usage is the real usage.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::event::NullEventSink;
use kneepoint_model::run::{RunFolder, names};
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::stack::Runtime;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;
use kneepoint_profiler::{GaugeSlot, SamplePlan, SampleSummary, Sampler};
use rustix::time::{ClockId, clock_gettime};
use url::Url;

use crate::workload::{Running, burn_cpu_here, exclusive_run, shared_run};

fn process_cpu_time() -> Duration {
    let spec = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spec.tv_sec as u64, spec.tv_nsec as u32)
}

fn sampled(plan: SamplePlan, body: impl FnOnce()) -> (Vec<ResourceSample>, SampleSummary, Duration) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let run = RunFolder::create(folder.path(), "r").expect("run folder");
    let handle = Sampler::start(plan, &run, Arc::new(NullEventSink)).expect("sampler starts");
    body();
    let stopping = Instant::now();
    let summary = handle.stop();
    let took = stopping.elapsed();
    let (samples, garbage) = run.read_lines(names::RESOURCES).expect("samples can be read");
    assert_eq!(garbage, 0);
    (samples, summary, took)
}

#[test]
fn reported_cpu_is_the_cpu_used() {
    let _exclusive = exclusive_run();
    let plan = SamplePlan { hz: 5, tiers: Vec::new(), nginx_status: None, stores: GaugeSlot::default() };
    let before = process_cpu_time();
    let mut burnt = Duration::ZERO;
    let (samples, summary, took) = sampled(plan, || {
        burn_cpu_here(Duration::from_millis(1_500));
        // The last tick must include the end of the work.
        thread::sleep(Duration::from_millis(260));
        // Read as late as the last tick: tests on other threads of this process use CPU time too.
        burnt = process_cpu_time().saturating_sub(before);
    });
    let reported: u64 =
        samples.iter().flat_map(|s| &s.tiers).filter(|t| t.tier == Tier::Generator).map(|t| t.cpu_us.0).sum();
    let truth = burnt.as_micros() as f64;
    assert!((reported as f64 / truth - 1.0).abs() < 0.25, "reported {reported} µs, truth {truth} µs");
    assert!(took < Duration::from_millis(300), "stopping took {took:?}");
    assert_eq!(summary.ticks, samples.len() as u64);
    assert!((4..=9).contains(&samples.len()), "{} ticks in 1.76 s at 5 Hz", samples.len());
    let length: u64 = samples.iter().map(|s| s.tick_us.0).sum();
    assert!((1_300_000..2_200_000).contains(&length), "{length}");
    let own = samples.last().unwrap().tiers.last().unwrap();
    assert!(own.rss.0 > 1_000_000 && own.threads >= 2 && own.processes == 1 && own.fds > 3, "{own:?}");
    assert!(samples[0].tiers[0].pss.is_some(), "the proportional memory is read in the first tick");
    assert!(samples.iter().map(|s| s.host.busy_us).sum::<Micros>().0 > 500_000);
    assert!(samples[0].host.mem_available.0 > 0 && samples[0].host.cores > 0);
    assert!(summary.own_cpu_us.0 > 0 && summary.own_cpu_us.0 < 200_000, "{summary:?}");
}

#[test]
fn a_tier_has_its_descendants_and_new_ones_count_from_their_start() {
    let _shared = shared_run();
    // An idle parent that starts a busy child after a while.
    let script = "echo $$ > p; mv p pid; sleep 0.7; while :; do :; done & sleep 30";
    let running = Running::start(&format!("sh -c '{script}' & wait"), &[]);
    let plan = SamplePlan {
        hz: 5,
        tiers: vec![running.tier(Tier::Db, Runtime::Native)],
        nginx_status: None,
        stores: GaugeSlot::default(),
    };
    let (samples, summary, _) = sampled(plan, || thread::sleep(Duration::from_millis(1_800)));
    let db: Vec<_> = samples.iter().flat_map(|s| &s.tiers).filter(|t| t.tier == Tier::Db).collect();
    assert!(db[0].cpu_us.0 < 100_000, "quiet at first: {:?}", db[0]);
    let started: u32 = db.iter().map(|t| t.started).sum();
    assert!(started >= 2, "the burning child and the last sleep are new: {started}");
    let cpu: u64 = db.iter().map(|t| t.cpu_us.0).sum();
    assert!(cpu > 150_000, "the child's CPU counts: {cpu}");
    assert!(db.last().unwrap().processes >= 3, "{:?}", db.last());
    // The first `sleep` ended while it was tracked: the loss of its last tick is reported.
    assert!(summary.unmeasured.iter().any(|gap| gap.what.contains("processes that ended")), "{summary:?}");
}

#[test]
fn an_unresponsive_nginx_is_a_gap_and_delays_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/s", listener.local_addr().unwrap())).unwrap();
    let plan = SamplePlan { hz: 2, tiers: Vec::new(), nginx_status: Some(url), stores: GaugeSlot::default() };
    let (samples, summary, took) = sampled(plan, || thread::sleep(Duration::from_millis(600)));
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].nginx, None);
    assert!(took < Duration::from_millis(300), "{took:?}");
    assert!(summary.errors == 1 && summary.unmeasured.iter().any(|gap| gap.what.contains("nginx status")));
}
