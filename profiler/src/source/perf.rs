//! Native tiers, by the `perf` program: `perf record`, `perf script`, then inferno folds.
//!
//! - `cpu-clock`, because virtual machines seldom have hardware counters; weights are nanoseconds of CPU.
//! - Frame pointers for our own builds, DWARF for distribution binaries (nginx), whose stacks are otherwise one deep.
//! - In a container perf finds binaries and their names through the process's own mount namespace, as long as it lives.
//! - perf can end with success and an empty file, so samples are counted, never assumed.
//! - With DWARF the recording holds copies of the tier's stack memory: it lives in a private temporary folder, is removed
//!   at once, and never enters a run folder.

use std::io::BufReader;
use std::path::Path;
use std::time::{Duration, Instant};

use inferno::collapse::Collapse;
use inferno::collapse::perf::{Folder, Options};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::profile::{FoldedProfile, ProfileFacts, ProfileSource, ProfileUnit, ProfileView};
use kneepoint_model::stack::Runtime;
use kneepoint_process::{ProcessError, Program, find};

use super::{Probe, Source, Target, Window, one_line};
use crate::ProfilerError;
use crate::export::{folded, frame};
use crate::os::Reader;

/// What `perf script` may take; DWARF unwinding happens there.
const SCRIPT: Duration = Duration::from_mins(2);
const MAX_SCRIPT: usize = 256 << 20;
/// Length of a trial.
const TRIAL: Duration = Duration::from_millis(50);
/// Starting and ending of `perf record` around its window.
const AROUND: Duration = Duration::from_secs(15);

/// `perf`.
#[derive(Debug, Clone, Copy)]
pub struct Perf;

impl Source for Perf {
    fn kind(&self) -> ProfileSource {
        ProfileSource::Perf
    }

    fn probe(&self, target: &Target) -> Probe {
        if find("perf").is_none() {
            return Probe::Denied {
                why: "perf is not installed".to_owned(),
                fix: "apt-get install linux-perf (Debian) or linux-tools-$(uname -r) (Ubuntu)".to_owned(),
            };
        }
        let (pids, _) = target.processes(&mut Reader::default());
        if pids.is_empty() {
            return Probe::Denied {
                why: format!("the {} tier has no living process", target.tier),
                fix: "check that the tier runs, and give its process id".to_owned(),
            };
        }
        let trial = temporary().and_then(|folder| {
            let trial = Recording { runtime: Runtime::FramePointers, hz: 99, window: TRIAL };
            trial.of_tier(target, &folder.path().join("trial"), &Cancel::new())
        });
        match trial {
            Ok(_) => Probe::Ok,
            Err(error) => Probe::Denied { why: why(&error), fix: FIX.to_owned() },
        }
    }

    fn record(&self, target: &Target, window: &Window) -> Result<Vec<FoldedProfile>, ProfilerError> {
        let folder = temporary()?;
        let data = folder.path().join("perf.data");
        let cancel = window.cancel.clone();
        let started = Instant::now();
        let recording = Recording { runtime: target.runtime, hz: window.hz, window: window.duration };
        let processes = recording.of_tier(target, &data, &cancel)?;
        let duration = started.elapsed().min(window.duration);
        let script = script(&data, &cancel)?;
        folder
            .close()
            .map_err(|source| ProfilerError::System { action: "remove perf's recording", source })?;
        let (stacks, samples) = fold(&script)?;
        let mut notes = Vec::new();
        if target.runtime == Runtime::Native {
            notes.push(
                "Functions that a stripped binary does not export show as its name in brackets.".to_owned(),
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

/// What mends a refusal.
pub(crate) const FIX: &str = "`sysctl kernel.perf_event_paranoid=1`, or run kneepoint as root (in a container: cap PERFMON and a \
     seccomp profile that allows perf_event_open)";

fn temporary() -> Result<tempfile::TempDir, ProfilerError> {
    tempfile::Builder::new()
        .prefix("kneepoint-perf-")
        .tempdir()
        .map_err(|source| ProfilerError::System { action: "make a temporary folder for perf", source })
}

/// How `perf record` is run.
#[derive(Debug, Clone, Copy)]
struct Recording {
    runtime: Runtime,
    hz: u32,
    window: Duration,
}

impl Recording {
    /// Records a tier and gives the number of its processes. perf refuses the whole list when one process of it has ended
    /// meanwhile, so then the list is made anew.
    fn of_tier(self, target: &Target, data: &Path, cancel: &Cancel) -> Result<u32, ProfilerError> {
        let mut attempts = 3;
        loop {
            attempts -= 1;
            let (pids, _) = target.processes(&mut Reader::default());
            match self.of_processes(&pids, data, cancel) {
                Ok(()) => return Ok(u32::try_from(pids.len()).unwrap_or(u32::MAX)),
                Err(error) if attempts == 0 || cancel.is_cancelled() || all_live(&pids) => return Err(error),
                Err(_) => {}
            }
        }
    }

    fn of_processes(self, pids: &[u32], data: &Path, cancel: &Cancel) -> Result<(), ProfilerError> {
        let list = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let stacks = if self.runtime == Runtime::Native { "dwarf,16384" } else { "fp" };
        Program::new("perf")
            // Without `--no-buildid-cache` a copy of every binary (80 MB of mysqld) would stay in the user's ~/.debug.
            .args(["record", "-q", "-e", "cpu-clock", "-F", &self.hz.to_string(), "--call-graph", stacks])
            .args(["--no-bpf-event", "--no-buildid-cache", "-p", &list, "-o"])
            .arg(data)
            .args(["--", "sleep", &format!("{:.3}", self.window.as_secs_f64())])
            .env("LC_ALL", "C")
            .cancel_on(cancel)
            .run(self.window + AROUND)?;
        Ok(())
    }
}

fn all_live(pids: &[u32]) -> bool {
    pids.iter().all(|pid| Path::new(&format!("/proc/{pid}/task")).exists())
}

/// The samples as text. No inlined functions: perf would start `addr2line` for each address, for minutes.
fn script(data: &Path, cancel: &Cancel) -> Result<Vec<u8>, ProfilerError> {
    let output = Program::new("perf")
        .args(["script", "-f", "--no-inline", "-i"])
        .arg(data)
        .env("LC_ALL", "C")
        .stdout_cap(MAX_SCRIPT)
        .cancel_on(cancel)
        .run(SCRIPT)?;
    Ok(output.stdout)
}

/// Folds the text of `perf script`; gives the stacks and the number of samples.
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

/// A sample begins with a line at the margin; its frames are indented.
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

/// Why perf would not, in one line: its own words are long and say the essential first.
pub(crate) fn why(error: &ProfilerError) -> String {
    let words = match error {
        ProfilerError::Process(ProcessError::Failed(failure)) if failure.output_tail.trim().is_empty() => {
            failure.exit.map_or_else(
                || "perf failed".to_owned(),
                |exit| format!("perf ended with {exit} and said nothing"),
            )
        }
        ProfilerError::Process(ProcessError::Failed(failure)) => failure.output_tail.clone(),
        other => other.to_string(),
    };
    if words.contains("Access to performance monitoring") || words.contains("Permission denied") {
        return "the kernel does not permit this user to observe these processes with perf".to_owned();
    }
    one_line(&words, 200)
}

/// For `doctor`: records this machine's own busy loop for 0.2 s and counts samples.
pub(crate) fn trial() -> Result<u64, ProfilerError> {
    let folder = temporary()?;
    let data = folder.path().join("trial");
    Program::new("perf")
        .args(["record", "-q", "-e", "cpu-clock", "-F", "99", "-g", "--no-buildid-cache", "-o"])
        .arg(&data)
        .args(["--", "timeout", "0.2", "sh", "-c", "while :; do :; done"])
        .env("LC_ALL", "C")
        .run(Duration::from_secs(10))
        .or_else(|error| match error {
            // `timeout` ends with 124, and perf hands that on.
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
    fold(&script(&data, &Cancel::new())?).map(|(_, samples)| samples)
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
    fn an_empty_recording_is_no_sample() {
        assert_eq!(fold(b"").unwrap().1, 0);
        assert_eq!(fold(b"# captured on: now\n#\n").unwrap().1, 0);
    }
}
