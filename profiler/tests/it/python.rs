//! py-spy on a real Python program. Where ptrace is refused or Python is missing, the refusal is tested.
#![expect(clippy::print_stderr, reason = "a test that did not run must be heard")]

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::profile::{FoldedProfile, ProfileView};
use kneepoint_model::stack::Runtime;
use kneepoint_model::tier::Tier;
use kneepoint_process::{Program, find};
use kneepoint_profiler::export::top_self;
use kneepoint_profiler::source::pyspy::PySpy;
use kneepoint_profiler::source::{Probe, ProfileTarget, ProfileWindow, Source};

use crate::workload::{PYTHON, Running, shared_run, sleeper};

fn view(profiles: &[FoldedProfile], view: ProfileView) -> &FoldedProfile {
    profiles.iter().find(|profile| profile.view == view).expect("all three views are there")
}

#[test]
fn a_busy_python_appears_in_three_views() {
    let _shared = shared_run();
    if find("python3").is_none() {
        return a_tier_without_python_is_denied();
    }
    let python = Running::start("python3 burn.py & wait", &[("burn.py", PYTHON)]);
    let info = python.tier(Tier::Server, Runtime::Python);
    let target = ProfileTarget::for_tier(&info, std::slice::from_ref(&info));
    let window = ProfileWindow { duration: Duration::from_millis(1_500), hz: 50, cancel: Cancel::new() };
    let probe = PySpy.probe(&target);
    if !may_trace() {
        assert!(
            matches!(&probe, Probe::Denied { why, fix } if !why.is_empty() && fix.contains("ptrace")),
            "{probe:?}"
        );
        assert!(PySpy.record(&target, &window).is_err());
        return;
    }
    assert_eq!(probe, Probe::Ok);
    let profiles = PySpy.record(&target, &window).expect("py-spy works here");
    let running = view(&profiles, ProfileView::Running);
    assert!(running.facts.samples >= 10 && running.facts.processes == 1, "{:?}", running.facts);
    assert!(running.facts.errors * 10 <= running.facts.samples, "{:?}", running.facts);
    let (leaf, share) = &top_self(running, 1)[0];
    assert!(
        leaf.starts_with("leaf_of_burning (") && leaf.ends_with("burn.py)") && share.0 > 0.5,
        "{leaf} {share}"
    );
    let root = running.stacks.keys().next().unwrap();
    assert!(root.starts_with("<module> (burn.py:") || root.contains("/burn.py:"), "{root}");
    let wall = view(&profiles, ProfileView::Wall);
    assert!(wall.stacks.keys().any(|stack| stack.contains("sleeping_thread")), "{:?}", wall.stacks);
    let woken: u64 =
        running.stacks.iter().filter(|(s, _)| s.contains("sleeping_thread")).map(|(_, n)| *n).sum();
    assert!(woken * 5 < running.facts.samples, "only its waking is running: {:?}", running.stacks);
    let gil = view(&profiles, ProfileView::Gil);
    assert!(gil.facts.samples > 0 && gil.facts.samples <= wall.facts.samples);
}

#[test]
fn in_a_container_a_thread_that_waits_is_not_running() {
    let _shared = shared_run();
    let may = Program::new("unshare").args(["-m", "-p", "-f", "true"]).run(Duration::from_secs(5));
    if find("python3").is_none() || may.is_err() || !may_trace() {
        eprintln!("NOT TESTED: needs Python, and the right to make process namespaces and to trace (root)");
        return;
    }
    let burning = PYTHON.replace("'pid'", "'working'");
    let inside = "unshare -m -p -f --mount-proc python3 burn.py & echo $! > p";
    let shell = format!("{inside}; while [ ! -e working ]; do sleep 0.02; done; mv p pid; wait");
    let container = Running::start(&shell, &[("burn.py", &burning)]);
    let info = container.tier(Tier::Server, Runtime::Python);
    let target = ProfileTarget::for_tier(&info, std::slice::from_ref(&info));
    let window = ProfileWindow { duration: Duration::from_millis(1_500), hz: 50, cancel: Cancel::new() };
    let profiles = PySpy.record(&target, &window).expect("py-spy sees into containers");
    let running = view(&profiles, ProfileView::Running);
    let of = |words: &str| -> u64 {
        running.stacks.iter().filter(|(stack, _)| stack.contains(words)).map(|(_, n)| *n).sum()
    };
    assert!(of("leaf_of_burning") >= 10, "{:?}", running.stacks);
    if running.facts.notes.iter().any(|note| note.contains("guessed")) {
        eprintln!("NOT TESTED: this Python is too old to report its thread ids");
        return;
    }
    assert!(of("sleeping_thread") * 5 < running.facts.samples, "{:?}", running.stacks);
    let wall = view(&profiles, ProfileView::Wall);
    assert!(wall.stacks.keys().any(|stack| stack.contains("sleeping_thread")), "{:?}", wall.stacks);
}

/// Burns CPU for a while and ends, like a worker that has reached its maximum of requests.
const SHORT: &str =
    "import time\nend = time.monotonic() + 2.0\nwhile time.monotonic() < end:\n    sum(range(20000))\n";

#[test]
fn a_respawned_worker_is_found() {
    let _shared = shared_run();
    if find("python3").is_none() {
        return a_tier_without_python_is_denied();
    }
    let two = "sh -c 'echo $$ > p; mv p pid; python3 short.py & sleep 1; python3 long.py & wait' & wait";
    let long = SHORT.replace("2.0", "20");
    let master = Running::start(two, &[("short.py", SHORT), ("long.py", long.as_str())]);
    let info = master.tier(Tier::Server, Runtime::Python);
    let window = ProfileWindow { duration: Duration::from_millis(3_500), hz: 20, cancel: Cancel::new() };
    let recorded = PySpy.record(&ProfileTarget::for_tier(&info, std::slice::from_ref(&info)), &window);
    if !may_trace() {
        assert!(recorded.is_err());
        return;
    }
    let profiles = recorded.expect("py-spy works here");
    let facts = &view(&profiles, ProfileView::Running).facts;
    assert!(facts.processes == 2 && facts.samples > 3, "{facts:?}");
    assert!(facts.errors * 3 <= facts.samples, "a worker that ends is no error: {facts:?}");
}

/// Checks without py-spy whether the kernel permits opening another process's memory.
fn may_trace() -> bool {
    let sleeper = sleeper();
    std::fs::File::open(format!("/proc/{}/mem", sleeper.pid)).is_ok()
}

#[test]
fn a_tier_without_python_is_denied() {
    let sleeper = sleeper();
    let info = sleeper.tier(Tier::Server, Runtime::Python);
    let probe = PySpy.probe(&ProfileTarget::for_tier(&info, std::slice::from_ref(&info)));
    assert!(matches!(&probe, Probe::Denied { why, .. } if why.contains("no Python process")), "{probe:?}");
}

#[test]
fn cancelling_ends_the_window_early() {
    let sleeper = sleeper();
    let info = sleeper.tier(Tier::Server, Runtime::Python);
    let cancel = Cancel::new();
    cancel.cancel();
    let window = ProfileWindow { duration: Duration::from_secs(30), hz: 20, cancel };
    let started = std::time::Instant::now();
    assert!(PySpy.record(&ProfileTarget::for_tier(&info, &[]), &window).is_err());
    assert!(started.elapsed() < Duration::from_secs(1));
}
