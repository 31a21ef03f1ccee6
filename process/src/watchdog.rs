//! The watchdog, seen from the process that is watched over: starts it, tells it what to end if we cannot.
//!
//! `PR_SET_PDEATHSIG` reaches only the leader of a service. The watchdog is the same binary under a hidden subcommand,
//! in its own session, holding nothing of ours but the read end of a pipe. When we die, by whatever signal, the kernel
//! closes the pipe; end of file without `done` means: end everything that was named. See [`main`] for the other side.

mod guard;
mod protocol;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use guard::{Ending, main};

use crate::error::ProcessError;
use crate::session::SessionId;
use crate::spawn::{OnParentDeath, spawn};
use crate::{Program, Service};
use protocol::Order;

/// What the kernel writes to a pipe in one piece (`PIPE_BUF`), so that a kill in the middle cannot leave half a line.
const ONE_PIECE: usize = 4096;
/// How long the watchdog may take to end after `done`.
const FAREWELL: Duration = Duration::from_secs(2);

/// The watching process. Dropping it without [`Watchdog::finish`] counts as our death: what it watches is ended.
#[derive(Debug)]
pub struct Watchdog {
    guard: Mutex<Guard>,
}

#[derive(Debug)]
struct Guard {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts `self_exe` with the arguments that make it call [`main`], e.g. `kneepoint watchdog`.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn start(self_exe: &Path, hidden_args: &[&str]) -> Result<Self, ProcessError> {
        let program = Program::new(self_exe).args(hidden_args).cwd("/");
        let mut command = program.command();
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = spawn(command, OnParentDeath::Guard).map_err(|error| program.start_error(error))?;
        let pipe = child.stdin.take();
        Ok(Self { guard: Mutex::new(Guard { child, pipe }) })
    }

    /// From now on, ends this service when we die.
    ///
    /// # Errors
    /// `Watchdog` when it no longer listens.
    pub fn watch(&self, service: &Service) -> Result<(), ProcessError> {
        self.tell(&Order::Watch(service.session_ref(), service.name().to_owned()))
    }

    /// No longer ends this session, because it was stopped, or is to live on.
    ///
    /// # Errors
    /// `Watchdog` when it no longer listens.
    pub fn forget(&self, session: SessionId) -> Result<(), ProcessError> {
        self.tell(&Order::Forget(session))
    }

    /// When we die, runs this program (its arguments after it) once all watched sessions have been ended; for what lives
    /// outside of our sessions, such as containers. It gets the environment that we had when the watchdog was started.
    ///
    /// # Errors
    /// `Watchdog` when it no longer listens, or when the arguments are longer than about 4,000 characters.
    pub fn finally(&self, argv: &[OsString]) -> Result<(), ProcessError> {
        self.tell(&Order::Finally(argv.to_vec()))
    }

    /// Says that all is well and waits for the watchdog to end; what it still watches lives on.
    ///
    /// # Errors
    /// `Watchdog` when it no longer listened; it is ended all the same.
    pub fn finish(self) -> Result<(), ProcessError> {
        let told = self.tell(&Order::Done);
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        guard.pipe = None;
        let until = Instant::now() + FAREWELL;
        while Instant::now() < until {
            if !matches!(guard.child.try_wait(), Ok(None)) {
                return told;
            }
            thread::sleep(Duration::from_millis(2));
        }
        let _ = guard.child.kill();
        let _ = guard.child.wait();
        told
    }

    fn tell(&self, order: &Order) -> Result<(), ProcessError> {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let line = format!("{order}\n");
        if line.len() > ONE_PIECE {
            let long =
                io::Error::new(io::ErrorKind::InvalidInput, "the order is too long to be sent in one piece");
            return Err(ProcessError::Watchdog(long));
        }
        let written = guard.pipe.as_mut().ok_or_else(gone).and_then(|pipe| pipe.write_all(line.as_bytes()));
        written.map_err(ProcessError::Watchdog)
    }
}
