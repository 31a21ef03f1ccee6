//! SIGINT and SIGTERM become a wish to stop; a second one ends the process at once (the watchdog then tidies up).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::exit::ExitCode;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// The wish to stop, and which signal brought it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    /// Shared with every stage.
    pub(crate) cancel: Cancel,
    signal: Arc<AtomicU8>,
}

impl Stop {
    /// Starts listening.
    pub(crate) fn listen() -> Result<Self, Failure> {
        // goose installs a handler through the `ctrlc` crate unless one is there already: so one is put there first, and
        // our own is laid over it.
        let _ = ctrlc::set_handler(|| {});
        let stop = Self::default();
        let heard = stop.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Failure::internal)?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if heard.cancel.is_cancelled() {
                        // The second signal means at once; the watchdog stops the stack.
                        crate::watch::give_back();
                        std::process::exit(i32::from(heard.exit().code()));
                    }
                    heard.signal.store(u8::try_from(signal).unwrap_or(0), Ordering::Relaxed);
                    heard.cancel.cancel();
                }
            })
            .map_err(Failure::internal)?;
        Ok(stop)
    }

    /// The exit code that belongs to the signal.
    pub(crate) fn exit(&self) -> ExitCode {
        if i32::from(self.signal.load(Ordering::Relaxed)) == SIGINT {
            ExitCode::Interrupted
        } else {
            ExitCode::Terminated
        }
    }

    /// A failure when the wish to stop was heard.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.cancel.is_cancelled() { Err(self.failure()) } else { Ok(()) }
    }

    /// The failure that a signal causes.
    pub(crate) fn failure(&self) -> Failure {
        let name = if self.exit() == ExitCode::Interrupted { "SIGINT" } else { "SIGTERM" };
        Failure::new(self.exit(), format!("stopped by {name}"))
    }
}
