//! kneepoint's own profile, recorded by pprof in this process, to show what the load generator costs.
//!
//! SIGPROF fires every 1/hz seconds of CPU time; the handler walks frame pointers (this workspace is built with
//! them), so the innermost function of a stack can be missing. Only one profile at a time per process. No blocklist:
//! it would drop the samples of whole libraries, including system calls and memory allocation.

use std::collections::BTreeMap;
use std::time::Instant;

use kneepoint_model::profile::{FoldedProfile, ProfileFacts, ProfileSource, ProfileUnit, ProfileView};
use pprof::{Frames, ProfilerGuardBuilder, Report};

use super::{Probe, ProfileTarget, ProfileWindow, Source, describe_pprof_error};
use crate::ProfilerError;
use crate::export::frame;

/// At higher rates the kernel tick drives the timer, which then counts too little.
const MAX_HZ: u32 = 99;

/// Profiler of this process.
#[derive(Debug, Clone, Copy)]
pub struct SelfPprof;

impl Source for SelfPprof {
    fn kind(&self) -> ProfileSource {
        ProfileSource::PprofSelf
    }

    fn probe(&self, _target: &ProfileTarget) -> Probe {
        Probe::Ok
    }

    fn record(
        &self,
        target: &ProfileTarget,
        window: &ProfileWindow,
    ) -> Result<Vec<FoldedProfile>, ProfilerError> {
        let hz = window.hz.clamp(1, MAX_HZ);
        let refused = |error: pprof::Error| ProfilerError::Refused {
            source_name: "pprof",
            why: describe_pprof_error(&error),
        };
        let started = Instant::now();
        let rate = i32::try_from(hz).unwrap_or(i32::MAX);
        let guard = ProfilerGuardBuilder::default().frequency(rate).build().map_err(refused)?;
        window.cancel.sleep(window.duration);
        let elapsed = started.elapsed();
        let report = guard.report().build().map_err(refused)?;
        drop(guard);
        let stacks = fold(&report);
        let facts = ProfileFacts {
            hz,
            duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            processes: 1,
            samples: stacks.values().sum(),
            notes: vec![
                "Recorded inside the process: the innermost function of a stack may be missing.".to_owned(),
            ],
            ..ProfileFacts::default()
        };
        Ok(vec![FoldedProfile {
            tier: target.tier,
            source: ProfileSource::PprofSelf,
            view: ProfileView::Running,
            unit: ProfileUnit::Samples,
            stacks,
            facts,
        }])
    }
}

fn fold(report: &Report) -> BTreeMap<String, u64> {
    let mut stacks = BTreeMap::new();
    for (frames, count) in &report.data {
        let sum: &mut u64 = stacks.entry(thread_stack(frames)).or_default();
        *sum = sum.saturating_add(u64::try_from(*count).unwrap_or(0));
    }
    stacks
}

/// The thread's name, then its functions from the root; inlined functions are listed innermost first in the report.
fn thread_stack(frames: &Frames) -> String {
    let mut names = vec![frames.thread_name_or_id()];
    for inlined in frames.frames.iter().rev() {
        names.extend(inlined.iter().rev().map(pprof::Symbol::name));
    }
    frame::join(names.iter().map(String::as_str))
}
