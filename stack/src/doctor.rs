//! What the stack can do on this machine, and the command that mends what it cannot.

use std::path::Path;

use kneepoint_model::cancel::Cancel;
use serde::Serialize;

use crate::native::known_programs;
use crate::topology::Database;
use crate::{StackError, compose, db, disk, ports, proc_net, python};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// Whether all is well.
    pub ok: bool,
    /// Whether the stack cannot run without it.
    pub required: bool,
    /// What was found.
    pub detail: String,
    /// What to do, when it is not well.
    pub fix: Option<String>,
}

/// Looks at everything; changes nothing. `root` is the `.kneepoint` folder, which need not exist yet.
pub fn doctor(root: &Path) -> Vec<Check> {
    let mut checks = vec![python_check()];
    checks.extend(program_checks());
    checks.extend([mysql_check(root), disk_check(root), port_check(ports::DEFAULT_PORT)]);
    checks.extend(container_checks());
    checks
}

/// What the compose driver needs.
fn container_checks() -> [Check; 3] {
    let seen = compose::look();
    let mends = [
        "`apt install docker.io` and start it; this user must be root or in the group `docker`",
        "`apt install docker-compose`, or the plugin `docker-compose-plugin`",
        "let Docker reach an image registry, or `apt install debootstrap` and run as root: stand-ins are then made of Debian packages",
    ];
    let [docker, tool, images] = seen;
    [
        check("docker", false, docker, mends[0]),
        check("docker compose", false, tool, mends[1]),
        check("container images", false, images, mends[2]),
    ]
}

fn python_check() -> Check {
    let found = python::locate(None, &Cancel::new());
    let told =
        found.map(|python| format!("python {} at {}, with venv", python.version, python.path.display()));
    check("python", true, told, "apt install python3 python3-venv")
}

/// Programs that only some topologies need.
fn program_checks() -> Vec<Check> {
    let fixes = [
        "apt install nginx",
        "apt install redis-server (for the topologies cached and queued)",
        "apt install memcached (for cache = \"memcached\")",
        "apt install haproxy (for the topology balanced-lb)",
    ];
    let told = known_programs(&Cancel::new());
    told.into_iter().zip(fixes).map(|((name, told), fix)| check(name, false, told, fix)).collect()
}

/// MySQL is unpacked where it is missing and apt is there, so its absence is no trouble then.
fn mysql_check(root: &Path) -> Check {
    let found = db::locate(Database::Mysql, &root.join("cache"), &Cancel::new());
    let told = match found {
        Ok(server) => Ok(server.map_or_else(String::new, |server| format!("MySQL {}", server.version))),
        Err(_) if db::can_unpack() => {
            Ok("no MySQL is installed; it will be unpacked from Debian packages when it is wanted".to_owned())
        }
        Err(error) => Err(error),
    };
    check("mysql", false, told, "apt install mysql-server (for the topologies from db-apart on)")
}

fn disk_check(root: &Path) -> Check {
    let existing = root.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    let found = disk::require(existing, disk::NEEDED).and_then(|()| disk::free(existing));
    let told = found.map(|free| format!("{free} free at {}", existing.display()));
    check("disk", true, told, "free some space, or run in a folder on another disk")
}

fn port_check(port: u16) -> Check {
    let taken = || StackError::PortTaken { port, holder: proc_net::holder(port) };
    let told = if ports::is_free(port) { Ok(format!("port {port} is free")) } else { Err(taken()) };
    check("ports", false, told, "nothing to do: the next free port is taken instead, unless you fix one")
}

fn check(name: &'static str, required: bool, told: Result<String, StackError>, fix: &str) -> Check {
    let ok = told.is_ok();
    let detail = told.unwrap_or_else(|error| error.to_string());
    Check { name, ok, required, detail, fix: (!ok).then(|| fix.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_no_catastrophe_and_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let check = port_check(listener.local_addr().unwrap().port());
        assert!(!check.ok && !check.required && check.fix.is_some());
        assert!(check.detail.contains(&format!("(pid {})", std::process::id())), "{}", check.detail);
    }

    #[test]
    fn everything_is_looked_at_and_nothing_is_made() {
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
