//! One service of the stack: what is started, how it is asked whether it is ready, and where it says what is wrong.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use kneepoint_model::stack::TierInfo;
use kneepoint_process::{Lifetime, ProcessError, Program, Service, StartOptions};

use super::ready::Ready;
use crate::{mask, proc_net};

/// How much of the end of a log goes into a message.
const TAIL: (u64, usize, usize) = (16 * 1024, 25, 3000);

/// What to start.
pub(super) struct Spec {
    /// What messages call its like.
    pub(super) kind: &'static str,
    /// What it alone is called.
    pub(super) name: String,
    pub(super) program: Program,
    /// Where its own output goes.
    pub(super) log: PathBuf,
    /// Logs that may say more, the most telling first.
    pub(super) telling: Vec<PathBuf>,
    /// All must be answered for it to be ready.
    pub(super) ready: Vec<Ready>,
    /// The ports to let go of before it starts.
    pub(super) ports: Vec<u16>,
    /// What goes into `StackInfo`, but for its process.
    pub(super) tier: TierInfo,
}

/// A started service.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) service: Service,
    pub(super) ready: Vec<Ready>,
    pub(super) tier: TierInfo,
    logs: Vec<LogFile>,
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    begins: u64,
}

impl Spec {
    pub(super) fn start(self, lifetime: Lifetime) -> Result<Running, ProcessError> {
        let telling = self.telling.into_iter().chain([self.log.clone()]);
        // Logs of an earlier stack in the same folder must not be taken for this one's.
        let logs =
            telling.map(|path| LogFile { begins: fs::metadata(&path).map_or(0, |meta| meta.len()), path });
        let logs = logs.collect();
        let options = StartOptions { name: self.name.clone(), log: Some(self.log), lifetime };
        let service = self.program.start(options)?;
        let mut tier = self.tier;
        tier.roots = vec![service.pid().unsigned_abs()];
        Ok(Running { kind: self.kind, name: self.name, service, ready: self.ready, tier, logs })
    }
}

impl Running {
    /// Whether it is this service that answers at its port, and not a stranger who took it between our letting go and its binding.
    pub(super) fn holds(&self, port: u16) -> bool {
        let listening = proc_net::pids_listening(&[IpAddr::V4(Ipv4Addr::LOCALHOST)], port);
        self.service.members().iter().any(|process| listening.contains(&process.pid.unsigned_abs()))
    }

    /// The most telling log, and its end: masked and bounded.
    pub(super) fn last_words(&self) -> (PathBuf, String) {
        let said = self.logs.iter().map(|log| (log, tail_of(&log.path, log.begins).unwrap_or_default()));
        let mut last = (PathBuf::new(), "(nothing)".to_owned());
        for (log, text) in said {
            if !text.trim().is_empty() {
                return (log.path.clone(), mask::tail(&text, TAIL.1, TAIL.2));
            }
            last.0.clone_from(&log.path);
        }
        last
    }

    /// Whether its own log says that it cannot come up: then waiting longer is of no use. gunicorn ends when its first
    /// worker cannot import the site, and supervisor would start it again and again.
    pub(super) fn has_given_up(&self) -> bool {
        const SIGNS: [&str; 2] = ["Worker failed to boot", "entered FATAL state"];
        let says = |text: String| SIGNS.iter().any(|sign| text.contains(sign));
        self.logs.iter().any(|log| tail_of(&log.path, log.begins).is_ok_and(says))
    }
}

fn tail_of(path: &Path, begins: u64) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(begins.max(end.saturating_sub(TAIL.0)).min(end)))?;
    let mut text = Vec::new();
    file.take(TAIL.0).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
