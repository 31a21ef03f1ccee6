//! Which processes serve a port or a Unix socket of this machine, and which tiers they are. Runs once, at the start.
//!
//! A Python server's workers and its master share the listening socket, and a manager above it (supervisor, the
//! auto-reloader of `runserver`) belongs to it too; the program that started it (a test runner, a shell) does not. The
//! decision is a pure function of a table of processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::text::clean;
use kneepoint_model::tier::Tier;
use kneepoint_process::ProcStat;

use crate::host::listeners;

/// Words in the command line by which a manager of Python servers is recognised among Python programs.
const MANAGER_NAMES: [&str; 10] = [
    "gunicorn",
    "supervisord",
    "uwsgi",
    "uvicorn",
    "daphne",
    "hypercorn",
    "waitress",
    "manage.py",
    "django-admin",
    "mod_wsgi",
];

#[derive(Debug, Clone, PartialEq, Eq)]
struct ProcessInfo {
    ppid: u32,
    /// Name of its executable, or its command name when the executable is not readable.
    program: String,
    command_line: String,
}

impl ProcessInfo {
    fn read(pid: u32) -> Option<Self> {
        let stat = ProcStat::read(i32::try_from(pid).ok()?)?;
        let file = fs::read_link(format!("/proc/{pid}/exe")).ok();
        let file = file.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        Some(Self {
            ppid: u32::try_from(stat.ppid).ok()?,
            program: file.unwrap_or(stat.comm),
            command_line: String::from_utf8_lossy(&command_line).replace('\0', " "),
        })
    }

    fn is_python(&self) -> bool {
        self.program.starts_with("python") || self.program.starts_with("pypy")
    }

    fn is_nginx(&self) -> bool {
        self.program.starts_with("nginx") || self.program.starts_with("openresty")
    }

    fn is_manager(&self) -> bool {
        MANAGER_NAMES.iter().any(|word| self.command_line.contains(word))
    }
}

/// The tiers that would accept a connection to one of `addresses` at `port`.
pub(super) fn tiers_on_port(addresses: &[IpAddr], port: u16) -> Vec<TierInfo> {
    tiers_of(&listeners::pids_listening(addresses, port))
}

/// The tiers that listen on a Unix socket.
pub(super) fn tiers_on_socket(socket: &Path) -> Vec<TierInfo> {
    tiers_of(&listeners::pids_on_unix_socket(socket))
}

fn tiers_of(pids: &[u32]) -> Vec<TierInfo> {
    let mut table = BTreeMap::new();
    for pid in pids {
        let mut next = *pid;
        while next > 1
            && !table.contains_key(&next)
            && let Some(process) = ProcessInfo::read(next)
        {
            let parent = process.ppid;
            table.insert(next, process);
            next = parent;
        }
    }
    group_tiers(&table, pids)
}

/// Groups the listening processes under their roots.
fn group_tiers(table: &BTreeMap<u32, ProcessInfo>, listening: &[u32]) -> Vec<TierInfo> {
    let listening_pids: BTreeSet<u32> = listening.iter().copied().collect();
    let mut roots: BTreeMap<Tier, BTreeSet<u32>> = BTreeMap::new();
    for pid in listening {
        let Some(process) = table.get(pid) else { continue };
        let tier = if process.is_nginx() { Tier::Proxy } else { Tier::Server };
        roots.entry(tier).or_default().insert(find_root(table, &listening_pids, *pid));
    }
    let info = |(tier, roots): (Tier, BTreeSet<u32>)| {
        let first = roots.first().and_then(|pid| table.get(pid))?;
        Some(describe_tier(tier, first, roots.into_iter().collect()))
    };
    roots.into_iter().filter_map(info).collect()
}

/// Follows the parents as long as they belong to the same server.
fn find_root(table: &BTreeMap<u32, ProcessInfo>, listening_pids: &BTreeSet<u32>, pid: u32) -> u32 {
    let mut root = pid;
    while let Some(process) = table.get(&root)
        && let Some(parent) = table.get(&process.ppid)
    {
        let shares = listening_pids.contains(&process.ppid);
        let same = if process.is_nginx() {
            parent.is_nginx()
        } else {
            shares || (process.is_python() && parent.is_python() && parent.is_manager())
        };
        if !same {
            break;
        }
        root = process.ppid;
    }
    root
}

/// A tier whose root processes the user named.
pub(super) fn tier_of_pids(tier: Tier, pids: &[u32]) -> TierInfo {
    match pids.first().and_then(|pid| ProcessInfo::read(*pid)) {
        Some(process) => describe_tier(tier, &process, pids.to_vec()),
        None => TierInfo { roots: pids.to_vec(), ..unknown_tier(tier) },
    }
}

/// A tier without known processes.
pub(super) fn unknown_tier(tier: Tier) -> TierInfo {
    TierInfo {
        tier,
        what: "processes not visible on this machine".to_owned(),
        roots: Vec::new(),
        runtime: Runtime::Native,
        url: None,
        concurrency: None,
        status_url: None,
        pprof_url: None,
        access_log: None,
        logs: Vec::new(),
        instruments: Vec::new(),
        containers: Vec::new(),
    }
}

fn describe_tier(tier: Tier, process: &ProcessInfo, roots: Vec<u32>) -> TierInfo {
    let manager =
        MANAGER_NAMES.iter().find(|word| process.is_python() && process.command_line.contains(*word));
    let program = clean(&process.program, 40);
    let what = manager.map_or_else(|| program.clone(), |manager| format!("{manager} on {program}"));
    let runtime = if process.is_python() { Runtime::Python } else { Runtime::Native };
    TierInfo { what, roots, runtime, ..unknown_tier(tier) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(u32, u32, &str, &str)]) -> BTreeMap<u32, ProcessInfo> {
        let process = |(pid, ppid, program, line): &(u32, u32, &str, &str)| {
            (
                *pid,
                ProcessInfo { ppid: *ppid, program: (*program).to_owned(), command_line: (*line).to_owned() },
            )
        };
        rows.iter().map(process).collect()
    }

    fn roots(rows: &[(u32, u32, &str, &str)], listening: &[u32]) -> Vec<(Tier, Vec<u32>, Runtime)> {
        group_tiers(&table(rows), listening)
            .into_iter()
            .map(|info| (info.tier, info.roots, info.runtime))
            .collect()
    }

    #[test]
    fn gunicorn_under_supervisor_is_one_python_tier() {
        let rows = [
            (9, 1, "python3.11", "python runner.py --suite"),
            (10, 9, "python3.11", "python supervisord -n"),
            (11, 10, "python3.11", "python gunicorn shop.wsgi"),
            (12, 11, "python3.11", "python gunicorn shop.wsgi"),
            (13, 11, "python3.11", "python gunicorn shop.wsgi"),
        ];
        assert_eq!(roots(&rows, &[11, 12, 13]), [(Tier::Server, vec![10], Runtime::Python)]);
    }

    #[test]
    fn the_reloader_belongs_to_the_server_and_a_shell_does_not() {
        let rows = [
            (5, 1, "bash", "bash"),
            (6, 5, "python3", "python manage.py runserver"),
            (7, 6, "python3", "python manage.py runserver"),
        ];
        assert_eq!(roots(&rows, &[7]), [(Tier::Server, vec![6], Runtime::Python)]);
    }

    #[test]
    fn nginx_is_the_proxy_and_anything_else_a_native_server() {
        let nginx =
            [(20, 1, "nginx", "nginx: master process nginx"), (21, 20, "nginx", "nginx: worker process")];
        assert_eq!(roots(&nginx, &[20, 21]), [(Tier::Proxy, vec![20], Runtime::Native)]);
        let other = [(30, 1, "caddy", "caddy run"), (31, 30, "caddy", "caddy run")];
        assert_eq!(roots(&other, &[30, 31]), [(Tier::Server, vec![30], Runtime::Native)]);
        assert_eq!(roots(&[], &[40]), []);
    }

    #[test]
    fn two_gunicorns_on_one_port_are_two_roots() {
        let rows = [
            (50, 1, "python3", "gunicorn a"),
            (51, 50, "python3", "gunicorn a"),
            (60, 1, "python3", "gunicorn a"),
        ];
        assert_eq!(roots(&rows, &[50, 51, 60]), [(Tier::Server, vec![50, 60], Runtime::Python)]);
    }

    #[test]
    fn finds_this_very_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let found = tiers_on_port(&[address.ip()], address.port());
        assert!(found[0].tier == Tier::Server && found[0].runtime == Runtime::Native, "{found:?}");
    }
}
