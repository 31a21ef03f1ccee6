//! Python tiers through py-spy as a library: one spy per worker, each in its own thread (ptrace belongs to a thread).
//!
//! - `py_spy::sampler::Sampler` is not used: it leaks threads until the target ends.
//! - Workers are paused for each sample (0.2–0.7 ms), because samples without a pause lose 10–15 % to inconsistent
//!   reads. Only a direct child of this process is not paused: another thread's `waitpid` could receive the stop.
//! - The arbiter is excluded: a Python process with Python children only waits, yet would give half of the samples.
//! - "Running" means runnable to the kernel and includes waiting for a core. The caller adds the true CPU time.

mod threads;
mod views;
mod worker;
mod workers;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kneepoint_model::profile::{FoldedProfile, ProfileFacts, ProfileSource, ProfileUnit, ProfileView};
use kneepoint_model::text::collapsed_line;

use super::{Probe, ProfileTarget, ProfileWindow, Source};
use crate::ProfilerError;
use crate::os::ProcReader;
use views::StackViews;
use worker::{WorkerSamples, WorkerSampling};

/// How often respawned workers are looked for.
const RESCAN_INTERVAL: Duration = Duration::from_secs(1);

/// The py-spy library.
#[derive(Debug, Clone, Copy)]
pub struct PySpy;

impl Source for PySpy {
    fn kind(&self) -> ProfileSource {
        ProfileSource::PySpy
    }

    fn probe(&self, target: &ProfileTarget) -> Probe {
        let Some(pid) = workers::find_workers(target, &mut ProcReader::default()).first().copied() else {
            return Probe::Denied {
                why: format!("no Python process was found in the {} tier", target.tier),
                fix: "give the process id of the application server's master (gunicorn, supervisor)"
                    .to_owned(),
            };
        };
        match worker::open_spy(pid) {
            Ok(_) => Probe::Ok,
            Err(message) => {
                let (why, fix) = explain_refusal(&message);
                Probe::Denied { why, fix: fix.to_owned() }
            }
        }
    }

    fn record(
        &self,
        target: &ProfileTarget,
        window: &ProfileWindow,
    ) -> Result<Vec<FoldedProfile>, ProfilerError> {
        let started = Instant::now();
        let stop = Arc::new(AtomicBool::new(false));
        let mut spies: HashMap<u32, JoinHandle<WorkerSamples>> = HashMap::new();
        let mut reader = ProcReader::default();
        loop {
            for pid in workers::find_workers(target, &mut reader) {
                if !spies.contains_key(&pid) {
                    spies.insert(pid, start_spy(pid, window.hz, spies.len(), &stop)?);
                }
            }
            let left = window.duration.saturating_sub(started.elapsed());
            if left.is_zero() || window.cancel.sleep(left.min(RESCAN_INTERVAL)) {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
        let elapsed = started.elapsed();
        let samples: Vec<WorkerSamples> = spies.into_values().filter_map(|spy| spy.join().ok()).collect();
        fold(target, window, elapsed, samples)
    }
}

fn start_spy(
    pid: u32,
    hz: u32,
    index: usize,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<WorkerSamples>, ProfilerError> {
    let sampling = WorkerSampling { pid, hz, index, stop: Arc::clone(stop) };
    thread::Builder::new()
        .name(format!("kp-spy-{pid}"))
        .spawn(move || sampling.run())
        .map_err(|source| ProfilerError::System { action: "start a py-spy thread", source })
}

fn fold(
    target: &ProfileTarget,
    window: &ProfileWindow,
    elapsed: Duration,
    samples: Vec<WorkerSamples>,
) -> Result<Vec<FoldedProfile>, ProfilerError> {
    let refusal = samples.iter().find_map(|samples| samples.refusal.clone());
    let opened = samples.iter().filter(|samples| samples.refusal.is_none()).count();
    if opened == 0 {
        let why = refusal.unwrap_or_else(|| "the tier has no Python worker".to_owned());
        return Err(ProfilerError::Refused { source_name: "py-spy", why });
    }
    let mut facts = ProfileFacts {
        hz: window.hz,
        duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        processes: u32::try_from(opened).unwrap_or(u32::MAX),
        errors: samples.iter().map(|samples| samples.errors).sum(),
        ..ProfileFacts::default()
    };
    if let Some(why) = refusal {
        facts.notes.push(format!(
            "{} of {} workers could not be sampled: {why}.",
            samples.len() - opened,
            samples.len()
        ));
    }
    let (attempts, late): (u64, u64) =
        samples.iter().fold((0, 0), |sum, samples| (sum.0 + samples.attempts, sum.1 + samples.late));
    if late * 10 > attempts {
        facts.notes.push(format!("{late} of {attempts} stack samples were taken late: the machine is busy, lower the sampling rate."));
    }
    if samples.iter().any(|samples| samples.unstopped) {
        facts
            .notes
            .push("A worker was sampled without pausing it: some stacks may be inconsistent.".to_owned());
    }
    if samples.iter().any(|samples| samples.guessed) {
        facts.notes.push(
            "Which threads were running is guessed from their innermost function: Python before 3.11 does not report thread ids in a container."
                .to_owned(),
        );
    }
    let mut views = StackViews::default();
    for worker in samples {
        views.merge(worker.views);
    }
    let profile = |(view, stacks): (ProfileView, views::FoldedStacks)| FoldedProfile {
        tier: target.tier,
        source: ProfileSource::PySpy,
        view,
        unit: ProfileUnit::Samples,
        facts: ProfileFacts { samples: stacks.values().sum(), ..facts.clone() },
        stacks,
    };
    Ok(views.into_views().map(profile).into())
}

/// Reason and fix for a message of py-spy.
fn explain_refusal(message: &str) -> (String, &'static str) {
    if ["ermission denied", "EPERM", "not permitted"].iter().any(|words| message.contains(words)) {
        let why = "the kernel does not permit this user to trace the Python workers".to_owned();
        let fix = "run kneepoint as root, or as the workers' user with `sysctl kernel.yama.ptrace_scope=0`; in a container \
                   add cap SYS_PTRACE";
        return (why, fix);
    }
    let fix = if message.contains("version") {
        "use CPython 2.7 or 3.3 to 3.15 with the global lock (free-threaded builds cannot be read)"
    } else {
        "check that the worker still runs and is CPython; `py-spy dump --pid PID` shows the same error"
    };
    (format!("py-spy reports: {message}"), fix)
}

/// Error of py-spy as one line.
pub(super) fn error_line(error: &impl std::fmt::Display) -> String {
    collapsed_line(&format!("{error:#}"), 300)
}
