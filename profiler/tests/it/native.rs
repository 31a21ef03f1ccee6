//! perf on a real native program; where perf is missing or refused, the refusal is tested.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::profile::ProfileUnit;
use kneepoint_model::stack::Runtime;
use kneepoint_model::tier::Tier;
use kneepoint_profiler::capabilities;
use kneepoint_profiler::source::perf::Perf;
use kneepoint_profiler::source::{Probe, ProfileTarget, ProfileWindow, Source};

use crate::workload::{Running, shared_run, tier_info};

fn capability(name: &str) -> kneepoint_profiler::Capability {
    capabilities().into_iter().find(|one| one.name == name).expect("it is among the checks")
}

#[test]
fn a_busy_shell_is_profiled_or_the_refusal_is_explained() {
    let _shared = shared_run();
    let shell = Running::start("sh -c 'echo $$ > p; mv p pid; while :; do :; done' & wait", &[]);
    let info = shell.tier(Tier::Proxy, Runtime::Native);
    let target = ProfileTarget::for_tier(&info, std::slice::from_ref(&info));
    let probe = Perf.probe(&target);
    let trial = capability("native stacks (perf)");
    if !trial.ok {
        assert!(
            matches!(&probe, Probe::Denied { why, fix } if !why.is_empty() && !fix.is_empty()),
            "{probe:?}"
        );
        assert!(!trial.why.is_empty() && !trial.fix.is_empty(), "{trial:?}");
        return;
    }
    assert_eq!(probe, Probe::Ok);
    let window = ProfileWindow { duration: Duration::from_secs(1), hz: 49, cancel: Cancel::new() };
    let profile = Perf.record(&target, &window).expect("perf works here").remove(0);
    assert!((10..=60).contains(&profile.facts.samples), "{:?}", profile.facts);
    assert_eq!(profile.unit, ProfileUnit::CpuNanos);
    let nanos: u64 = profile.stacks.values().sum();
    let each = nanos / profile.facts.samples;
    assert!((20_000_000..=20_800_000).contains(&each), "a sample at 49 Hz is 20.4 ms: {each} ns");
    assert!(profile.stacks.keys().all(|stack| stack.starts_with("sh")), "{:?}", profile.stacks.keys());
    assert!(profile.stacks.keys().any(|stack| stack.split(';').count() >= 3), "{:?}", profile.stacks.keys());
}

#[test]
fn a_tier_that_has_gone_is_denied() {
    let info = tier_info(Tier::Proxy, Runtime::Native, vec![4_194_303]);
    let probe = Perf.probe(&ProfileTarget::for_tier(&info, std::slice::from_ref(&info)));
    assert!(matches!(probe, Probe::Denied { .. }), "{probe:?}");
}

#[test]
fn every_check_of_the_doctor_has_a_reason_and_a_failed_one_a_fix() {
    let checks = capabilities();
    assert_eq!(checks.len(), 9);
    for check in &checks {
        assert!(!check.name.is_empty() && !check.why.is_empty(), "{check:?}");
        assert_eq!(check.ok, check.fix.is_empty(), "{check:?}");
        assert!(!check.why.contains('\n'), "{check:?}");
    }
    assert!(capability("CPU of processes").ok, "this test runs on Linux with /proc");
}
