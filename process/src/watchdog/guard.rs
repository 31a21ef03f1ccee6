//! The watchdog itself: reads orders until the pipe closes, and ends what it was told to watch unless it was told `done`.
//!
//! It writes nothing, keeps no file open, and starts nothing but what it was told to run at the end. SIGINT, SIGTERM and
//! SIGHUP are ignored (see `spawn.rs`), since what ends us must not end it first; it always ends with us, because the pipe
//! closes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use super::protocol::Order;
use crate::Program;
use crate::session::{self, ProcessInfo, SessionId, SessionRef};

/// What the watched sessions get between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// How long each program that is run at the end may take.
const LAST_ACT: Duration = Duration::from_mins(2);

/// How the watch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The parent said `done`.
    Done,
    /// The parent died; every watched session was ended, except for these processes, which even SIGKILL did not end.
    Orphaned(Vec<ProcessInfo>),
}

/// The body of the hidden subcommand: give it the standard input and return success whatever it says.
pub fn main(stdin: impl Read) -> Ending {
    // Somebody who ends us with `pkill -9 kneepoint` must not end the watchdog by the same word.
    let _ = rustix::thread::set_name(c"kp-watchdog");
    let mut watched = Watched::default();
    let mut lines = BufReader::new(stdin);
    let mut line = Vec::new();
    loop {
        line.clear();
        // An unreadable pipe is as good as a closed one.
        if !matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
            break;
        }
        if watched.obey(String::from_utf8_lossy(&line).trim_end_matches('\n')) {
            return Ending::Done;
        }
    }
    let sessions: Vec<SessionRef> = watched.sessions.into_values().collect();
    let left = session::end(&sessions, GRACE, &mut || {});
    for argv in watched.last_acts {
        if let Some((program, args)) = argv.split_first() {
            // Nobody is there to be told; whatever it leaves is found by the next one who looks.
            let _ = Program::new(program).args(args).cwd("/").run(LAST_ACT);
        }
    }
    Ending::Orphaned(left)
}

/// What is to be done at the end.
#[derive(Debug, Default)]
struct Watched {
    /// The sessions to end, by number: a number that is watched again has been used again.
    sessions: BTreeMap<SessionId, SessionRef>,
    /// What to run then, in the order in which it was said.
    last_acts: Vec<Vec<OsString>>,
}

impl Watched {
    /// Takes one order; `true` when it was `done`.
    fn obey(&mut self, line: &str) -> bool {
        match Order::parse(line) {
            Some(Order::Watch(session, _name)) => {
                self.sessions.insert(session.session, session);
            }
            Some(Order::Forget(session)) => {
                self.sessions.remove(&session);
            }
            Some(Order::Finally(argv)) => self.last_acts.push(argv),
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
    fn the_last_act_is_run_when_the_parent_died_and_not_when_it_is_done() {
        let temp = tempfile::tempdir().unwrap();
        let (orphaned, done) = (temp.path().join("or phaned"), temp.path().join("done"));
        let order = |path: &std::path::Path| Order::Finally(vec!["touch".into(), path.into()]);
        assert_eq!(main(format!("{}\ndone\n", order(&done)).as_bytes()), Ending::Done);
        assert_eq!(main(format!("{}\n", order(&orphaned)).as_bytes()), Ending::Orphaned(Vec::new()));
        assert!(orphaned.exists() && !done.exists());
    }

    #[test]
    fn forgotten_sessions_are_not_ended() {
        let mut watched = Watched::default();
        for line in ["watch 5 1 a", "watch 6 1 b", "watch 5 9 a again", "nonsense", "forget 6"] {
            assert!(!watched.obey(line));
        }
        let five = SessionRef { session: SessionId(5), leader_start_ticks: 9 };
        assert_eq!(watched.sessions.into_values().collect::<Vec<_>>(), [five]);
    }
}
