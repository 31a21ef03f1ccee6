//! A long-running program: started in its own session, watched, and stopped with all its descendants.
//!
//! `stop` and `Drop` may be called in any order and any number of times. A dropped [`Lifetime::DieWithParent`] service is
//! stopped; a [`Lifetime::Detached`] one lives on and is found again by its [`SessionRef`].

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Program;
use crate::error::{Exit, ProcessError};
use crate::session::{self, ProcessInfo, SessionId, SessionRef};
use crate::spawn::{OnParentDeath, spawn};

/// The time between SIGTERM and SIGKILL for a service that is dropped without `stop`.
const DROP_GRACE_PERIOD: Duration = Duration::from_secs(1);

/// Whether a service ends with the process that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// The kernel sends its leader SIGTERM (also when we were killed); dropping the [`Service`] stops it.
    /// For descendants that do not follow their leader, see [`crate::Watchdog`].
    DieWithParent,
    /// It keeps running and can be stopped later by its [`SessionRef`].
    Detached,
}

/// Name, log and lifetime of a service to start.
#[derive(Debug, Clone)]
pub struct StartOptions {
    /// The name that messages use.
    pub name: String,
    /// The file to which stdout and stderr are appended; `None` discards them.
    pub log: Option<PathBuf>,
    /// Whether it outlives this process.
    pub lifetime: Lifetime,
}

/// A started service: the leader of a session of its own.
#[derive(Debug)]
pub struct Service {
    name: String,
    session: SessionRef,
    lifetime: Lifetime,
    log: Option<(PathBuf, u64)>,
    leader: Mutex<Leader>,
}

#[derive(Debug)]
struct Leader {
    child: Child,
    exit: Option<Exit>,
}

impl Leader {
    /// Checks for the end of the leader, which also reaps the zombie.
    fn poll_exit(&mut self) -> Option<Exit> {
        if self.exit.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.exit = Some(status.into());
        }
        self.exit
    }
}

impl Program {
    /// Starts a service. A started service is not necessarily ready: send it a request, and check [`Service::is_alive`].
    ///
    /// # Errors
    /// `NotFound`, `NoFolder`, `CannotStart`, or `Log` when the log cannot be opened.
    pub fn start(&self, options: StartOptions) -> Result<Service, ProcessError> {
        let mut command = self.command();
        let log = attach_log(&mut command, options.log)?;
        let on_death = match options.lifetime {
            Lifetime::DieWithParent => OnParentDeath::Terminate,
            Lifetime::Detached => OnParentDeath::KeepRunning,
        };
        let child = spawn(command, on_death).map_err(|error| self.start_error(error))?;
        let session = SessionRef::from_leader(child.id() as i32);
        let leader = Mutex::new(Leader { child, exit: None });
        Ok(Service { name: options.name, session, lifetime: options.lifetime, log, leader })
    }
}

fn attach_log(command: &mut Command, log: Option<PathBuf>) -> Result<Option<(PathBuf, u64)>, ProcessError> {
    let Some(path) = log else {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        return Ok(None);
    };
    let open = || -> std::io::Result<(File, File, u64)> {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let begins = file.metadata()?.len();
        Ok((file.try_clone()?, file, begins))
    };
    match open() {
        Ok((stdout, stderr, begins)) => {
            command.stdout(stdout).stderr(stderr);
            Ok(Some((path, begins)))
        }
        Err(source) => Err(ProcessError::Log { path, source }),
    }
}

impl Service {
    /// The name that messages use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The leader's process id.
    pub fn pid(&self) -> i32 {
        self.session.session.0
    }

    /// The session, for finding its processes.
    pub fn session(&self) -> SessionId {
        self.session.session
    }

    /// Start time of the leader, in clock ticks since boot.
    pub fn started_ticks(&self) -> u64 {
        self.session.leader_start_ticks
    }

    /// A reference that can be stored; with it another process can find and stop this service.
    pub fn session_ref(&self) -> SessionRef {
        self.session
    }

    /// The living processes of the service, the leader among them.
    pub fn members(&self) -> Vec<ProcessInfo> {
        self.session.members()
    }

    /// Whether the leader runs.
    pub fn is_alive(&self) -> bool {
        self.leader().poll_exit().is_none()
    }

    /// How the leader ended, once it has.
    pub fn exit_status(&self) -> Option<Exit> {
        self.leader().poll_exit()
    }

    /// The end of the log since the service was started, at most `bytes`; empty without a log.
    pub fn log_tail(&self, bytes: u64) -> String {
        self.log.as_ref().and_then(|(path, begins)| tail_of(path, *begins, bytes).ok()).unwrap_or_default()
    }

    /// Stops the whole session: SIGTERM to the leader, then wait until every process has gone; after `grace` SIGKILL.
    /// Stopping a stopped service does nothing.
    ///
    /// # Errors
    /// `Survivors` when something is left after SIGKILL.
    pub fn stop(&self, grace: Duration) -> Result<(), ProcessError> {
        let survivors = session::end(&[self.session], grace, &mut || {
            self.leader().poll_exit();
        });
        if survivors.is_empty() {
            return Ok(());
        }
        let pids = survivors.iter().map(|process| process.pid).collect();
        Err(ProcessError::Survivors { name: self.name.clone(), pids })
    }

    /// Poisoning is ignored: a panic elsewhere must not prevent stopping the service.
    fn leader(&self) -> MutexGuard<'_, Leader> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        match self.lifetime {
            // A destructor has no way to report survivors.
            Lifetime::DieWithParent => drop(self.stop(DROP_GRACE_PERIOD)),
            Lifetime::Detached => drop(self.leader().poll_exit()),
        }
    }
}

fn tail_of(path: &Path, begins: u64, bytes: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let from = begins.max(end.saturating_sub(bytes)).min(end);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail)?;
    Ok(String::from_utf8_lossy(&tail).into_owned())
}
