//! The side of the watchdog in the watched process: starts the watchdog and sends it orders.
//!
//! `PR_SET_PDEATHSIG` reaches only the leader of a service. The watchdog is the same binary under a hidden subcommand,
//! in its own session, holding nothing but the read end of a pipe. When the watched process dies, by whatever signal, the
//! kernel closes the pipe; end of file without `done` means: end every watched session. See [`main`] for the other side.

mod process;
mod protocol;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use process::{Ending, main};

use crate::error::ProcessError;
use crate::session::SessionId;
use crate::spawn::{OnParentDeath, spawn};
use crate::{Program, Service};
use protocol::Order;

/// Bytes that the kernel writes to a pipe atomically (`PIPE_BUF`); so a kill during a write cannot leave half a line.
const MAX_ORDER_BYTES: usize = 4096;
/// How long the watchdog may take to end after `done`.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);

/// The watchdog process. Dropping this without [`Watchdog::finish`] counts as the death of this process: the watched sessions
/// are ended.
#[derive(Debug)]
pub struct Watchdog {
    connection: Mutex<Connection>,
}

#[derive(Debug)]
struct Connection {
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
        let mut child =
            spawn(command, OnParentDeath::IgnoreSignals).map_err(|error| program.start_error(error))?;
        let pipe = child.stdin.take();
        Ok(Self { connection: Mutex::new(Connection { child, pipe }) })
    }

    /// From now on the watchdog ends this service when this process dies.
    ///
    /// # Errors
    /// `Watchdog` when the watchdog has ended.
    pub fn watch(&self, service: &Service) -> Result<(), ProcessError> {
        self.send(&Order::Watch(service.session_ref(), service.name().to_owned()))
    }

    /// The watchdog no longer ends this session, because it was stopped or shall keep running.
    ///
    /// # Errors
    /// `Watchdog` when the watchdog has ended.
    pub fn forget(&self, session: SessionId) -> Result<(), ProcessError> {
        self.send(&Order::Forget(session))
    }

    /// When this process dies, the watchdog runs this program (its arguments after it) once all watched sessions have ended; for
    /// things outside of these sessions, such as containers. It inherits the environment at the start of the watchdog.
    ///
    /// # Errors
    /// `Watchdog` when the watchdog has ended, or when the arguments are longer than about 4,000 characters.
    pub fn run_on_death(&self, argv: &[OsString]) -> Result<(), ProcessError> {
        self.send(&Order::RunOnDeath(argv.to_vec()))
    }

    /// Sends `done` and waits for the watchdog to end; sessions that it still watches keep running.
    ///
    /// # Errors
    /// `Watchdog` when the watchdog had ended before.
    pub fn finish(self) -> Result<(), ProcessError> {
        let sent = self.send(&Order::Done);
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.pipe = None;
        let until = Instant::now() + FINISH_TIMEOUT;
        while Instant::now() < until {
            if !matches!(connection.child.try_wait(), Ok(None)) {
                return sent;
            }
            thread::sleep(Duration::from_millis(2));
        }
        let _ = connection.child.kill();
        let _ = connection.child.wait();
        sent
    }

    fn send(&self, order: &Order) -> Result<(), ProcessError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        let line = format!("{order}\n");
        if line.len() > MAX_ORDER_BYTES {
            let too_long = io::Error::new(io::ErrorKind::InvalidInput, "the order is longer than 4096 bytes");
            return Err(ProcessError::Watchdog(too_long));
        }
        let written =
            connection.pipe.as_mut().ok_or_else(closed).and_then(|pipe| pipe.write_all(line.as_bytes()));
        written.map_err(ProcessError::Watchdog)
    }
}
