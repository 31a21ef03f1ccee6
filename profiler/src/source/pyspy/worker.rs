//! Samples one worker process at a steady rate, in one thread.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use py_spy::config::{Config, LockingStrategy};
use py_spy::{PythonSpy, StackTrace};

use super::error_line;
use super::threads::ContainerThreads;
use super::views::StackViews;
use crate::os::ProcReader;
use crate::parse::PidStat;

/// Longest sleep without checking the stop flag.
const STOP_POLL: Duration = Duration::from_millis(50);

/// Settings of one spy thread.
pub(super) struct WorkerSampling {
    pub(super) pid: u32,
    pub(super) hz: u32,
    pub(super) index: usize,
    pub(super) stop: Arc<AtomicBool>,
}

/// Samples of one worker.
#[derive(Debug, Default)]
pub(super) struct WorkerSamples {
    pub(super) views: StackViews,
    /// Attempted stack samples.
    pub(super) attempts: u64,
    /// Failed stack samples.
    pub(super) errors: u64,
    /// Stack samples that began more than one period late.
    pub(super) late: u64,
    /// Why no sample was possible.
    pub(super) refusal: Option<String>,
    /// The worker was not paused for the samples.
    pub(super) unstopped: bool,
    /// For some threads the kernel's state is not known.
    pub(super) guessed: bool,
}

impl WorkerSamples {
    /// Adds one thread; in a container (`running` is given) its state comes from the kernel, not from py-spy.
    fn record(&mut self, mut trace: StackTrace, running: Option<&HashSet<u64>>) {
        match (running, trace.os_thread_id) {
            (Some(running), Some(id)) => trace.active &= running.contains(&id),
            (Some(_), None) => self.guessed = true,
            (None, _) => {}
        }
        self.views.record(&trace);
    }
}

/// Attaches to a process; takes 20–50 ms because it reads the interpreter's ELF file. Returns py-spy's message on
/// failure.
pub(super) fn open_spy(pid: u32) -> Result<(PythonSpy, bool), String> {
    let unstopped = is_our_child(pid);
    let blocking = if unstopped { LockingStrategy::NonBlocking } else { LockingStrategy::Lock };
    let config = Config { blocking, include_idle: true, collect_thread_names: false, ..Config::default() };
    let pid = i32::try_from(pid).map_err(|_| "no such process".to_owned())?;
    let spy = PythonSpy::retry_new(pid, &config, 3).map_err(|error| error_line(&error))?;
    Ok((spy, unstopped))
}

/// A stop of our own child could be received by any `waitpid` of this process, and the spy would then wait for
/// ever.
fn is_our_child(pid: u32) -> bool {
    let mut reader = ProcReader::default();
    let stat = reader.read(format!("/proc/{pid}/stat")).ok().and_then(PidStat::parse);
    stat.is_some_and(|stat| stat.parent == std::process::id())
}

impl WorkerSampling {
    /// Samples until the stop flag is set or the process ends.
    pub(super) fn run(self) -> WorkerSamples {
        let mut samples = WorkerSamples::default();
        let mut spy = match open_spy(self.pid) {
            Ok((spy, unstopped)) => {
                samples.unstopped = unstopped;
                spy
            }
            Err(why) => {
                samples.refusal = Some(why);
                return samples;
            }
        };
        let mut threads = ContainerThreads::for_container(self.pid);
        let period = Duration::from_secs(1) / self.hz.max(1);
        // Spreads the samples of the workers over the period.
        let mut due = Instant::now() + period * u32::try_from(self.index % 4).unwrap_or(0) / 4;
        while self.wait_until(due) {
            samples.attempts += 1;
            let running = threads.as_mut().map(ContainerThreads::running_ids);
            match spy.get_stack_traces() {
                Ok(traces) => traces.into_iter().for_each(|trace| samples.record(trace, running.as_ref())),
                Err(_) if !Path::new(&format!("/proc/{}/exe", self.pid)).exists() => break,
                Err(_) => samples.errors += 1,
            }
            due += period;
            let now = Instant::now();
            if now > due + period {
                samples.late += 1;
                due = now;
            }
        }
        samples
    }

    /// Sleeps until `due`; false when the stop flag is set.
    fn wait_until(&self, due: Instant) -> bool {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(STOP_POLL));
        }
    }
}
