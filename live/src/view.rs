//! `--watch`: a full-screen view of a run while it goes on.
//!
//! `update_queue` receives updates, `state` folds them into one `ViewState`, `frame` (with `figures`, `charts` and
//! `tables`) draws it, and `screen` owns the terminal. No colours where NO_COLOR is set.

mod charts;
mod figures;
mod frame;
mod panel;
mod screen;
mod state;
mod tables;
mod update_queue;

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};

use self::screen::{KeyAction, Screen};
use self::state::ViewState;
use self::update_queue::UpdateQueue;

pub use self::screen::restore_terminal;
pub use self::state::{CpuUsage, Update};

/// Shortest time between two frames.
const FRAME_INTERVAL: Duration = Duration::from_millis(250);
/// Longest time between two checks of whether the view was closed.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The open view; dropping it without [`View::close`] leaves the terminal taken over.
pub struct View {
    updates: Arc<UpdateQueue>,
    closed: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl View {
    /// Takes over the terminal on stderr and starts the drawing thread.
    ///
    /// # Errors
    /// The reason why nothing can be drawn here, as a clause without a full stop.
    pub fn open(title: &str) -> Result<Self, String> {
        if !io::stderr().is_terminal() {
            return Err("stderr is not a terminal".to_owned());
        }
        if std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
            return Err("TERM is not set to a terminal with a cursor".to_owned());
        }
        let screen = Screen::take_over().map_err(|error| format!("the terminal cannot be used: {error}"))?;
        let (updates, closed) = (Arc::<UpdateQueue>::default(), Arc::<AtomicBool>::default());
        let (queue, stop, state) = (Arc::clone(&updates), Arc::clone(&closed), ViewState::new(title));
        let thread = std::thread::Builder::new()
            .name("view".to_owned())
            .spawn(move || run_view(screen, state, &queue, &stop))
            .map_err(|error| {
                restore_terminal();
                error.to_string()
            })?;
        Ok(Self { updates, closed, thread: Mutex::new(Some(thread)) })
    }

    /// False once it was closed, or once a panic restored the terminal.
    pub fn is_shown(&self) -> bool {
        !self.closed.load(Ordering::Relaxed) && screen::is_taken_over()
    }

    /// Queues an update; never blocks for longer than a short lock.
    pub fn update(&self, update: Update) {
        self.updates.push(update);
    }

    /// Stops the drawing thread and restores the terminal. Further calls do nothing.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        restore_terminal();
    }
}

/// Body of the drawing thread.
fn run_view(mut screen: Screen, mut state: ViewState, updates: &UpdateQueue, closed: &AtomicBool) {
    let mut next_frame = Instant::now();
    let mut needs_redraw = true;
    while !closed.load(Ordering::Relaxed) {
        for update in updates.drain() {
            state.apply(update);
            needs_redraw = true;
        }
        if needs_redraw && Instant::now() >= next_frame {
            if !screen.draw(&state) {
                // Console lines are held back while the view is shown: a view that cannot draw must end.
                restore_terminal();
                return;
            }
            (needs_redraw, next_frame) = (false, Instant::now() + FRAME_INTERVAL);
        }
        match screen.wait_for_action(POLL_INTERVAL) {
            Some(KeyAction::Redraw) => needs_redraw = true,
            Some(KeyAction::Stop) if state.is_stopping => {}
            Some(KeyAction::Stop | KeyAction::Interrupt) => {
                state.apply(Update::Stopping);
                needs_redraw = true;
                // The same path as without a view, so that a second Ctrl-C ends the process at once.
                let _ = kill_process(getpid(), Signal::INT);
            }
            None => {}
        }
    }
}
