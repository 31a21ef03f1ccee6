//! Test workloads: CPU burnt in this process, and programs started for a test and ended with it.

use std::hint::black_box;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;
use kneepoint_process::{Output, ProcessError, Program};

/// Burns CPU on the calling thread.
#[inline(never)]
pub(crate) fn burn_cpu_here(duration: Duration) -> u64 {
    let end = Instant::now() + duration;
    let mut sum = 0_u64;
    while Instant::now() < end {
        sum = sum.wrapping_add(churn(sum));
    }
    sum
}

/// Innermost function, which an in-process frame-pointer profile may miss.
#[inline(never)]
fn churn(seed: u64) -> u64 {
    (0..10_000_u64).fold(seed, |sum, i| sum.wrapping_mul(31).wrapping_add(black_box(i)))
}

static RUNS: RwLock<()> = RwLock::new(());

/// For tests that profile this process, or whose figures the CPU use of other tests and of their children falsifies.
pub(crate) fn exclusive_run() -> RwLockWriteGuard<'static, ()> {
    RUNS.write().unwrap_or_else(PoisonError::into_inner)
}

/// For tests that start programs which use CPU; they run beside each other, but never beside an exclusive one.
pub(crate) fn shared_run() -> RwLockReadGuard<'static, ()> {
    RUNS.read().unwrap_or_else(PoisonError::into_inner)
}

/// A program that runs until dropped, under a shell, so that it is a grandchild like a real worker.
pub(crate) struct Running {
    cancel: Cancel,
    thread: Option<JoinHandle<Result<Output, ProcessError>>>,
    /// Process id of the program itself.
    pub(crate) pid: u32,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Runs `shell` in its own folder; it must write its process id to `pid` once it works.
    pub(crate) fn start(shell: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("write the test's file");
        }
        let cancel = Cancel::new();
        let program = Program::new("sh").args(["-c", shell]).cwd(folder.path()).cancel_on(&cancel);
        let thread = thread::spawn(move || program.run(Duration::from_mins(1)));
        let pid = wait_for_pid(&folder.path().join("pid"));
        Self { cancel, thread: Some(thread), pid, _folder: folder }
    }

    /// Describes the program as a tier of a stack.
    pub(crate) fn tier(&self, tier: Tier, runtime: Runtime) -> TierInfo {
        tier_info(tier, runtime, vec![self.pid])
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn wait_for_pid(path: &Path) -> u32 {
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        if let Some(pid) = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()) {
            return pid;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("the test's program did not begin to work: {}", path.display());
}

/// A tier with processes only.
pub(crate) fn tier_info(tier: Tier, runtime: Runtime, roots: Vec<u32>) -> TierInfo {
    TierInfo {
        tier,
        what: "under test".to_owned(),
        roots,
        runtime,
        url: None,
        concurrency: None,
        status_url: None,
        pprof_url: None,
        access_log: None,
        logs: Vec::new(),
        instruments: Vec::new(),
        containers: Vec::new(),
    }
}

/// An idle program that is not Python.
pub(crate) fn sleeper() -> Running {
    Running::start("sh -c 'echo $$ > p; mv p pid; sleep 30' & wait", &[])
}

/// A Python program that burns CPU in `leaf_of_burning`, with a thread that sleeps in `sleeping_thread`.
pub(crate) const PYTHON: &str = "\
import os, threading, time

def leaf_of_burning(n):
    s = 0
    for i in range(n):
        s += i * i
    return s

def sleeping_thread():
    while True:
        time.sleep(0.5)

threading.Thread(target=sleeping_thread, daemon=True).start()
with open('pid.part', 'w') as f:
    f.write(str(os.getpid()))
os.rename('pid.part', 'pid')
while True:
    leaf_of_burning(20000)
";
