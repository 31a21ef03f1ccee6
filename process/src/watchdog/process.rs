//! The watchdog process: reads orders until the pipe closes, then ends the watched sessions unless it has read `done`.
//!
//! It writes nothing, keeps no file open, and starts no program before the end. SIGINT, SIGTERM and SIGHUP are ignored (see
//! `spawn.rs`): a signal that ends the watched process must not end the watchdog first. It always ends with the watched
//! process, because the pipe closes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use super::protocol::Order;
use crate::Program;
use crate::session::{self, ProcessInfo, SessionId, SessionRef};

/// The time between SIGTERM and SIGKILL for the watched sessions.
const GRACE_PERIOD: Duration = Duration::from_secs(5);
/// How long each program that is run at the end may take.
const FINAL_RUN_TIMEOUT: Duration = Duration::from_mins(2);

/// How the watch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The parent sent `done`.
    Done,
    /// The parent died; every watched session was ended, except for these processes, which even SIGKILL did not end.
    Orphaned(Vec<ProcessInfo>),
}

/// The body of the hidden subcommand: pass it the standard input and return success whatever it returns.
pub fn main(stdin: impl Read) -> Ending {
    // `pkill -9 kneepoint` must not end the watchdog too.
    let _ = rustix::thread::set_name(c"kp-watchdog");
    let mut watched = Watched::default();
    let mut lines = BufReader::new(stdin);
    let mut line = Vec::new();
    loop {
        line.clear();
        // An unreadable pipe counts as closed.
        if !matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
            break;
        }
        if watched.apply(String::from_utf8_lossy(&line).trim_end_matches('\n')) {
            return Ending::Done;
        }
    }
    let sessions: Vec<SessionRef> = watched.sessions.into_values().collect();
    let survivors = session::end(&sessions, GRACE_PERIOD, &mut || {});
    for argv in watched.final_runs {
        if let Some((program, args)) = argv.split_first() {
            // Nothing can receive an error here; what remains is found by the next command that checks the stack.
            let _ = Program::new(program).args(args).cwd("/").run(FINAL_RUN_TIMEOUT);
        }
    }
    Ending::Orphaned(survivors)
}

/// The orders that are in force.
#[derive(Debug, Default)]
struct Watched {
    /// The sessions to end, by id; an id that is watched again belongs to a new session.
    sessions: BTreeMap<SessionId, SessionRef>,
    /// The programs to run after that, in the order of their orders.
    final_runs: Vec<Vec<OsString>>,
}

impl Watched {
    /// Applies one order; `true` when it was `done`.
    fn apply(&mut self, line: &str) -> bool {
        match Order::parse(line) {
            Some(Order::Watch(session, _name)) => {
                self.sessions.insert(session.session, session);
            }
            Some(Order::Forget(session)) => {
                self.sessions.remove(&session);
            }
            Some(Order::RunOnDeath(argv)) => self.final_runs.push(argv),
            Some(Order::Done) => return true,
            None => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_ends_the_watch_and_end_of_file_is_the_parents_death() {
        assert_eq!(main("watch 2000000000 5 web\ndone\n".as_bytes()), Ending::Done);
        assert_eq!(main("watch 2000000000 5 web\n".as_bytes()), Ending::Orphaned(Vec::new()));
        assert_eq!(main(b"\xff\xfe\n".as_slice()), Ending::Orphaned(Vec::new()));
    }

    #[test]
    fn the_final_program_is_run_when_the_parent_died_and_not_when_it_is_done() {
        let temp = tempfile::tempdir().unwrap();
        let (orphaned, done) = (temp.path().join("or phaned"), temp.path().join("done"));
        let order = |path: &std::path::Path| Order::RunOnDeath(vec!["touch".into(), path.into()]);
        assert_eq!(main(format!("{}\ndone\n", order(&done)).as_bytes()), Ending::Done);
        assert_eq!(main(format!("{}\n", order(&orphaned)).as_bytes()), Ending::Orphaned(Vec::new()));
        assert!(orphaned.exists() && !done.exists());
    }

    #[test]
    fn forgotten_sessions_are_not_ended() {
        let mut watched = Watched::default();
        for line in ["watch 5 1 a", "watch 6 1 b", "watch 5 9 a again", "nonsense", "forget 6"] {
            assert!(!watched.apply(line));
        }
        let five = SessionRef { session: SessionId(5), leader_start_ticks: 9 };
        assert_eq!(watched.sessions.into_values().collect::<Vec<_>>(), [five]);
    }
}
