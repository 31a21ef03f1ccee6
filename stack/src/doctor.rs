//! What the stack can use on this machine, and how to fix what is missing.

use std::path::Path;

use kneepoint_model::cancel::Cancel;
use serde::Serialize;

use crate::error::StackError;
use crate::host::{disk, listeners, ports};
use crate::native::locate_optional_programs;
use crate::prepare::python;
use crate::topology::Database;
use crate::{compose, db};

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked, e.g. `python`.
    pub name: &'static str,
    /// Whether it can be used as it is.
    pub ok: bool,
    /// Whether the stack cannot run without it.
    pub required: bool,
    /// What was found, or the error.
    pub detail: String,
    /// How to fix it; `None` when it is ok.
    pub fix: Option<String>,
}

/// Runs all checks; changes nothing. `root` is the `.kneepoint` folder, which may not exist yet.
pub fn doctor(root: &Path) -> Vec<Check> {
    let mut checks = vec![python_check()];
    checks.extend(program_checks());
    checks.extend([mysql_check(root), disk_check(root), port_check(ports::DEFAULT_PORT)]);
    checks.extend(container_checks());
    checks
}

fn container_checks() -> [Check; 3] {
    let [docker, tool, images] = compose::check_capabilities();
    let fixes = [
        "`apt install docker.io` and start it; this user must be root or in the group `docker`",
        "`apt install docker-compose`, or the plugin `docker-compose-plugin`",
        "let Docker reach an image registry, or `apt install debootstrap` and run as root: stand-ins are then built from Debian packages",
    ];
    [
        new_check("docker", false, docker, fixes[0]),
        new_check("docker compose", false, tool, fixes[1]),
        new_check("container images", false, images, fixes[2]),
    ]
}

fn python_check() -> Check {
    let found = python::locate(None, &Cancel::new());
    let result =
        found.map(|python| format!("python {} at {}, with venv", python.version, python.path.display()));
    new_check("python", true, result, "apt install python3 python3-venv")
}

/// Programs that only some topologies need.
fn program_checks() -> Vec<Check> {
    let fixes = [
        "apt install nginx",
        "apt install redis-server (for the topologies cached and queued)",
        "apt install memcached (for cache = \"memcached\")",
        "apt install haproxy (for the topology balanced-lb)",
    ];
    let result = locate_optional_programs(&Cancel::new());
    result.into_iter().zip(fixes).map(|((name, result), fix)| new_check(name, false, result, fix)).collect()
}

/// A missing MySQL is no error when it can be unpacked from Debian packages.
fn mysql_check(root: &Path) -> Check {
    let found = db::locate(Database::Mysql, &root.join("cache"), &Cancel::new());
    let result = match found {
        Ok(server) => Ok(server.map_or_else(String::new, |server| format!("MySQL {}", server.version))),
        Err(_) if db::can_unpack() => {
            Ok("no MySQL is installed; it will be unpacked from Debian packages when needed".to_owned())
        }
        Err(error) => Err(error),
    };
    new_check("mysql", false, result, "apt install mysql-server (for the topologies from db-apart on)")
}

fn disk_check(root: &Path) -> Check {
    let existing = root.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    let found = disk::require(existing, disk::MIN_FREE).and_then(|()| disk::free_space(existing));
    let result = found.map(|free| format!("{free} free at {}", existing.display()));
    new_check("disk", true, result, "free some space, or run in a folder on another disk")
}

fn port_check(port: u16) -> Check {
    let taken = || StackError::PortTaken { port, holder: listeners::find_holder(port) };
    let result = if ports::is_free(port) { Ok(format!("port {port} is free")) } else { Err(taken()) };
    new_check(
        "ports",
        false,
        result,
        "nothing to do: the next free port is used instead, unless a fixed port is required",
    )
}

fn new_check(name: &'static str, required: bool, result: Result<String, StackError>, fix: &str) -> Check {
    let ok = result.is_ok();
    let detail = result.unwrap_or_else(|error| error.to_string());
    Check { name, ok, required, detail, fix: (!ok).then(|| fix.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_reported_and_not_required() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let check = port_check(listener.local_addr().unwrap().port());
        assert!(!check.ok && !check.required && check.fix.is_some());
        assert!(check.detail.contains(&format!("(pid {})", std::process::id())), "{}", check.detail);
    }

    #[test]
    fn everything_is_checked_and_nothing_is_created() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("not/yet/there");
        let names: Vec<&str> = doctor(&root).iter().map(|check| check.name).collect();
        let wanted = [
            "python",
            "nginx",
            "redis",
            "memcached",
            "haproxy",
            "mysql",
            "disk",
            "ports",
            "docker",
            "docker compose",
            "container images",
        ];
        assert_eq!(names, wanted);
        assert!(
            doctor(&root).iter().all(|check| check.ok == check.fix.is_none() && !check.detail.is_empty())
        );
        assert!(!temp.path().join("not").exists());
    }
}
