//! Runs a tool to its end: all its output is read, its deadline is enforced, and no process of it is left running.
//!
//! Two threads read the pipes, so that a program never blocks on a full one; the caller's thread waits. Processes
//! that the program leaves in its session when it ends (a `sleep &` of a shell) are ended too, which also closes the pipes.

use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::Program;
use crate::capture::{Head, LineSplitter, Stream, Tail};
use crate::error::{Exit, Failure, ProcessError};
use crate::session::{self, SessionRef};
use crate::spawn::{OnParentDeath, spawn};

/// How often the deadline, the cancel switch and the child are checked.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How long to wait for the pipes to close after the whole session has ended: only a process that left the session
/// (a daemon) can still hold them open.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// Chunks that were read and not yet stored; when the queue is full the program blocks, as with any slow reader.
const QUEUE_LENGTH: usize = 64;

/// The output of a program that ended successfully.
#[derive(Debug, Clone)]
pub struct Output {
    /// Standard output, up to [`Program::stdout_cap`].
    pub stdout: Vec<u8>,
    /// Bytes of standard output beyond the cap, which were dropped.
    pub stdout_dropped: u64,
    /// The end of standard error, without secret values.
    pub stderr_tail: String,
    /// Time from the start of the program to its end.
    pub elapsed: Duration,
}

impl Output {
    /// Standard output as text, with invalid UTF-8 replaced.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Why waiting for a program ended.
#[derive(Clone, Copy)]
enum WaitEnd {
    Exited(Exit),
    Deadline,
    Cancelled,
}

impl Program {
    /// Runs the program to its end and returns its output.
    ///
    /// At the deadline, or on cancellation, the whole session gets SIGTERM and after
    /// [`Program::grace`] SIGKILL. Blocks; from async code call it in a blocking task.
    ///
    /// # Errors
    /// `NotFound` when it is not installed; `Failed` when it does not return 0; `TimedOut`; `Cancelled`.
    pub fn run(&self, deadline: Duration) -> Result<Output, ProcessError> {
        self.run_with_lines(deadline, &mut |_, _| {})
    }

    /// As [`Program::run`], but calls `each` with every line as it is printed (bounded, without secret values), for progress.
    pub fn run_with_lines(
        &self,
        deadline: Duration,
        each: &mut dyn FnMut(Stream, &str),
    ) -> Result<Output, ProcessError> {
        let started = Instant::now();
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = spawn(command, OnParentDeath::Terminate).map_err(|error| self.start_error(error))?;
        let mut running = Running::new(self, child);
        let end = running.wait(started + deadline, each)?;
        running.end_session();
        running.drain(each);
        running.into_result(end, started.elapsed())
    }
}

/// A started program; dropping it ends its session, so that a panic in a line callback leaves nothing behind.
struct Running<'a> {
    program: &'a Program,
    child: Child,
    session: SessionRef,
    chunks: Receiver<(Stream, Vec<u8>)>,
    stdout: Head,
    stderr: Tail,
    stdout_tail: Tail,
    lines: [LineSplitter; 2],
}

impl<'a> Running<'a> {
    fn new(program: &'a Program, mut child: Child) -> Self {
        let (sender, chunks) = sync_channel(QUEUE_LENGTH);
        if let Some(pipe) = child.stdout.take() {
            spawn_reader(pipe, Stream::Stdout, sender.clone());
        }
        if let Some(pipe) = child.stderr.take() {
            spawn_reader(pipe, Stream::Stderr, sender);
        }
        let session = SessionRef::from_leader(child.id() as i32);
        Self {
            program,
            child,
            session,
            chunks,
            stdout: Head::new(program.stdout_cap),
            stderr: Tail::new(program.stderr_tail),
            stdout_tail: Tail::new(program.stderr_tail),
            lines: [LineSplitter::default(), LineSplitter::default()],
        }
    }

    fn wait(
        &mut self,
        deadline: Instant,
        each: &mut dyn FnMut(Stream, &str),
    ) -> Result<WaitEnd, ProcessError> {
        loop {
            match self.chunks.recv_timeout(POLL_INTERVAL) {
                Ok((stream, chunk)) => self.store(stream, &chunk, each),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(POLL_INTERVAL / 4),
            }
            let status = self.child.try_wait();
            let status =
                status.map_err(|source| ProcessError::Wait { argv: self.program.to_string(), source })?;
            if let Some(status) = status {
                return Ok(WaitEnd::Exited(status.into()));
            }
            if self.program.cancel.is_cancelled() {
                return Ok(WaitEnd::Cancelled);
            }
            if Instant::now() >= deadline {
                return Ok(WaitEnd::Deadline);
            }
        }
    }

    /// Ends all remaining processes of the session; after a normal exit, those that the leader left behind.
    fn end_session(&mut self) {
        let child = &mut self.child;
        session::end(&[self.session], self.program.grace, &mut || {
            let _ = child.try_wait();
        });
    }

    fn drain(&mut self, each: &mut dyn FnMut(Stream, &str)) {
        let until = Instant::now() + DRAIN_TIMEOUT;
        while let Ok((stream, chunk)) =
            self.chunks.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            self.store(stream, &chunk, each);
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            self.lines[stream as usize].flush(|line| each(stream, &self.program.mask_secrets(line)));
        }
    }

    fn store(&mut self, stream: Stream, chunk: &[u8], each: &mut dyn FnMut(Stream, &str)) {
        match stream {
            Stream::Stdout => {
                self.stdout.push(chunk);
                self.stdout_tail.push(chunk);
            }
            Stream::Stderr => self.stderr.push(chunk),
        }
        let program = self.program;
        self.lines[stream as usize].push(chunk, |line| each(stream, &program.mask_secrets(line)));
    }

    fn into_result(mut self, end: WaitEnd, elapsed: Duration) -> Result<Output, ProcessError> {
        let program = self.program;
        let take = |tail: &mut Tail| program.mask_secrets(&std::mem::replace(tail, Tail::new(1)).text());
        let stderr_tail = take(&mut self.stderr);
        if let WaitEnd::Exited(exit) = end
            && exit.success()
        {
            let Head { bytes: stdout, dropped: stdout_dropped, .. } =
                std::mem::replace(&mut self.stdout, Head::new(0));
            return Ok(Output { stdout, stdout_dropped, stderr_tail, elapsed });
        }
        let output_tail =
            if stderr_tail.trim().is_empty() { take(&mut self.stdout_tail) } else { stderr_tail };
        let failure = |exit| Box::new(Failure { argv: program.to_string(), exit, output_tail, elapsed });
        Err(match end {
            WaitEnd::Exited(exit) => ProcessError::Failed(failure(Some(exit))),
            WaitEnd::Deadline => ProcessError::TimedOut(failure(None)),
            WaitEnd::Cancelled => ProcessError::Cancelled(failure(None)),
        })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end_session();
    }
}

/// The thread ends at end of file. If a daemon keeps the pipe open, the thread stays blocked until the daemon ends; it holds
/// nothing but the pipe.
fn spawn_reader(mut pipe: impl Read + Send + 'static, stream: Stream, sender: SyncSender<(Stream, Vec<u8>)>) {
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            if sender.send((stream, buffer[..read].to_vec())).is_err() {
                return;
            }
        }
    });
}
