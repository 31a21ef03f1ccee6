//! Native tiers through the `perf` program: `perf record`, `perf script`, then folded by inferno.
//!
//! - `cpu-clock`, because virtual machines rarely have hardware counters; weights are nanoseconds of CPU.
//! - Frame pointers for our own builds; DWARF for distribution binaries (nginx), whose stacks are otherwise one frame
//!   deep.
//! - In a container, perf finds binaries and symbols through the mount namespace of the process while it lives.
//! - perf can succeed with an empty file, so samples are counted.
//! - With DWARF the recording contains copies of the tier's stack memory: it lives in a private temporary folder, is
//!   removed at once, and never enters a run folder.

use std::io::BufReader;
use std::path::Path;
use std::time::{Duration, Instant};

use inferno::collapse::Collapse;
use inferno::collapse::perf::{Folder, Options};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::profile::{FoldedProfile, ProfileFacts, ProfileSource, ProfileUnit, ProfileView};
use kneepoint_model::stack::Runtime;
use kneepoint_model::text::collapsed_line;
use kneepoint_process::{ProcessError, Program, find};

use super::{Probe, ProfileTarget, ProfileWindow, Source};
use crate::ProfilerError;
use crate::export::{folded, frame};
use crate::os::ProcReader;

/// Limit for `perf script`, which unwinds DWARF stacks.
const SCRIPT_TIMEOUT: Duration = Duration::from_mins(2);
const MAX_SCRIPT_BYTES: usize = 256 << 20;
/// Length of a trial recording.
const TRIAL_LENGTH: Duration = Duration::from_millis(50);
/// Time that `perf record` may take beyond its window.
const RECORD_OVERHEAD: Duration = Duration::from_secs(15);

/// The `perf` program.
#[derive(Debug, Clone, Copy)]
pub struct Perf;

impl Source for Perf {
    fn kind(&self) -> ProfileSource {
        ProfileSource::Perf
    }

    fn probe(&self, target: &ProfileTarget) -> Probe {
        if find("perf").is_none() {
            return Probe::Denied {
                why: "perf is not installed".to_owned(),
                fix: "apt-get install linux-perf (Debian) or linux-tools-$(uname -r) (Ubuntu)".to_owned(),
            };
        }
        let (pids, _) = target.processes(&mut ProcReader::default());
        if pids.is_empty() {
            return Probe::Denied {
                why: format!("the {} tier has no living process", target.tier),
                fix: "check that the tier runs, and give its process id".to_owned(),
            };
        }
        let trial = create_temp_folder().and_then(|folder| {
            let trial = PerfRecording { runtime: Runtime::FramePointers, hz: 99, window: TRIAL_LENGTH };
            trial.record_tier(target, &folder.path().join("trial"), &Cancel::new())
        });
        match trial {
            Ok(_) => Probe::Ok,
            Err(error) => Probe::Denied { why: describe_error(&error), fix: FIX.to_owned() },
        }
    }

    fn record(
        &self,
        target: &ProfileTarget,
        window: &ProfileWindow,
    ) -> Result<Vec<FoldedProfile>, ProfilerError> {
        let folder = create_temp_folder()?;
        let data = folder.path().join("perf.data");
        let cancel = window.cancel.clone();
        let started = Instant::now();
        let recording = PerfRecording { runtime: target.runtime, hz: window.hz, window: window.duration };
        let processes = recording.record_tier(target, &data, &cancel)?;
        let duration = started.elapsed().min(window.duration);
        let script = read_script(&data, &cancel)?;
        folder
            .close()
            .map_err(|source| ProfilerError::System { action: "remove perf's recording", source })?;
        let (stacks, samples) = fold(&script)?;
        let mut notes = Vec::new();
        if target.runtime == Runtime::Native {
            notes.push(
                "Functions that a stripped binary does not export appear as the binary's name in brackets."
                    .to_owned(),
            );
        }
        let facts = ProfileFacts {
            hz: window.hz,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            processes,
            samples,
            notes,
            ..ProfileFacts::default()
        };
        Ok(vec![FoldedProfile {
            tier: target.tier,
            source: ProfileSource::Perf,
            view: ProfileView::Running,
            unit: ProfileUnit::CpuNanos,
            stacks,
            facts,
        }])
    }
}

/// Fix for a refusal.
pub(crate) const FIX: &str = "`sysctl kernel.perf_event_paranoid=1`, or run kneepoint as root (in a container: cap PERFMON and a \
     seccomp profile that allows perf_event_open)";

fn create_temp_folder() -> Result<tempfile::TempDir, ProfilerError> {
    tempfile::Builder::new()
        .prefix("kneepoint-perf-")
        .tempdir()
        .map_err(|source| ProfilerError::System { action: "create a temporary folder for perf", source })
}

/// Options of `perf record`.
#[derive(Debug, Clone, Copy)]
struct PerfRecording {
    runtime: Runtime,
    hz: u32,
    window: Duration,
}

impl PerfRecording {
    /// Records a tier and returns the number of its processes. perf refuses the whole list when one process has
    /// ended, so the list is then read again.
    fn record_tier(self, target: &ProfileTarget, data: &Path, cancel: &Cancel) -> Result<u32, ProfilerError> {
        let mut attempts = 3;
        loop {
            attempts -= 1;
            let (pids, _) = target.processes(&mut ProcReader::default());
            match self.record_processes(&pids, data, cancel) {
                Ok(()) => return Ok(u32::try_from(pids.len()).unwrap_or(u32::MAX)),
                Err(error) if attempts == 0 || cancel.is_cancelled() || all_alive(&pids) => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }

    fn record_processes(self, pids: &[u32], data: &Path, cancel: &Cancel) -> Result<(), ProfilerError> {
        let list = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let stacks = if self.runtime == Runtime::Native { "dwarf,16384" } else { "fp" };
        Program::new("perf")
            // Without `--no-buildid-cache` a copy of every binary (80 MB of mysqld) would stay in the user's
            // ~/.debug.
            .args(["record", "-q", "-e", "cpu-clock", "-F", &self.hz.to_string(), "--call-graph", stacks])
            .args(["--no-bpf-event", "--no-buildid-cache", "-p", &list, "-o"])
            .arg(data)
            .args(["--", "sleep", &format!("{:.3}", self.window.as_secs_f64())])
            .env("LC_ALL", "C")
            .cancel_on(cancel)
            .run(self.window + RECORD_OVERHEAD)?;
        Ok(())
    }
}

fn all_alive(pids: &[u32]) -> bool {
    pids.iter().all(|pid| Path::new(&format!("/proc/{pid}/task")).exists())
}

/// Returns the samples as text. Without inlined functions, because perf would run `addr2line` for each address, for
/// minutes.
fn read_script(data: &Path, cancel: &Cancel) -> Result<Vec<u8>, ProfilerError> {
    let output = Program::new("perf")
        .args(["script", "-f", "--no-inline", "-i"])
        .arg(data)
        .env("LC_ALL", "C")
        .stdout_cap(MAX_SCRIPT_BYTES)
        .cancel_on(cancel)
        .run(SCRIPT_TIMEOUT)?;
    Ok(output.stdout)
}

/// Folds the text of `perf script`; returns the stacks and the number of samples.
pub(crate) fn fold(script: &[u8]) -> Result<(std::collections::BTreeMap<String, u64>, u64), ProfilerError> {
    let samples = count_samples(script);
    if samples == 0 {
        return Ok((std::collections::BTreeMap::new(), 0));
    }
    let mut options = Options::default();
    options.nthreads = 1;
    options.annotate_kernel = true;
    let mut lines = Vec::new();
    Folder::from(options)
        .collapse(BufReader::new(script), &mut lines)
        .map_err(|error| ProfilerError::Unreadable { why: format!("perf script: {error}") })?;
    let (raw, _) = folded::parse(&String::from_utf8_lossy(&lines));
    let mut stacks = std::collections::BTreeMap::new();
    for (stack, weight) in raw {
        let sum: &mut u64 = stacks.entry(frame::join(stack.split(';'))).or_default();
        *sum = sum.saturating_add(weight);
    }
    Ok((stacks, samples))
}

/// A sample begins with an unindented line; its frames are indented.
fn count_samples(script: &[u8]) -> u64 {
    let lines = script.split(|byte| *byte == b'\n');
    let mut after_blank = true;
    let mut samples = 0;
    for line in lines {
        let blank = line.trim_ascii().is_empty();
        samples += u64::from(after_blank && !blank && !line.starts_with(b"#"));
        after_blank = blank;
    }
    samples
}

/// Describes a perf failure in one line; perf's own messages are long, with the essence first.
pub(crate) fn describe_error(error: &ProfilerError) -> String {
    let message = match error {
        ProfilerError::Process(ProcessError::Failed(failure)) if failure.output_tail.trim().is_empty() => {
            failure.exit.map_or_else(
                || "perf failed".to_owned(),
                |exit| format!("perf ended with {exit} and no message"),
            )
        }
        ProfilerError::Process(ProcessError::Failed(failure)) => failure.output_tail.clone(),
        other => other.to_string(),
    };
    if message.contains("Access to performance monitoring") || message.contains("Permission denied") {
        return "the kernel does not permit this user to observe these processes with perf".to_owned();
    }
    collapsed_line(&message, 200)
}

/// For `doctor`: records a busy loop for 0.2 s and counts the samples.
pub(crate) fn record_busy_loop() -> Result<u64, ProfilerError> {
    let folder = create_temp_folder()?;
    let data = folder.path().join("trial");
    Program::new("perf")
        .args(["record", "-q", "-e", "cpu-clock", "-F", "99", "-g", "--no-buildid-cache", "-o"])
        .arg(&data)
        .args(["--", "timeout", "0.2", "sh", "-c", "while :; do :; done"])
        .env("LC_ALL", "C")
        .run(Duration::from_secs(10))
        .or_else(|error| match error {
            // `timeout` exits with 124, and perf passes the code on.
            ProcessError::Failed(failure) if failure.exit == Some(kneepoint_process::Exit::Code(124)) => {
                Ok(kneepoint_process::Output {
                    stdout: Vec::new(),
                    stdout_dropped: 0,
                    stderr_tail: String::new(),
                    elapsed: failure.elapsed,
                })
            }
            other => Err(other),
        })?;
    fold(&read_script(&data, &Cancel::new())?).map(|(_, samples)| samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_script_folds_to_nanoseconds_from_the_root() {
        let script = include_bytes!("../../tests/data/perf/script.txt");
        let (stacks, samples) = fold(script).unwrap();
        assert_eq!(samples, 4);
        assert_eq!(stacks.values().sum::<u64>(), 4 * 20_408_163);
        assert!(stacks.keys().all(|stack| stack.split(';').count() > 1), "{stacks:?}");
    }

    #[test]
    fn an_empty_recording_has_no_samples() {
        assert_eq!(fold(b"").unwrap().1, 0);
        assert_eq!(fold(b"# captured on: now\n#\n").unwrap().1, 0);
    }
}
