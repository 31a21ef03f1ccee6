//! This process, profiled by pprof.

use std::thread;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_profiler::source::pprof_self::SelfPprof;
use kneepoint_profiler::source::{ProfileTarget, ProfileWindow, Source};
use rustix::time::{ClockId, clock_gettime};

use crate::workload::{burn_cpu_here, exclusive_run};

#[test]
fn own_cpu_use_is_profiled_and_a_second_profile_is_refused() {
    let _exclusive = exclusive_run();
    let target = ProfileTarget::generator();
    let window = |ms| ProfileWindow { duration: Duration::from_millis(ms), hz: 99, cancel: Cancel::new() };
    let burner = thread::Builder::new().name("burner".to_owned()).spawn(|| {
        burn_cpu_here(Duration::from_secs(1));
        clock_gettime(ClockId::ThreadCPUTime)
    });
    let second = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        SelfPprof.record(&ProfileTarget::generator(), &window(50))
    });
    let profile = SelfPprof.record(&target, &window(1_000)).expect("pprof works in this process").remove(0);
    let burnt = burner.expect("a thread").join().expect("burns");
    let expected = (burnt.tv_sec as f64 + burnt.tv_nsec as f64 / 1e9) * 99.0;
    let refused = second.join().expect("no panic").expect_err("one profile at a time");
    assert!(refused.to_string().contains("already being profiled"), "{refused}");
    let burning: u64 =
        profile.stacks.iter().filter(|(stack, _)| stack.starts_with("burner;")).map(|(_, n)| n).sum();
    assert!(
        (0.3..1.5).contains(&(burning as f64 / expected)),
        "{burning} of {expected} expected, {} samples: {:?}",
        profile.facts.samples,
        profile.stacks
    );
    let named = profile.stacks.keys().any(|stack| stack.contains("burn_cpu_here"));
    assert!(named, "{:?}", profile.stacks.keys());
}
