//! Sessions: the set of all processes that descend from one we started, found by the session id in `/proc`.
//!
//! A descendant can leave its process group and lose its parent, and is still found here; only one that calls
//! `setsid` itself (a daemon) escapes. Process ids are reused, so a session is known by its leader's start time as
//! well, and signals go through a pidfd that was checked against the start time after it was opened.
//! Zombies do not count: they have ended, and only their parent can remove them.

use std::collections::HashSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, getsid, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::ProcStat;

/// How long SIGKILL may take to become effective; processes that are alive after it are survivors.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause between two scans of `/proc`; it doubles from the first value to the second.
const SCAN_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// A session id: the process id of the process that called `setsid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub i32);

/// A session together with its start time, which tells it from a later one with the same id; may be stored and used by another
/// process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionRef {
    /// The session id, which may be reused after the session has ended.
    pub session: SessionId,
    /// When its leader started, in clock ticks since boot.
    pub leader_start_ticks: u64,
}

/// A running process of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Process id; may be reused after the process has ended.
    pub pid: i32,
    /// Parent's process id.
    pub ppid: i32,
    /// Command name, at most 15 bytes, as the process chose it.
    pub comm: String,
    /// Start time in clock ticks since boot; together with `pid` it identifies a process.
    pub start_ticks: u64,
}

impl From<&ProcStat> for ProcessInfo {
    fn from(stat: &ProcStat) -> Self {
        Self { pid: stat.pid, ppid: stat.ppid, comm: stat.comm.clone(), start_ticks: stat.start_ticks }
    }
}

impl SessionRef {
    /// The session that a child of this process leads. The child is not reaped yet, so `/proc` still contains it.
    pub(crate) fn from_leader(pid: i32) -> Self {
        let leader_start_ticks = ProcStat::read(pid).map_or(0, |stat| stat.start_ticks);
        Self { session: SessionId(pid), leader_start_ticks }
    }

    /// The running processes of this session; empty when it has ended or when its id now belongs to another session.
    pub fn members(self) -> Vec<ProcessInfo> {
        running_members(&scan(), self)
    }

    /// Whether any process of this session is running.
    pub fn is_alive(self) -> bool {
        !self.members().is_empty()
    }
}

/// The running processes of a session id; without the check for a reused id that [`SessionRef::members`] makes.
pub fn members(session: SessionId) -> Vec<ProcessInfo> {
    let all = scan();
    all.iter().filter(|stat| stat.session == session.0 && !stat.is_dead()).map(ProcessInfo::from).collect()
}

/// Ends a session: SIGTERM to its leader (to every process, if the leader has ended), SIGKILL after `grace`.
/// Returns the processes that are still running two seconds after that; empty means success.
pub fn kill(session: SessionRef, grace: Duration) -> Vec<ProcessInfo> {
    end(&[session], grace, &mut || {})
}

/// Ends several sessions at once; `reap` is called before each scan, so that the caller can reap its children.
pub(crate) fn end(sessions: &[SessionRef], grace: Duration, reap: &mut dyn FnMut()) -> Vec<ProcessInfo> {
    let started = Instant::now();
    let mut terminated = HashSet::new();
    let mut pause = SCAN_PAUSE.0;
    loop {
        reap();
        let all = scan();
        let remaining: Vec<(SessionRef, Vec<ProcessInfo>)> =
            sessions.iter().map(|session| (*session, running_members(&all, *session))).collect();
        if remaining.iter().all(|(_, members)| members.is_empty()) {
            return Vec::new();
        }
        let waited = started.elapsed();
        if waited >= grace + KILL_TIMEOUT {
            return remaining.into_iter().flat_map(|(_, members)| members).collect();
        }
        for (session, members) in &remaining {
            if waited >= grace {
                for process in members {
                    signal(process, Signal::KILL);
                }
            } else {
                let new = sigterm_targets(*session, members)
                    .filter(|process| terminated.insert((process.pid, process.start_ticks)));
                for process in new {
                    signal(process, Signal::TERM);
                }
            }
        }
        thread::sleep(pause);
        pause = (pause * 2).min(SCAN_PAUSE.1);
    }
}

/// The processes that get SIGTERM: only the leader, which ends its own workers; all others only when it has ended.
fn sigterm_targets(session: SessionRef, members: &[ProcessInfo]) -> impl Iterator<Item = &ProcessInfo> {
    let has_leader = members.iter().any(|process| process.pid == session.session.0);
    members.iter().filter(move |process| !has_leader || process.pid == session.session.0)
}

/// Selects the running members of exactly this session.
///
/// While any process of a session runs, the kernel does not assign its id to a new process. So a leader (running or zombie)
/// with another start time means that the id was reused; and without a leader, a process that is older than the known leader
/// cannot be its descendant.
fn running_members(all: &[ProcStat], wanted: SessionRef) -> Vec<ProcessInfo> {
    let id = wanted.session.0;
    let ours = getsid(None).map_or(0, |session| session.as_raw_nonzero().get());
    // Session 0 is the kernel's, 1 is init's; and this process never ends itself, whatever a stored file contains.
    if id <= 1 || id == ours {
        return Vec::new();
    }
    let members = || all.iter().filter(|stat| stat.session == id);
    let another_leader =
        members().any(|stat| stat.pid == id && stat.start_ticks != wanted.leader_start_ticks);
    let older = members().any(|stat| stat.start_ticks < wanted.leader_start_ticks);
    if another_leader || older {
        return Vec::new();
    }
    members().filter(|stat| !stat.is_dead()).map(ProcessInfo::from).collect()
}

/// Every process in `/proc`; those that end during the scan are omitted.
fn scan() -> Vec<ProcStat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(ProcStat::read).collect()
}

/// Signals exactly this process: the pidfd pins it, then the start time proves that it is the one from the scan.
/// A failure (it has ended, or is another user's) shows in the next scan.
fn signal(process: &ProcessInfo, signal: Signal) {
    let Some(pid) = Pid::from_raw(process.pid) else { return };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if ProcStat::read(process.pid).is_some_and(|stat| stat.start_ticks == process.start_ticks) {
        let _ = pidfd_send_signal(&pidfd, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: i32 = 2_000_000_000;

    fn stat(pid: i32, state: char, session: i32, start_ticks: u64) -> ProcStat {
        ProcStat { pid, comm: "x".to_owned(), state, ppid: 1, session, start_ticks }
    }

    fn pids(all: &[ProcStat], leader_start_ticks: u64) -> Vec<i32> {
        let wanted = SessionRef { session: SessionId(SESSION), leader_start_ticks };
        running_members(all, wanted).into_iter().map(|process| process.pid).collect()
    }

    #[test]
    fn zombies_and_foreign_processes_do_not_count() {
        let all = [
            stat(SESSION, 'Z', SESSION, 50),
            stat(7, 'S', SESSION, 51),
            stat(8, 'S', 8, 52),
            stat(9, 'X', SESSION, 53),
        ];
        assert_eq!(pids(&all, 50), [7]);
    }

    #[test]
    fn a_reused_session_id_has_no_members() {
        assert_eq!(pids(&[stat(SESSION, 'S', SESSION, 90), stat(7, 'S', SESSION, 91)], 50), [0; 0]);
        // After a reboot the clock starts again, and a process without its leader is older than the known one.
        assert_eq!(pids(&[stat(7, 'S', SESSION, 20)], 50), [0; 0]);
    }

    #[test]
    fn the_own_session_and_that_of_init_are_never_ended() {
        let ours = getsid(None).unwrap().as_raw_nonzero().get();
        for id in [0, 1, ours] {
            let wanted = SessionRef { session: SessionId(id), leader_start_ticks: 0 };
            assert!(running_members(&[stat(7, 'S', id, 20)], wanted).is_empty());
        }
    }

    #[test]
    fn the_leader_gets_sigterm_first_and_the_others_when_it_has_ended() {
        let session = SessionRef { session: SessionId(5), leader_start_ticks: 1 };
        let all: Vec<ProcessInfo> =
            [stat(5, 'S', 5, 1), stat(6, 'S', 5, 2), stat(7, 'S', 5, 2)].iter().map(Into::into).collect();
        let targets = |members: &[ProcessInfo]| {
            sigterm_targets(session, members).map(|process| process.pid).collect::<Vec<_>>()
        };
        assert_eq!(targets(&all), [5]);
        assert_eq!(targets(&all[1..]), [6, 7]);
    }
}
