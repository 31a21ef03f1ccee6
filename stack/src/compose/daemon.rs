//! The Docker daemon as `docker info` reports it, and why it cannot be reached. Pure.

use serde::Deserialize;

use crate::error::StackError;

/// How Docker creates cgroups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum CgroupDriver {
    /// Directly in the file system.
    #[default]
    Cgroupfs,
    /// By systemd, as slices and scopes.
    Systemd,
    /// Without cgroups, or by an unknown driver.
    Other,
}

/// The cgroup version of the daemon's machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum CgroupVersion {
    /// One tree per controller.
    #[default]
    V1,
    /// One tree for all controllers.
    V2,
}

/// The facts about the daemon that the driver uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Daemon {
    pub(super) version: String,
    /// Its operating system, e.g. `Debian GNU/Linux 12 (bookworm)`.
    pub(super) system: String,
    /// Release of its kernel.
    pub(super) kernel: String,
    /// Its folder for images, containers and volumes.
    pub(super) folder: String,
    pub(super) cgroup_driver: CgroupDriver,
    pub(super) cgroup_version: CgroupVersion,
    /// Whether it runs without root privileges.
    pub(super) rootless: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DaemonInfo {
    #[serde(default)]
    server_version: String,
    #[serde(default)]
    operating_system: String,
    #[serde(default)]
    kernel_version: String,
    #[serde(default)]
    docker_root_dir: String,
    #[serde(default)]
    cgroup_driver: String,
    #[serde(default)]
    cgroup_version: String,
    security_options: Option<Vec<String>>,
    server_errors: Option<Vec<String>>,
}

impl Daemon {
    /// From `docker info --format '{{json .}}'`. Old clients exit with success even when no daemon responds.
    pub(super) fn parse(text: &str) -> Result<Self, StackError> {
        let info: DaemonInfo = serde_json::from_str(text.trim()).map_err(|error| StackError::System {
            what: "reading the output of `docker info`",
            why: error.to_string(),
        })?;
        if let Some(why) = info.server_errors.unwrap_or_default().first() {
            return Err(parse_unreachable(why).unwrap_or_else(|| StackError::NoDaemon { why: why.clone() }));
        }
        let options = info.security_options.unwrap_or_default();
        Ok(Self {
            version: info.server_version,
            system: info.operating_system,
            kernel: info.kernel_version,
            folder: info.docker_root_dir,
            cgroup_driver: match info.cgroup_driver.as_str() {
                "cgroupfs" => CgroupDriver::Cgroupfs,
                "systemd" => CgroupDriver::Systemd,
                _ => CgroupDriver::Other,
            },
            cgroup_version: if info.cgroup_version == "2" { CgroupVersion::V2 } else { CgroupVersion::V1 },
            rootless: options.iter().any(|option| option.contains("rootless")),
        })
    }

    /// Whether its processes are processes of this machine: a virtual machine (Docker Desktop) has another kernel.
    pub(super) fn shares_kernel(&self, ours: &str) -> bool {
        !self.kernel.is_empty() && self.kernel == ours && !self.system.contains("Docker Desktop")
    }
}

/// The error when a tool's output says that the daemon cannot be reached; else `None`.
pub(super) fn parse_unreachable(words: &str) -> Option<StackError> {
    let line =
        |sign: &str| words.lines().find(|line| line.to_ascii_lowercase().contains(sign)).map(str::to_owned);
    let denied = ["permission denied while trying to connect", "permissionerror(13"];
    if let Some(why) = denied.into_iter().find_map(line) {
        return Some(StackError::DaemonDenied { why });
    }
    let signs = [
        "cannot connect to the docker daemon",
        "couldn't connect to docker daemon",
        "is the docker daemon running",
        "error while fetching server api version",
        "connection aborted",
    ];
    signs.into_iter().find_map(line).map(|why| StackError::NoDaemon { why })
}

/// Refuses a daemon on another machine, which cannot mount files of this one. `host` is the address that the client uses.
pub(super) fn refuse_remote(host: &str) -> Result<(), StackError> {
    let host = host.trim();
    if host.is_empty()
        || host.starts_with("unix://")
        || host.starts_with("fd://")
        || host.starts_with("npipe://")
    {
        return Ok(());
    }
    Err(StackError::DaemonElsewhere { host: crate::host::redact::redact_line(host) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_a_daemon() {
        let daemon = Daemon::parse(include_str!("goldens/info-20.10.json")).unwrap();
        let wanted = Daemon {
            version: "20.10.24+dfsg1".to_owned(),
            system: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            kernel: "6.18.44".to_owned(),
            folder: "/var/lib/docker".to_owned(),
            cgroup_driver: CgroupDriver::Cgroupfs,
            cgroup_version: CgroupVersion::V1,
            rootless: false,
        };
        assert_eq!(daemon, wanted);
        assert!(daemon.shares_kernel("6.18.44") && !daemon.shares_kernel("6.1.0-31-amd64"));
        let desktop = Daemon { system: "Docker Desktop".to_owned(), ..daemon };
        assert!(!desktop.shares_kernel("6.18.44"));
    }

    #[test]
    fn other_daemons() {
        let text = r#"{"CgroupDriver":"systemd","CgroupVersion":"2","SecurityOptions":["name=seccomp","name=rootless"]}"#;
        let daemon = Daemon::parse(text).unwrap();
        assert_eq!((daemon.cgroup_driver, daemon.cgroup_version), (CgroupDriver::Systemd, CgroupVersion::V2));
        assert!(daemon.rootless);
        let dead = r#"{"ServerErrors":["Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"]}"#;
        assert!(matches!(Daemon::parse(dead), Err(StackError::NoDaemon { .. })));
        assert!(matches!(Daemon::parse("no json"), Err(StackError::System { .. })));
    }

    #[test]
    fn a_daemon_that_cannot_be_reached() {
        let v1 = "docker.errors.DockerException: Error while fetching server API version: ('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))";
        assert!(matches!(parse_unreachable(v1), Some(StackError::NoDaemon { .. })));
        let denied = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://x\": dial unix: connect: permission denied";
        assert!(matches!(parse_unreachable(denied), Some(StackError::DaemonDenied { .. })));
        assert!(parse_unreachable("pull access denied for nginx, repository does not exist").is_none());
    }

    #[test]
    fn a_daemon_elsewhere_shares_no_files() {
        assert!(refuse_remote("unix:///var/run/docker.sock\n").is_ok() && refuse_remote("").is_ok());
        let error = refuse_remote("ssh://me:word@example.org").unwrap_err().to_string();
        assert!(error.contains("ssh://***@example.org"), "{error}");
    }
}
