//! One service of the stack: how it is started, which checks show that it is ready, and which logs explain a failure.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use kneepoint_model::stack::TierInfo;
use kneepoint_process::{Lifetime, ProcessError, Program, Service, StartOptions};

use super::readiness::ReadinessCheck;
use crate::host::{listeners, redact};

/// How much of the end of a log goes into a message: bytes, lines, characters.
const TAIL: (u64, usize, usize) = (16 * 1024, 25, 3000);

pub(super) struct ServiceSpec {
    /// What messages call services of this kind.
    pub(super) kind: &'static str,
    /// Unique within the stack.
    pub(super) name: String,
    pub(super) program: Program,
    /// Receives its standard output and error.
    pub(super) log: PathBuf,
    /// Logs that explain a failure better, the most useful first.
    pub(super) diagnostic_logs: Vec<PathBuf>,
    /// All must succeed for it to be ready.
    pub(super) checks: Vec<ReadinessCheck>,
    /// Held ports to release just before it starts.
    pub(super) ports: Vec<u16>,
    /// Its entry in `StackInfo`, still without its process.
    pub(super) tier: TierInfo,
}

#[derive(Debug)]
pub(super) struct RunningService {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) process: Service,
    pub(super) checks: Vec<ReadinessCheck>,
    pub(super) tier: TierInfo,
    logs: Vec<LogFile>,
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    start_offset: u64,
}

impl ServiceSpec {
    pub(super) fn start(self, lifetime: Lifetime) -> Result<RunningService, ProcessError> {
        let diagnostic_logs = self.diagnostic_logs.into_iter().chain([self.log.clone()]);
        // Logs of an earlier stack in the same folder must not be taken for this one's.
        let logs = diagnostic_logs
            .map(|path| LogFile { start_offset: fs::metadata(&path).map_or(0, |meta| meta.len()), path });
        let logs = logs.collect();
        let options = StartOptions { name: self.name.clone(), log: Some(self.log), lifetime };
        let process = self.program.start(options)?;
        let mut tier = self.tier;
        tier.roots = vec![process.pid().unsigned_abs()];
        Ok(RunningService { kind: self.kind, name: self.name, process, checks: self.checks, tier, logs })
    }
}

impl RunningService {
    /// Whether a process of this service listens on the port, and not another one that bound it after kneepoint released it.
    pub(super) fn holds_port(&self, port: u16) -> bool {
        let listening = listeners::pids_listening(&[IpAddr::V4(Ipv4Addr::LOCALHOST)], port);
        self.process.members().iter().any(|process| listening.contains(&process.pid.unsigned_abs()))
    }

    /// The first log that is not empty, and its end: redacted and bounded.
    pub(super) fn log_tail(&self) -> (PathBuf, String) {
        let tails =
            self.logs.iter().map(|log| (log, read_tail(&log.path, log.start_offset).unwrap_or_default()));
        let mut last = (PathBuf::new(), "(empty)".to_owned());
        for (log, text) in tails {
            if !text.trim().is_empty() {
                return (log.path.clone(), redact::redact_tail(&text, TAIL.1, TAIL.2));
            }
            last.0.clone_from(&log.path);
        }
        last
    }

    /// Whether its log shows that it will never become ready: gunicorn ends when its first worker cannot import the site, and
    /// supervisor restarts it again and again.
    pub(super) fn boot_failed(&self) -> bool {
        const SIGNS: [&str; 2] = ["Worker failed to boot", "entered FATAL state"];
        let matches = |text: String| SIGNS.iter().any(|sign| text.contains(sign));
        self.logs.iter().any(|log| read_tail(&log.path, log.start_offset).is_ok_and(matches))
    }
}

fn read_tail(path: &Path, start_offset: u64) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(start_offset.max(end.saturating_sub(TAIL.0)).min(end)))?;
    let mut text = Vec::new();
    file.take(TAIL.0).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
