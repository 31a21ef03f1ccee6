//! The watchdog itself: reads orders until the pipe closes, and ends what it was told to watch unless it was told `done`.
//!
//! It starts nothing, writes nothing and keeps no file open. SIGINT, SIGTERM and SIGHUP are ignored (see `spawn.rs`), since
//! what ends us must not end it first; it always ends with us, because the pipe closes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use super::protocol::Order;
use crate::session::{self, ProcessInfo, SessionId, SessionRef};

/// What the watched sessions get between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

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
    let sessions: Vec<SessionRef> = watched.0.into_values().collect();
    Ending::Orphaned(session::end(&sessions, GRACE, &mut || {}))
}

/// The sessions to end, by number: a number that is watched again has been used again.
#[derive(Debug, Default)]
struct Watched(BTreeMap<SessionId, SessionRef>);

impl Watched {
    /// Takes one order; `true` when it was `done`.
    fn obey(&mut self, line: &str) -> bool {
        match Order::parse(line) {
            Some(Order::Watch(session, _name)) => {
                self.0.insert(session.session, session);
            }
            Some(Order::Forget(session)) => {
                self.0.remove(&session);
            }
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
    fn forgotten_sessions_are_not_ended() {
        let mut watched = Watched::default();
        for line in ["watch 5 1 a", "watch 6 1 b", "watch 5 9 a again", "nonsense", "forget 6"] {
            assert!(!watched.obey(line));
        }
        let five = SessionRef { session: SessionId(5), leader_start_ticks: 9 };
        assert_eq!(watched.0.into_values().collect::<Vec<_>>(), [five]);
    }
}
