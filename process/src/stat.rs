//! The few fields of `/proc/PID/stat` that tell one process from another. Source: proc_pid_stat(5).
//!
//! The command name stands in parentheses and may itself hold spaces, parentheses and newlines, so the line is split
//! at the *last* closing parenthesis. Parsing is pure; [`ProcStat::read`] is the only access to the file system.

use std::fs;

/// One process as the kernel describes it in `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcStat {
    /// Process id (field 1).
    pub pid: i32,
    /// Command name, at most 15 bytes, as the process chose it (field 2).
    pub comm: String,
    /// State letter (field 3): `R` running, `S` sleeping, `D` uninterruptible, `Z` zombie, `X` dead, …
    pub state: char,
    /// Parent's process id (field 4).
    pub ppid: i32,
    /// Session id (field 6).
    pub session: i32,
    /// Start time in clock ticks since boot (field 22).
    pub start_ticks: u64,
}

/// A line that is not of the form of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a line of /proc/PID/stat: the {0} is missing or not of its type")]
pub struct StatError(&'static str);

impl ProcStat {
    /// Reads the text of one `/proc/PID/stat`.
    pub fn parse(text: &str) -> Result<Self, StatError> {
        let open = text.find(" (").ok_or(StatError("command name"))?;
        let close = text.rfind(") ").filter(|close| *close > open).ok_or(StatError("command name"))?;
        let pid = text[..open].trim().parse().map_err(|_| StatError("process id"))?;
        let comm = text[open + 2..close].to_owned();
        // The first of these is field 3.
        let rest: Vec<&str> = text[close + 2..].split_ascii_whitespace().collect();
        let state = rest.first().and_then(|text| text.chars().next()).ok_or(StatError("state"))?;
        let parent = field(&rest, 4).ok_or(StatError("parent"))?;
        let session = field(&rest, 6).ok_or(StatError("session"))?;
        let start_ticks = field(&rest, 22).ok_or(StatError("start time"))?;
        Ok(Self { pid, comm, state, ppid: parent, session, start_ticks })
    }

    /// Reads a process from the kernel; `None` when there is none of this id.
    pub fn read(pid: i32) -> Option<Self> {
        let bytes = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(&String::from_utf8_lossy(&bytes)).ok()
    }

    /// Whether the process has ended and only waits to be reaped.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

fn field<T: std::str::FromStr>(rest: &[&str], number: usize) -> Option<T> {
    rest.get(number - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NGINX: &str = "4711 (nginx: worker) S 4700 4700 4699 0 -1 4194624 812 0 0 0 31 12 0 0 20 0 1 0 88123 \
        67108864 1204 18446744073709551615 1 1 0 0 0 0 0 1073746048 402745863 0 0 0 17 1 0 0 0 0 0\n";

    #[test]
    fn reads_a_real_line() {
        let stat = ProcStat::parse(NGINX).unwrap();
        assert_eq!(
            stat,
            ProcStat {
                pid: 4711,
                comm: "nginx: worker".into(),
                state: 'S',
                ppid: 4700,
                session: 4699,
                start_ticks: 88123
            }
        );
    }

    #[test]
    fn reads_ourselves() {
        let me = ProcStat::read(std::process::id() as i32).unwrap();
        assert_eq!(me.pid, std::process::id() as i32);
        assert!(!me.is_dead() && me.start_ticks > 0);
    }

    #[test]
    fn names_what_is_missing() {
        assert_eq!(ProcStat::parse("12 (x) S 1 1"), Err(StatError("session")));
        assert_eq!(ProcStat::parse("12 x S 1 1"), Err(StatError("command name")));
        assert_eq!(ProcStat::parse("a (x) S 1 1"), Err(StatError("process id")));
    }

    proptest! {
        #[test]
        fn any_command_name_survives(comm in "[ ()a-z\n:/\\-0-9]{0,15}", pid in 1i32..i32::MAX, session in 0i32..i32::MAX, start in any::<u64>()) {
            let line = format!("{pid} ({comm}) R 1 2 {session} 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0\n");
            let stat = ProcStat::parse(&line).unwrap();
            prop_assert_eq!(stat, ProcStat { pid, comm, state: 'R', ppid: 1, session, start_ticks: start });
        }

        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            let _ = ProcStat::parse(&text);
        }
    }
}
