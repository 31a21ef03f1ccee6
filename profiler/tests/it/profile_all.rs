//! `profile_all` as the harness calls it: a real Python program, this process, a tier that cannot be profiled.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::profile::{ProfileSource, ProfileView, ProfilesIndex};
use kneepoint_model::run::{RunFolder, names};
use kneepoint_model::stack::Runtime;
use kneepoint_model::tier::Tier;
use kneepoint_process::find;
use kneepoint_profiler::{ProfilePlan, profile_all};

use crate::workload::{PYTHON, Running, burn_cpu_here, exclusive_run, tier_info};

#[derive(Default)]
struct RecordedEvents(Mutex<Vec<Event>>);

impl EventSink for RecordedEvents {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

#[test]
fn a_run_gets_profiles_an_index_and_reasons() {
    let _exclusive = exclusive_run();
    let python = find("python3").map(|_| Running::start("python3 burn.py & wait", &[("burn.py", PYTHON)]));
    let mut tiers = vec![tier_info(Tier::Engine, Runtime::FramePointers, Vec::new())];
    tiers.extend(python.iter().map(|python| python.tier(Tier::Server, Runtime::Python)));
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(folder.path(), "r").unwrap();
    let recorded = Arc::new(RecordedEvents::default());
    let events: Arc<dyn EventSink> = recorded.clone();
    let burner = std::thread::spawn(|| burn_cpu_here(Duration::from_millis(2_200)));
    let outcome = profile_all(&ProfilePlan::new(tiers, 2), &Cancel::new(), &run, &events);
    burner.join().unwrap();

    let index: ProfilesIndex = run.read_json(names::PROFILES_INDEX).expect("the index is written");
    assert_eq!(index, outcome.index);
    assert!(
        outcome.unmeasured.iter().any(|gap| gap.what == "profile of the engine tier" && !gap.fix.is_empty())
    );
    assert!(recorded.0.lock().unwrap().iter().any(|event| matches!(event, Event::Warning { .. })));
    for entry in &index.profiles {
        for form in ["folded", "svg", "pb.gz", "speedscope.json"] {
            assert!(run.has(&format!("profiles/{}.{form}", entry.file)), "{} {form}", entry.file);
        }
    }
    let of = |tier, view| index.profiles.iter().find(|entry| entry.tier == tier && entry.view == view);
    let generator = of(Tier::Generator, ProfileView::Running).expect("our own profile");
    assert_eq!(generator.source, ProfileSource::PprofSelf);
    assert!(generator.facts.true_cpu_ns > 100_000_000, "{:?}", generator.facts);
    assert!(generator.facts.expected_samples.is_some_and(|n| n >= 5), "{:?}", generator.facts);
    let merged = of(Tier::Host, ProfileView::Running).expect("the merged profile");
    assert_eq!((merged.source, merged.file.as_str()), (ProfileSource::Merged, "merged"));
    if let Some(server) = of(Tier::Server, ProfileView::Running) {
        // "Running" is ready: with a core or waiting for one.
        let ready =
            (server.facts.true_cpu_ns + server.facts.run_queue_ns) as f64 / 1e9 * f64::from(server.facts.hz);
        let ratio = server.facts.samples as f64 / ready;
        assert!((0.5..1.6).contains(&ratio) && server.facts.expected_samples.is_some(), "{:?}", server.facts);
        assert!(server.top_self[0].0.starts_with("leaf_of_burning"), "{:?}", server.top_self);
    } else {
        let server_gap = outcome.unmeasured.iter().any(|gap| gap.what == "profile of the server tier");
        assert!(server_gap || python.is_none(), "{:?}", outcome.unmeasured);
    }
    assert!(!std::fs::read_dir(run.path(names::PROFILES)).unwrap().flatten().any(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        name.contains(".part") || name.contains("perf.data")
    }));
}

#[test]
fn cancelling_returns_soon() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(folder.path(), "r").unwrap();
    let events: Arc<dyn EventSink> = Arc::new(RecordedEvents::default());
    let cancel = Cancel::new();
    let plan = ProfilePlan { tiers: Vec::new(), seconds: 60, hz: 20, generator: false };
    cancel.cancel();
    let started = Instant::now();
    let outcome = profile_all(&plan, &cancel, &run, &events);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(outcome.index.profiles.is_empty() && outcome.unmeasured.is_empty());
}
