//! Python tiers, by py-spy as a library: one spy per worker, each inside its own thread (ptrace belongs to a thread).
//!
//! - `py_spy::sampler::Sampler` is never used: it leaks threads until the target ends.
//! - Workers are stopped for the length of a look (0.2–0.7 ms), since unstopped looks lose 10–15 % to torn reads. Only a
//!   direct child of ours is not stopped: another thread's `waitpid` on it could take the stop for itself.
//! - The arbiter is left out: a Python process with Python children waits, yet would give half of the samples.
//! - "Running" is what the kernel calls ready: it includes waiting for a core. The caller puts true CPU time beside it.

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

use super::{Probe, Source, Target, Window, one_line};
use crate::ProfilerError;
use crate::os::Reader;
use views::Views;
use worker::{Seen, Spying};

/// How often workers that were respawned are looked for.
const RESCAN: Duration = Duration::from_secs(1);

/// py-spy.
#[derive(Debug, Clone, Copy)]
pub struct PySpy;

impl Source for PySpy {
    fn kind(&self) -> ProfileSource {
        ProfileSource::PySpy
    }

    fn probe(&self, target: &Target) -> Probe {
        let Some(pid) = workers::find(target, &mut Reader::default()).first().copied() else {
            return Probe::Denied {
                why: format!("no Python process was found in the {} tier", target.tier),
                fix: "give the process id of the application server's master (gunicorn, supervisor)"
                    .to_owned(),
            };
        };
        match worker::open(pid) {
            Ok(_) => Probe::Ok,
            Err(said) => {
                let (why, fix) = explain(&said);
                Probe::Denied { why, fix: fix.to_owned() }
            }
        }
    }

    fn record(&self, target: &Target, window: &Window) -> Result<Vec<FoldedProfile>, ProfilerError> {
        let started = Instant::now();
        let stop = Arc::new(AtomicBool::new(false));
        let mut spies: HashMap<u32, JoinHandle<Seen>> = HashMap::new();
        let mut reader = Reader::default();
        loop {
            for pid in workers::find(target, &mut reader) {
                if !spies.contains_key(&pid) {
                    spies.insert(pid, spy_on(pid, window.hz, spies.len(), &stop)?);
                }
            }
            let left = window.duration.saturating_sub(started.elapsed());
            if left.is_zero() || window.cancel.sleep(left.min(RESCAN)) {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
        let elapsed = started.elapsed();
        let seen: Vec<Seen> = spies.into_values().filter_map(|spy| spy.join().ok()).collect();
        fold(target, window, elapsed, seen)
    }
}

fn spy_on(
    pid: u32,
    hz: u32,
    index: usize,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<Seen>, ProfilerError> {
    let spying = Spying { pid, hz, index, stop: Arc::clone(stop) };
    thread::Builder::new()
        .name(format!("kp-spy-{pid}"))
        .spawn(move || spying.run())
        .map_err(|source| ProfilerError::System { action: "start a py-spy thread", source })
}

fn fold(
    target: &Target,
    window: &Window,
    elapsed: Duration,
    seen: Vec<Seen>,
) -> Result<Vec<FoldedProfile>, ProfilerError> {
    let refused = seen.iter().find_map(|seen| seen.refused.clone());
    let opened = seen.iter().filter(|seen| seen.refused.is_none()).count();
    if opened == 0 {
        let why = refused.unwrap_or_else(|| "the tier has no Python worker".to_owned());
        return Err(ProfilerError::Refused { source_name: "py-spy", why });
    }
    let mut facts = ProfileFacts {
        hz: window.hz,
        duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        processes: u32::try_from(opened).unwrap_or(u32::MAX),
        errors: seen.iter().map(|seen| seen.errors).sum(),
        ..ProfileFacts::default()
    };
    if let Some(why) = refused {
        facts.notes.push(format!(
            "{} of {} workers could not be looked at: {why}.",
            seen.len() - opened,
            seen.len()
        ));
    }
    let (looks, late): (u64, u64) =
        seen.iter().fold((0, 0), |sum, seen| (sum.0 + seen.looks, sum.1 + seen.late));
    if late * 10 > looks {
        facts.notes.push(format!("{late} of {looks} looks came late: the machine is busy, lower the rate."));
    }
    if seen.iter().any(|seen| seen.unstopped) {
        facts.notes.push("A worker was looked at without stopping it: some stacks may be torn.".to_owned());
    }
    if seen.iter().any(|seen| seen.guessed) {
        facts.notes.push(
            "Which threads ran is guessed from their innermost function: a Python before 3.11 in a container does not tell."
                .to_owned(),
        );
    }
    let mut views = Views::default();
    for one in seen {
        views.add(one.views);
    }
    let profile = |(view, stacks): (ProfileView, views::Stacks)| FoldedProfile {
        tier: target.tier,
        source: ProfileSource::PySpy,
        view,
        unit: ProfileUnit::Samples,
        facts: ProfileFacts { samples: stacks.values().sum(), ..facts.clone() },
        stacks,
    };
    Ok(views.into_each().map(profile).into())
}

/// Why and what to do, by what py-spy said.
fn explain(said: &str) -> (String, &'static str) {
    if ["ermission denied", "EPERM", "not permitted"].iter().any(|words| said.contains(words)) {
        let why = "the kernel does not permit this user to trace the Python workers".to_owned();
        let fix = "run kneepoint as root, or as the workers' user with `sysctl kernel.yama.ptrace_scope=0`; in a container \
                   add cap SYS_PTRACE";
        return (why, fix);
    }
    let fix = if said.contains("version") {
        "use CPython 2.7 or 3.3 to 3.15 with the global lock (free-threaded builds cannot be read)"
    } else {
        "check that the worker still runs and is CPython; `py-spy dump --pid PID` shows the same error"
    };
    (format!("py-spy says: {said}"), fix)
}

/// The error of py-spy as one line.
pub(super) fn said(error: &impl std::fmt::Display) -> String {
    one_line(&format!("{error:#}"), 300)
}
