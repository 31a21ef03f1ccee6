//! `--watch`: a full-screen view of a run while it goes on. It only shows what is announced; it measures nothing, and
//! nothing waits for it.
//!
//! `feed` takes what is announced, `state` puts it together, `frame` (with `figures`, `charts` and `tables`) makes a
//! picture of it, `screen` has the terminal. Colours are left out where NO_COLOR is set.

mod charts;
mod feed;
mod figures;
mod frame;
mod screen;
mod state;
mod tables;

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};

use self::feed::Feed;
use self::screen::{Screen, Wish};
use self::state::State;

pub(crate) use self::screen::give_back;
#[cfg(test)]
pub(crate) use self::state::tests;
pub(crate) use self::state::{News, Use};

/// Frames come no faster than this.
const FRAME_EVERY: Duration = Duration::from_millis(250);
/// Longest wait without a look at whether the view shall end.
const LOOK: Duration = Duration::from_millis(50);

/// A view, from when it is opened until it is closed.
pub(crate) struct View {
    feed: Arc<Feed>,
    over: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl View {
    /// Opens the view; `Err` says why there is none here.
    pub(crate) fn open(title: &str) -> Result<Self, String> {
        if !io::stderr().is_terminal() {
            return Err("stderr is no terminal".to_owned());
        }
        if std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
            return Err("TERM names no terminal that can be drawn on".to_owned());
        }
        let screen = Screen::take().map_err(|error| format!("the terminal cannot be drawn on: {error}"))?;
        let (feed, over) = (Arc::<Feed>::default(), Arc::<AtomicBool>::default());
        let (news, ends, state) = (Arc::clone(&feed), Arc::clone(&over), State::new(title));
        let thread = std::thread::Builder::new()
            .name("view".to_owned())
            .spawn(move || show(screen, state, &news, &ends))
            .map_err(|error| {
                give_back();
                error.to_string()
            })?;
        Ok(Self { feed, over, thread: Mutex::new(Some(thread)) })
    }

    /// Whether it is shown: not after its end, and not after a panic gave the terminal back.
    pub(crate) fn is_shown(&self) -> bool {
        !self.over.load(Ordering::Relaxed) && screen::is_taken()
    }

    /// Gives it something to show; never waits.
    pub(crate) fn put(&self, news: News) {
        self.feed.put(news);
    }

    /// Ends it and gives the terminal back.
    pub(crate) fn close(&self) {
        self.over.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        give_back();
    }
}

/// The view's own thread.
fn show(mut screen: Screen, mut state: State, feed: &Feed, over: &AtomicBool) {
    let mut next = Instant::now();
    let mut is_new = true;
    while !over.load(Ordering::Relaxed) {
        for news in feed.take() {
            state.take(news);
            is_new = true;
        }
        if is_new && Instant::now() >= next {
            if !screen.draw(&state) {
                // Nothing may be held back for a view that shows nothing.
                give_back();
                return;
            }
            (is_new, next) = (false, Instant::now() + FRAME_EVERY);
        }
        match screen.wish(LOOK) {
            Some(Wish::Redraw) => is_new = true,
            Some(Wish::Stop) if state.is_stopping => {}
            Some(Wish::Stop | Wish::Interrupt) => {
                state.take(News::Stopping);
                is_new = true;
                // The same way as from a terminal without a view: the second Ctrl-C ends at once.
                let _ = kill_process(getpid(), Signal::INT);
            }
            None => {}
        }
    }
}
