//! The one file with `unsafe`: what happens in a child between fork and exec, and the thread from which we fork.
//!
//! - Every child gets its own session, so that all its descendants can be found by session id, and Ctrl-C at the
//!   terminal reaches only this process, which decides in which order things end.
//! - `PR_SET_PDEATHSIG` fires when the *thread* that forked ends, not the process (prctl(2)). Therefore all children
//!   are forked by one thread that lives until the process ends, never by a worker of some pool.
//! - Descriptors that a library left inheritable are closed at exec, so that a child holds no file of this process open.
#![expect(
    unsafe_code,
    reason = "pre_exec, close_range and signal have no safe form; the closure below is audited"
)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal, setsid};

/// What happens to a child when this process ends without stopping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnParentDeath {
    /// The kernel sends it SIGTERM.
    Terminate,
    /// It keeps running.
    KeepRunning,
    /// It keeps running and ignores the signals by which a user ends this process; the watchdog ends when its pipe closes.
    IgnoreSignals,
}

type Job = (Command, OnParentDeath, SyncSender<io::Result<Child>>);

/// Starts `command` in its own session, from the thread that lives as long as this process.
pub(crate) fn spawn(command: Command, on_death: OnParentDeath) -> io::Result<Child> {
    let (reply, result) = sync_channel(1);
    let ended = || io::Error::other("the thread that starts programs has ended");
    spawner()?.send((command, on_death, reply)).map_err(|_| ended())?;
    result.recv().map_err(|_| ended())?
}

fn spawner() -> io::Result<&'static Sender<Job>> {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    if let Some(sender) = SPAWNER.get() {
        return Ok(sender);
    }
    let (sender, jobs) = channel::<Job>();
    thread::Builder::new().name("kp-spawner".to_owned()).spawn(move || {
        for (mut command, on_death, reply) in jobs {
            prepare(&mut command, on_death);
            // The caller may have ended; then the child has no owner and must not stay.
            if let Err(unclaimed) = reply.send(command.spawn())
                && let Ok(mut child) = unclaimed.0
            {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    })?;
    // When two threads came here at once, the loser's sender is dropped, and with it its thread ends, childless.
    Ok(SPAWNER.get_or_init(|| sender))
}

fn prepare(command: &mut Command, on_death: OnParentDeath) {
    let parent = getpid();
    let in_child = move || -> io::Result<()> {
        setsid()?;
        match on_death {
            OnParentDeath::Terminate => {
                set_parent_process_death_signal(Some(Signal::TERM))?;
                // The parent may have died before the line above took effect.
                if getppid() != Some(parent) {
                    return Err(io::Error::from_raw_os_error(libc::ESRCH));
                }
            }
            OnParentDeath::KeepRunning => {}
            // SAFETY: signal(2) is async-signal-safe and SIG_IGN installs no handler.
            OnParentDeath::IgnoreSignals => unsafe {
                libc::signal(libc::SIGINT, libc::SIG_IGN);
                libc::signal(libc::SIGTERM, libc::SIG_IGN);
                libc::signal(libc::SIGHUP, libc::SIG_IGN);
            },
        }
        // SAFETY: close_range(2) with CLOEXEC closes nothing now, it only marks; 0 to 2 are left alone. The raw call is
        // used since older C libraries lack the wrapper; a kernel before 5.11 refuses, and then nothing is marked.
        unsafe {
            libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
        }
        Ok(())
    };
    // SAFETY: the closure runs in the forked child and does only system calls: no allocation, no locks, no panics; the
    // errors it makes carry a raw number.
    unsafe {
        command.pre_exec(in_child);
    }
}
