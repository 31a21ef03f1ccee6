//! A program that lives for long: started in its own session, watched, and stopped with all its descendants.
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

/// What a service that was dropped without `stop` gets between SIGTERM and SIGKILL.
const DROP_GRACE: Duration = Duration::from_secs(1);

/// What becomes of a service when the process that started it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// The kernel sends its leader SIGTERM (also when we were killed); dropping the [`Service`] stops it.
    /// For descendants that do not follow their leader, see [`crate::Watchdog`].
    DieWithParent,
    /// It lives on, to be stopped later by its [`SessionRef`].
    Detached,
}

/// How to start a service.
#[derive(Debug, Clone)]
pub struct StartOptions {
    /// What messages call it.
    pub name: String,
    /// Where stdout and stderr are appended; `None` throws them away.
    pub log: Option<PathBuf>,
    /// Whether it outlives us.
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
    /// Takes notice of an end, and thereby reaps the zombie.
    fn look(&mut self) -> Option<Exit> {
        if self.exit.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.exit = Some(status.into());
        }
        self.exit
    }
}

impl Program {
    /// Starts a service. That it started does not mean that it is ready: ask it, and look at [`Service::is_alive`].
    ///
    /// # Errors
    /// `NotFound`, `NoFolder`, `CannotStart`, or `Log` when the log cannot be opened.
    pub fn start(&self, options: StartOptions) -> Result<Service, ProcessError> {
        let mut command = self.command();
        let log = attach_log(&mut command, options.log)?;
        let on_death = match options.lifetime {
            Lifetime::DieWithParent => OnParentDeath::Terminate,
            Lifetime::Detached => OnParentDeath::LiveOn,
        };
        let child = spawn(command, on_death).map_err(|error| self.start_error(error))?;
        let session = SessionRef::of_leader(child.id() as i32);
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
    /// What messages call it.
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

    /// When the leader started, in clock ticks since boot.
    pub fn started_ticks(&self) -> u64 {
        self.session.leader_start_ticks
    }

    /// What to store so that another process can find and stop this service.
    pub fn session_ref(&self) -> SessionRef {
        self.session
    }

    /// The living processes of the service, the leader among them.
    pub fn members(&self) -> Vec<ProcessInfo> {
        self.session.members()
    }

    /// Whether the leader runs.
    pub fn is_alive(&self) -> bool {
        self.leader().look().is_none()
    }

    /// How the leader ended, once it has.
    pub fn exit_status(&self) -> Option<Exit> {
        self.leader().look()
    }

    /// The end of what the service wrote to its log since it was started, at most `bytes`; empty without a log.
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
            self.leader().look();
        });
        if survivors.is_empty() {
            return Ok(());
        }
        let pids = survivors.iter().map(|process| process.pid).collect();
        Err(ProcessError::Survivors { name: self.name.clone(), pids })
    }

    /// A panic elsewhere must not keep us from stopping what runs, so poisoning is ignored.
    fn leader(&self) -> MutexGuard<'_, Leader> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        match self.lifetime {
            // A destructor has nobody to tell about survivors.
            Lifetime::DieWithParent => drop(self.stop(DROP_GRACE)),
            Lifetime::Detached => drop(self.leader().look()),
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
