//! Errors of the stack: what is wrong, where, and how to fix it.
//!
//! Text of logs and programs is bounded and redacted (see `host::redact`) before it becomes part of an error.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::units::Bytes;
use kneepoint_process::ProcessError;
use url::Url;

/// The process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortHolder {
    /// Its process id, as seen from this machine.
    pub pid: u32,
    /// Its command name, control characters replaced.
    pub name: String,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (pid {})", self.name, self.pid)
    }
}

/// A service that does not respond, with the end of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFailure {
    /// Its kind, e.g. `gunicorn`.
    pub service: &'static str,
    /// The address that was probed.
    pub url: Url,
    /// Zero for a check of a running service.
    pub waited: Duration,
    /// The last response, or why there was none.
    pub why: String,
    /// The log that explains the failure best.
    pub log: PathBuf,
    /// The end of that log, secrets redacted.
    pub tail: String,
}

impl ServiceFailure {
    fn report(&self) -> String {
        format!("{}\nend of {}:\n{}", self.why, self.log.display(), self.tail)
    }
}

/// Why the stack could not be prepared, brought up, attached to or taken down.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant names the meaning of its fields")]
pub enum StackError {
    /// There is no Python.
    #[error(
        "python 3.11 or later was not found; install it (`apt install python3 python3-venv`) or name one with `--python`"
    )]
    PythonMissing,
    /// The path given as Unix socket of a running site does not exist or is not a socket.
    #[error("there is no Unix socket at {}: {why}; name the socket on which the server listens, e.g. --unix-socket /run/app.sock", path.display())]
    NoSuchSocket { path: PathBuf, why: String },
    /// The file of certificate authorities is unreadable or contains none.
    #[error("cannot use {} as certificate authorities: {why}; name a PEM file, e.g. --cacert ca.pem", path.display())]
    BadAuthorities { path: PathBuf, why: String },
    /// Every installed Python is too old.
    #[error(
        "python {version} at {} is too old; install 3.11 or later (`apt install python3 python3-venv`) or name one with `--python`",
        path.display()
    )]
    PythonTooOld {
        /// The newest one.
        path: PathBuf,
        version: String,
    },
    /// Python cannot create virtual environments: Debian has a separate package for that.
    #[error("python {version} at {} cannot create virtual environments; `apt install python3-venv` (or `python{version}-venv`)", path.display())]
    VenvMissing {
        path: PathBuf,
        /// Without patch level, e.g. `3.11`.
        version: String,
    },
    /// The packages could not be downloaded.
    #[error(
        "the site's packages could not be downloaded: {output}\ncheck the network, or name a reachable index in PIP_INDEX_URL, and run again"
    )]
    PipNetwork {
        /// The end of pip's output.
        output: String,
    },
    /// A program is not installed.
    #[error("{program} is not installed; {fix}")]
    ToolMissing {
        program: &'static str,
        /// How to install it, or what to use instead.
        fix: &'static str,
    },
    /// The Docker daemon does not respond.
    #[error(
        "the Docker daemon does not respond: {why}\nstart it (`systemctl start docker`), name it in DOCKER_HOST, or use the native driver (`--driver native`)"
    )]
    NoDaemon {
        /// The message of the client.
        why: String,
    },
    /// The daemon refuses this user.
    #[error(
        "this user may not use the Docker daemon: {why}\nadd the user to the group `docker` (`usermod -aG docker $USER`, then log in again), or run as root"
    )]
    DaemonDenied {
        /// The message of the client.
        why: String,
    },
    /// The daemon is on another machine.
    #[error(
        "the Docker daemon at {host} does not share files with this machine; unset DOCKER_HOST, or choose a local context (`docker context use default`)"
    )]
    DaemonElsewhere {
        /// Its address, credentials redacted.
        host: String,
    },
    /// An image that the user named is not available.
    #[error(
        "the image {image} is not available: {why}\n{variable} names it; name another image, or unset the variable for the default"
    )]
    Image {
        image: String,
        /// The variable that names it.
        variable: &'static str,
        /// The message of Docker.
        why: String,
    },
    /// Official images cannot be pulled and stand-ins cannot be built.
    #[error("no image registry can be reached, and stand-in images could not be built: {why}")]
    StandIns {
        /// Whether a tool, a privilege or a package mirror is missing.
        missing_tool: bool,
        /// The end of the output of `images/build-base`.
        why: String,
    },
    /// There is too little free disk space.
    #[error("only {free} free at {}, but {needed} are needed; free some space or move the project", path.display())]
    DiskFull { path: PathBuf, free: Bytes, needed: Bytes },
    /// Another kneepoint holds the lock of a folder and did not finish in time.
    #[error("another kneepoint holds the lock {} for more than {} s; wait until it finishes, or end it, and run again", path.display(), waited.as_secs())]
    Locked { path: PathBuf, waited: Duration },
    /// A tool failed.
    #[error("{step} failed: {source}")]
    Step {
        /// What the tool was used for, e.g. `packing the data`.
        step: &'static str,
        source: Box<ProcessError>,
    },
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb, e.g. `write`.
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// There is no topology of this name.
    #[error("unknown topology `{name}`; choose one of: {known}")]
    UnknownTopology {
        name: String,
        /// All valid names, comma-separated.
        known: String,
    },
    /// A topology is invalid, or the driver does not support it.
    #[error("topology `{name}`: {why}")]
    BadTopology {
        name: String,
        /// With line and column for a parse error.
        why: String,
    },
    /// There is no toggle of this name.
    #[error("unknown toggle `{name}`; choose one of: {known}")]
    UnknownToggle {
        name: String,
        /// All valid names, comma-separated.
        known: String,
    },
    /// A toggle file is invalid.
    #[error("toggle `{name}`: {why}")]
    BadToggle {
        name: String,
        /// With line and column for a parse error.
        why: String,
    },
    /// A switch may not be set.
    #[error("the switch {name} cannot be set: {why}")]
    BadSwitch { name: String, why: &'static str },
    /// A configuration template does not match its values: an internal error.
    #[error("template {name}: {why}")]
    Template { name: String, why: String },
    /// The required port is in use.
    #[error("port {port} is in use{}; end that process, or choose another port", held_by(holder.as_ref()))]
    PortTaken {
        port: u16,
        /// `None` when the process is not visible.
        holder: Option<PortHolder>,
    },
    /// There is no free port below the ephemeral range.
    #[error("no free port from {from} to 32767; end a process that listens there or choose a lower port")]
    NoPort {
        /// First port of the search.
        from: u16,
    },
    /// A stack already runs in this folder.
    #[error("a stack already runs at {url} (topology {topology}); `kneepoint down` stops it")]
    AlreadyUp { url: String, topology: String },
    /// A service could not be started.
    #[error("{service} did not start: {source}")]
    Start { service: &'static str, source: Box<ProcessError> },
    /// A service started but did not become ready.
    #[error("{} was not ready at {} after {:.1} s: {}", .0.service, .0.url, .0.waited.as_secs_f64(), .0.report())]
    NotReady(Box<ServiceFailure>),
    /// A service that was ready is no longer healthy.
    #[error("{} is not healthy at {}: {}", .0.service, .0.url, .0.report())]
    Unhealthy(Box<ServiceFailure>),
    /// This stack cannot be changed in this way.
    #[error("{rollout} is not possible with this stack: {why}")]
    Rollout {
        /// Name of the rollout.
        rollout: &'static str,
        why: String,
    },
    /// The target is on the public internet, without consent to load it.
    #[error(
        "{host} has the address {address}, which is neither loopback nor private; load only your own sites, and confirm it with `--i-own-this-target`"
    )]
    NotPrivate {
        /// As given by the user.
        host: String,
        /// The first address that is not private.
        address: String,
    },
    /// The URL cannot be attached to.
    #[error("cannot attach to {url}: {why}")]
    BadTarget {
        /// With its credentials redacted.
        url: String,
        why: String,
    },
    /// A named process does not exist.
    #[error(
        "there is no process {pid} (named for the {tier} tier); list processes with `ps` and name a running one"
    )]
    NoSuchProcess {
        pid: u32,
        /// The tier for which it was named.
        tier: &'static str,
    },
    /// The operation was cancelled.
    #[error("stopped on request")]
    Cancelled,
    /// An operation failed for an unexpected reason.
    #[error("{what}: {why}")]
    System {
        /// The operation, e.g. `starting a runtime`.
        what: &'static str,
        why: String,
    },
}

fn held_by(holder: Option<&PortHolder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

impl StackError {
    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// The exit code of the process for this error.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::PythonMissing
            | Self::PythonTooOld { .. }
            | Self::VenvMissing { .. }
            | Self::NoDaemon { .. }
            | Self::DaemonDenied { .. }
            | Self::DaemonElsewhere { .. }
            | Self::StandIns { missing_tool: true, .. }
            | Self::ToolMissing { .. } => ExitCode::MissingTool,
            Self::UnknownTopology { .. }
            | Self::BadTopology { .. }
            | Self::UnknownToggle { .. }
            | Self::BadToggle { .. }
            | Self::BadSwitch { .. }
            | Self::Rollout { .. }
            | Self::NotPrivate { .. }
            | Self::NoSuchSocket { .. }
            | Self::BadAuthorities { .. }
            | Self::NoSuchProcess { .. } => ExitCode::Usage,
            Self::Template { .. } => ExitCode::Internal,
            Self::Cancelled => ExitCode::Interrupted,
            _ => ExitCode::StackFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_its_holder() {
        let holder = PortHolder { pid: 7, name: "nginx".to_owned() };
        let taken = StackError::PortTaken { port: 18080, holder: Some(holder) };
        assert_eq!(
            taken.to_string(),
            "port 18080 is in use by `nginx` (pid 7); end that process, or choose another port"
        );
        let unknown = StackError::PortTaken { port: 18080, holder: None };
        assert_eq!(unknown.to_string(), "port 18080 is in use; end that process, or choose another port");
    }

    #[test]
    fn exit_codes_distinguish_kinds_of_errors() {
        assert_eq!(StackError::PythonMissing.exit_code(), ExitCode::MissingTool);
        assert_eq!(StackError::Cancelled.exit_code(), ExitCode::Interrupted);
        assert_eq!(StackError::NoPort { from: 1 }.exit_code(), ExitCode::StackFailed);
        assert_eq!(StackError::NoDaemon { why: String::new() }.exit_code(), ExitCode::MissingTool);
        let stand_ins = |missing_tool| StackError::StandIns { missing_tool, why: String::new() }.exit_code();
        assert_eq!((stand_ins(true), stand_ins(false)), (ExitCode::MissingTool, ExitCode::StackFailed));
    }
}
