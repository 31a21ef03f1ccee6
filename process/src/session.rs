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

/// How long SIGKILL may take to show before we call what is left survivors.
const KILL_SHOWS: Duration = Duration::from_secs(2);
/// The pause between two looks, growing from the first to the second.
const LOOK: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// A session id: the process id of the process that called `setsid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub i32);

/// A session that can be told from a later one with the same number; may be stored and used by another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionRef {
    /// The session.
    pub session: SessionId,
    /// When its leader started, in clock ticks since boot.
    pub leader_start_ticks: u64,
}

/// A living process of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Process id.
    pub pid: i32,
    /// Parent's process id.
    pub ppid: i32,
    /// Command name, at most 15 bytes, as the process chose it.
    pub comm: String,
    /// Start time in clock ticks since boot; with `pid` it names a process for good.
    pub start_ticks: u64,
}

impl From<&ProcStat> for ProcessInfo {
    fn from(stat: &ProcStat) -> Self {
        Self { pid: stat.pid, ppid: stat.ppid, comm: stat.comm.clone(), start_ticks: stat.start_ticks }
    }
}

impl SessionRef {
    /// The session that a child of ours leads, which we have not reaped yet: so `/proc` has it, at least as a zombie.
    pub(crate) fn of_leader(pid: i32) -> Self {
        let leader_start_ticks = ProcStat::read(pid).map_or(0, |stat| stat.start_ticks);
        Self { session: SessionId(pid), leader_start_ticks }
    }

    /// The living processes of this session; empty when it has ended, or when its number now belongs to another.
    pub fn members(self) -> Vec<ProcessInfo> {
        living(&scan(), self)
    }

    /// Whether any process of this session lives.
    pub fn is_alive(self) -> bool {
        !self.members().is_empty()
    }
}

/// The living processes of a session, by process id; without the protection of [`SessionRef::members`].
pub fn members(session: SessionId) -> Vec<ProcessInfo> {
    let all = scan();
    all.iter().filter(|stat| stat.session == session.0 && !stat.is_dead()).map(ProcessInfo::from).collect()
}

/// Ends a session: SIGTERM to its leader (to every process, once the leader has gone), SIGKILL after `grace`.
/// Gives those that are still there two seconds after that; empty is success.
pub fn kill(session: SessionRef, grace: Duration) -> Vec<ProcessInfo> {
    end(&[session], grace, &mut || {})
}

/// Ends several sessions at once; `reap` is called before each look, for the caller to reap its children.
pub(crate) fn end(sessions: &[SessionRef], grace: Duration, reap: &mut dyn FnMut()) -> Vec<ProcessInfo> {
    let started = Instant::now();
    let mut told = HashSet::new();
    let mut pause = LOOK.0;
    loop {
        reap();
        let all = scan();
        let left: Vec<(SessionRef, Vec<ProcessInfo>)> =
            sessions.iter().map(|session| (*session, living(&all, *session))).collect();
        if left.iter().all(|(_, members)| members.is_empty()) {
            return Vec::new();
        }
        let waited = started.elapsed();
        if waited >= grace + KILL_SHOWS {
            return left.into_iter().flat_map(|(_, members)| members).collect();
        }
        for (session, members) in &left {
            if waited >= grace {
                for process in members {
                    signal(process, Signal::KILL);
                }
            } else {
                let new = to_tell(*session, members)
                    .filter(|process| told.insert((process.pid, process.start_ticks)));
                for process in new {
                    signal(process, Signal::TERM);
                }
            }
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LOOK.1);
    }
}

/// Who gets SIGTERM: the leader knows best how to end its workers, so the others are told only when it has gone.
fn to_tell(session: SessionRef, members: &[ProcessInfo]) -> impl Iterator<Item = &ProcessInfo> {
    let led = members.iter().any(|process| process.pid == session.session.0);
    members.iter().filter(move |process| !led || process.pid == session.session.0)
}

/// Decides which processes are living members of this very session.
///
/// While any process of a session lives, the kernel does not give its number to a new process. So a leader (living or
/// zombie) with another start time means that the number was used again; and without a leader, a process that is older
/// than the leader we knew cannot be its descendant.
fn living(all: &[ProcStat], wanted: SessionRef) -> Vec<ProcessInfo> {
    let id = wanted.session.0;
    let ours = getsid(None).map_or(0, |session| session.as_raw_nonzero().get());
    // Session 0 is the kernel's, 1 is init's; and we never end ourselves, whatever a stored file says.
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

/// Every process that `/proc` shows; those that end meanwhile are left out.
fn scan() -> Vec<ProcStat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(ProcStat::read).collect()
}

/// Signals exactly this process: the pidfd pins it, then the start time proves that it is the one we saw.
/// A refusal (it has gone, or is another user's) shows in the next look.
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
        living(all, wanted).into_iter().map(|process| process.pid).collect()
    }

    #[test]
    fn zombies_and_strangers_do_not_count() {
        let all = [
            stat(SESSION, 'Z', SESSION, 50),
            stat(7, 'S', SESSION, 51),
            stat(8, 'S', 8, 52),
            stat(9, 'X', SESSION, 53),
        ];
        assert_eq!(pids(&all, 50), [7]);
    }

    #[test]
    fn a_reused_number_is_not_ours() {
        assert_eq!(pids(&[stat(SESSION, 'S', SESSION, 90), stat(7, 'S', SESSION, 91)], 50), [0; 0]);
        // After a reboot the clock starts again, and a process without its leader is older than the one we knew.
        assert_eq!(pids(&[stat(7, 'S', SESSION, 20)], 50), [0; 0]);
    }

    #[test]
    fn our_own_session_and_inits_are_never_ended() {
        let ours = getsid(None).unwrap().as_raw_nonzero().get();
        for id in [0, 1, ours] {
            let wanted = SessionRef { session: SessionId(id), leader_start_ticks: 0 };
            assert!(living(&[stat(7, 'S', id, 20)], wanted).is_empty());
        }
    }

    #[test]
    fn the_leader_is_told_first_and_the_others_when_it_has_gone() {
        let session = SessionRef { session: SessionId(5), leader_start_ticks: 1 };
        let all: Vec<ProcessInfo> =
            [stat(5, 'S', 5, 1), stat(6, 'S', 5, 2), stat(7, 'S', 5, 2)].iter().map(Into::into).collect();
        let told = |members: &[ProcessInfo]| {
            to_tell(session, members).map(|process| process.pid).collect::<Vec<_>>()
        };
        assert_eq!(told(&all), [5]);
        assert_eq!(told(&all[1..]), [6, 7]);
    }
}
