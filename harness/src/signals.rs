//! Turns SIGINT, SIGTERM and SIGHUP into a shutdown request. A second signal ends the process at once; the watchdog then stops
//! the stack.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::exit::ExitCode;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// A shutdown request, and the signal that made it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shutdown {
    /// Cancelled by the first signal; shared with every stage.
    pub(crate) cancel: Cancel,
    signal: Arc<AtomicU8>,
}

impl Shutdown {
    /// Installs the signal handlers.
    pub(crate) fn listen() -> Result<Self, Failure> {
        // goose installs a `ctrlc` handler unless there is one: an empty one keeps it from replacing ours.
        let _ = ctrlc::set_handler(|| {});
        let shutdown = Self::default();
        let shared = shutdown.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Failure::internal)?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if shared.cancel.is_cancelled() {
                        // The watchdog stops the stack.
                        kneepoint_live::restore_terminal();
                        std::process::exit(i32::from(shared.exit_code().code()));
                    }
                    shared.signal.store(u8::try_from(signal).unwrap_or(0), Ordering::Relaxed);
                    shared.cancel.cancel();
                }
            })
            .map_err(Failure::internal)?;
        Ok(shutdown)
    }

    /// 130 after SIGINT, 143 after any other signal.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if i32::from(self.signal.load(Ordering::Relaxed)) == SIGINT {
            ExitCode::Interrupted
        } else {
            ExitCode::Terminated
        }
    }

    /// Fails once a shutdown was requested.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.cancel.is_cancelled() { Err(self.failure()) } else { Ok(()) }
    }

    /// The failure of a stage that was ended by the signal.
    pub(crate) fn failure(&self) -> Failure {
        let name = if self.exit_code() == ExitCode::Interrupted { "SIGINT" } else { "SIGTERM" };
        Failure::new(self.exit_code(), format!("stopped by {name}"))
    }
}
