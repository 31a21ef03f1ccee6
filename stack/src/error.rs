//! What can go wrong between nothing and a running stack, as values: each says what to do next.
//!
//! Text of logs and of programs is bounded and masked (see `mask`) before it gets in here.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::units::Bytes;
use kneepoint_process::ProcessError;
use url::Url;

/// Who holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Command name, as the process chose it.
    pub name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (pid {})", self.name, self.pid)
    }
}

/// A service that does not answer, and what its log says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which.
    pub service: &'static str,
    /// What was asked.
    pub url: Url,
    /// How long we waited.
    pub waited: Duration,
    /// The last answer, or why there was none.
    pub why: String,
    /// The log that should tell why.
    pub log: PathBuf,
    /// Its end, secrets struck out.
    pub tail: String,
}

impl Trouble {
    fn story(&self) -> String {
        format!("{}\nthe end of {}:\n{}", self.why, self.log.display(), self.tail)
    }
}

/// Why the stack could not be prepared, brought up, attached to or taken down.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// No Python at all.
    #[error(
        "python 3.11 or later was not found; install it (`apt install python3 python3-venv`) or name one with `--python`"
    )]
    PythonMissing,
    /// The unix socket of a site that already runs is not there, or is something else.
    #[error("there is no unix socket at {}: {why}; name the one that the server listens on, e.g. --unix-socket /run/app.sock", path.display())]
    NoSuchSocket {
        /// Where it was looked for.
        path: PathBuf,
        /// What is there instead.
        why: String,
    },
    /// The file of certificate authorities cannot be used.
    #[error("cannot use {} as file of certificate authorities: {why}; give a PEM file, e.g. --cacert ca.pem", path.display())]
    BadAuthorities {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is Python, but only older ones.
    #[error(
        "python {version} at {} is too old; install 3.11 or later (`apt install python3 python3-venv`) or name one with `--python`",
        path.display()
    )]
    PythonTooOld {
        /// The newest that was found.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// Python cannot make virtual environments: Debian keeps that in a package of its own.
    #[error("python {version} at {} cannot make virtual environments; `apt install python3-venv` (or `python{version}-venv`)", path.display())]
    VenvMissing {
        /// Which Python.
        path: PathBuf,
        /// Its version, `major.minor`.
        version: String,
    },
    /// The packages could not be downloaded.
    #[error(
        "the site's packages could not be downloaded: {last_words}\ncheck the network, or point pip to a reachable index with PIP_INDEX_URL, and run again"
    )]
    PipNetwork {
        /// The end of what pip said.
        last_words: String,
    },
    /// Another program is not installed.
    #[error("{program} is not installed; {fix}")]
    ToolMissing {
        /// Its name.
        program: &'static str,
        /// What to do.
        fix: &'static str,
    },
    /// No Docker daemon answers.
    #[error(
        "no Docker daemon answers: {why}\nstart it (`systemctl start docker`), point DOCKER_HOST to it, or use the native driver (`--driver native`)"
    )]
    NoDaemon {
        /// What the client said.
        why: String,
    },
    /// The daemon refuses this user.
    #[error(
        "this user may not ask the Docker daemon: {why}\nadd it to the group `docker` (`usermod -aG docker $USER`, then log in anew), or run as root"
    )]
    DaemonDenied {
        /// What the client said.
        why: String,
    },
    /// The daemon is on another machine.
    #[error(
        "the Docker daemon at {host} does not share files with this machine; unset DOCKER_HOST, or choose a local context (`docker context use default`)"
    )]
    DaemonElsewhere {
        /// Its address, credentials struck out.
        host: String,
    },
    /// An image that was asked for cannot be had.
    #[error(
        "the image {image} cannot be had: {why}\nit is named by {variable}; name another, or leave it out for the usual one"
    )]
    Image {
        /// Which.
        image: String,
        /// The variable that names it.
        variable: &'static str,
        /// What Docker said.
        why: String,
    },
    /// Neither official images nor stand-ins can be had.
    #[error("no image registry can be reached, and stand-in images could not be made: {why}")]
    StandIns {
        /// Whether a tool, a right or a package mirror is missing.
        missing_tool: bool,
        /// The last words of `images/build-base`.
        why: String,
    },
    /// Too little space.
    #[error("only {free} free at {}, and {needed} are needed; free some space or move the project", path.display())]
    DiskFull {
        /// Where.
        path: PathBuf,
        /// What is there.
        free: Bytes,
        /// What is needed.
        needed: Bytes,
    },
    /// Another kneepoint prepares the same folder and did not finish in time.
    #[error("another kneepoint has been working in {} for {} s; wait for it, or end it and run again", path.display(), waited.as_secs())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },
    /// A step of the preparation failed.
    #[error("{step} failed: {source}")]
    Step {
        /// Which, in a few words.
        step: &'static str,
        /// How.
        source: Box<ProcessError>,
    },
    /// The file system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A topology that does not exist.
    #[error("unknown topology `{name}`; there are: {known}")]
    UnknownTopology {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A topology file that cannot be used.
    #[error("topology `{name}`: {why}")]
    BadTopology {
        /// Which.
        name: String,
        /// Line, column and reason.
        why: String,
    },
    /// A toggle that does not exist.
    #[error("unknown toggle `{name}`; there are: {known}")]
    UnknownToggle {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A toggle file that cannot be used.
    #[error("toggle `{name}`: {why}")]
    BadToggle {
        /// Which.
        name: String,
        /// Line, column and reason.
        why: String,
    },
    /// A switch that cannot be set.
    #[error("the switch {name} cannot be set: {why}")]
    BadSwitch {
        /// Which.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// A configuration template of ours does not fit what it is filled with: an internal fault.
    #[error("template {name}: {why}")]
    Template {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// The port that was asked for is in use.
    #[error("port {port} is taken{}; end that, or choose another port", by(holder.as_ref()))]
    PortTaken {
        /// Which.
        port: u16,
        /// By whom, when it can be found.
        holder: Option<Holder>,
    },
    /// No free port between the base and the ephemeral range.
    #[error("no free port from {from} up to 32767; end what listens there or choose a lower base port")]
    NoPort {
        /// Where the search began.
        from: u16,
    },
    /// A stack of ours is already up under this folder.
    #[error("a stack is already up at {url} (topology {topology}); `kneepoint down` stops it")]
    AlreadyUp {
        /// Where it answers.
        url: String,
        /// What it is.
        topology: String,
    },
    /// A service could not be started.
    #[error("{service} did not start: {source}")]
    Start {
        /// Which.
        service: &'static str,
        /// Why.
        source: Box<ProcessError>,
    },
    /// A service started but did not answer as it should.
    #[error("{} was not ready at {} after {:.1} s: {}", .0.service, .0.url, .0.waited.as_secs_f64(), .0.story())]
    NotReady(Box<Trouble>),
    /// A service that was up is no longer well.
    #[error("{} is not well at {}: {}", .0.service, .0.url, .0.story())]
    Unhealthy(Box<Trouble>),
    /// A change of a running stack that this stack cannot make.
    #[error("{manoeuvre} is not possible with this stack: {why}")]
    Manoeuvre {
        /// Which.
        manoeuvre: &'static str,
        /// Why not.
        why: String,
    },
    /// The target is on the public internet, and nobody said that this is wanted.
    #[error(
        "{host} is {address}, which is neither loopback nor private; load only what is yours, and say so with `--i-own-this-target`"
    )]
    NotPrivate {
        /// The host as given.
        host: String,
        /// The first address that is not private.
        address: String,
    },
    /// The target cannot be used as a target.
    #[error("cannot attach to {url}: {why}")]
    BadTarget {
        /// The target, credentials struck out.
        url: String,
        /// Why.
        why: String,
    },
    /// A process that was named is not there.
    #[error("there is no process {pid} (given for the {tier} tier); look with `ps` and name a living one")]
    NoSuchProcess {
        /// Its number.
        pid: u32,
        /// For which tier it was given.
        tier: &'static str,
    },
    /// The wish to stop was granted.
    #[error("stopped on request")]
    Cancelled,
    /// The system refused something that it does not refuse in normal operation.
    #[error("{what}: {why}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What was said.
        why: String,
    },
}

fn by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

impl StackError {
    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// The exit code that tells a shell what kind of failure this is.
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
            | Self::Manoeuvre { .. }
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
        let holder = Holder { pid: 7, name: "nginx".to_owned() };
        let taken = StackError::PortTaken { port: 18080, holder: Some(holder) };
        assert_eq!(
            taken.to_string(),
            "port 18080 is taken by `nginx` (pid 7); end that, or choose another port"
        );
        let unknown = StackError::PortTaken { port: 18080, holder: None };
        assert_eq!(unknown.to_string(), "port 18080 is taken; end that, or choose another port");
    }

    #[test]
    fn exit_codes_tell_kinds_apart() {
        assert_eq!(StackError::PythonMissing.exit_code(), ExitCode::MissingTool);
        assert_eq!(StackError::Cancelled.exit_code(), ExitCode::Interrupted);
        assert_eq!(StackError::NoPort { from: 1 }.exit_code(), ExitCode::StackFailed);
        assert_eq!(StackError::NoDaemon { why: String::new() }.exit_code(), ExitCode::MissingTool);
        let stand_ins = |missing_tool| StackError::StandIns { missing_tool, why: String::new() }.exit_code();
        assert_eq!((stand_ins(true), stand_ins(false)), (ExitCode::MissingTool, ExitCode::StackFailed));
    }
}
