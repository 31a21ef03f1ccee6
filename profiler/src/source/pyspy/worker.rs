//! One worker process under one spy, in one thread, at a steady rate.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use py_spy::config::{Config, LockingStrategy};
use py_spy::{PythonSpy, StackTrace};

use super::said;
use super::threads::Threads;
use super::views::Views;
use crate::os::Reader;
use crate::parse::PidStat;

/// How long a sleeping spy may go without looking whether it should stop.
const LOOK: Duration = Duration::from_millis(50);

/// What to look at.
pub(super) struct Spying {
    pub(super) pid: u32,
    pub(super) hz: u32,
    pub(super) index: usize,
    pub(super) stop: Arc<AtomicBool>,
}

/// What was seen of one worker.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) views: Views,
    /// Looks that were tried.
    pub(super) looks: u64,
    /// Looks that failed.
    pub(super) errors: u64,
    /// Looks that began more than one period late.
    pub(super) late: u64,
    /// Why there was no look at all.
    pub(super) refused: Option<String>,
    /// The worker was not stopped for the looks.
    pub(super) unstopped: bool,
    /// Threads whose state could not be told from the kernel's.
    pub(super) guessed: bool,
}

impl Seen {
    /// Takes one thread; in a container (`running` is there) its state is the kernel's, not py-spy's.
    fn take(&mut self, mut trace: StackTrace, running: Option<&HashSet<u64>>) {
        match (running, trace.os_thread_id) {
            (Some(running), Some(id)) => trace.active &= running.contains(&id),
            (Some(_), None) => self.guessed = true,
            (None, _) => {}
        }
        self.views.take(&trace);
    }
}

/// Opens a spy on a process: 20–50 ms, for it reads the interpreter's ELF file. What py-spy said when it cannot.
pub(super) fn open(pid: u32) -> Result<(PythonSpy, bool), String> {
    let unstopped = is_our_child(pid);
    let blocking = if unstopped { LockingStrategy::NonBlocking } else { LockingStrategy::Lock };
    let config = Config { blocking, include_idle: true, collect_thread_names: false, ..Config::default() };
    let pid = i32::try_from(pid).map_err(|_| "no such process".to_owned())?;
    let spy = PythonSpy::retry_new(pid, &config, 3).map_err(|error| said(&error))?;
    Ok((spy, unstopped))
}

/// A stop of our own child could be taken by any `waitpid` of ours, and the spy would then wait for ever.
fn is_our_child(pid: u32) -> bool {
    let mut reader = Reader::default();
    let stat = reader.read(format!("/proc/{pid}/stat")).ok().and_then(PidStat::parse);
    stat.is_some_and(|stat| stat.parent == std::process::id())
}

impl Spying {
    /// Looks until told to stop or the process has gone.
    pub(super) fn run(self) -> Seen {
        let mut seen = Seen::default();
        let mut spy = match open(self.pid) {
            Ok((spy, unstopped)) => {
                seen.unstopped = unstopped;
                spy
            }
            Err(why) => {
                seen.refused = Some(why);
                return seen;
            }
        };
        let mut threads = Threads::of_container(self.pid);
        let period = Duration::from_secs(1) / self.hz.max(1);
        // Workers are looked at one after another, not all at once.
        let mut due = Instant::now() + period * u32::try_from(self.index % 4).unwrap_or(0) / 4;
        while self.wait_until(due) {
            seen.looks += 1;
            let running = threads.as_mut().map(Threads::running);
            match spy.get_stack_traces() {
                Ok(traces) => traces.into_iter().for_each(|trace| seen.take(trace, running.as_ref())),
                Err(_) if !Path::new(&format!("/proc/{}/exe", self.pid)).exists() => break,
                Err(_) => seen.errors += 1,
            }
            due += period;
            let now = Instant::now();
            if now > due + period {
                seen.late += 1;
                due = now;
            }
        }
        seen
    }

    /// Sleeps; false when it is time to stop.
    fn wait_until(&self, due: Instant) -> bool {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(LOOK));
        }
    }
}
