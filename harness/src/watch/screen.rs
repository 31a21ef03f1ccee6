//! The terminal itself: taken over once, and given back whatever happens: at the end, by a panic, before the process ends
//! at once.
//!
//! In raw mode the terminal makes no signals of keys any more, so that Ctrl-C arrives as a key and is made a signal again.

use std::io::{self, BufWriter, Stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, TryLockError};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};

use super::frame;
use super::state::State;

/// Whether the terminal is taken over. One process has one terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Held while a frame is written, so that none is written after the terminal was given back.
static WRITING: Mutex<()> = Mutex::new(());

/// What somebody wants who pressed a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// A clean stop.
    Stop,
    /// What Ctrl-C means in a terminal.
    Interrupt,
    /// A frame of another size.
    Redraw,
}

/// The terminal, while it is taken over.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    /// Keys are read until that fails: then there is no keyboard.
    has_keys: bool,
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn take() -> io::Result<Self> {
        give_back_on_panic();
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let entered = execute!(io::stderr(), EnterAlternateScreen, Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(io::stderr()))));
        match entered {
            Ok(terminal) => Ok(Self { terminal, has_keys: true }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Writes a frame; false when the terminal is not ours any more.
    pub(super) fn draw(&mut self, state: &State) -> bool {
        let _writing = match WRITING.try_lock() {
            Ok(writing) => writing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody is giving the terminal back.
            Err(TryLockError::WouldBlock) => return false,
        };
        if !is_taken() {
            return false;
        }
        let _ = execute!(self.terminal.backend_mut(), BeginSynchronizedUpdate);
        let drawn = self.terminal.draw(|frame| frame::draw(state, frame)).is_ok();
        let _ = execute!(self.terminal.backend_mut(), EndSynchronizedUpdate);
        drawn
    }

    /// Waits for a key, at most so long.
    pub(super) fn wish(&mut self, at_most: Duration) -> Option<Wish> {
        if !self.has_keys {
            std::thread::sleep(at_most);
            return None;
        }
        let heard = match event::poll(at_most) {
            Ok(false) => return None,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        let Ok(event) = heard else {
            self.has_keys = false;
            return None;
        };
        wish_of(&event)
    }
}

fn wish_of(event: &Event) -> Option<Wish> {
    match event {
        Event::Resize(..) => Some(Wish::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Wish::Interrupt),
            KeyCode::Char('q' | 'Q') if key.modifiers.difference(KeyModifiers::SHIFT).is_empty() => {
                Some(Wish::Stop)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether the view has the terminal.
pub(crate) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Gives the terminal back as it was; nothing happens where it was not taken. For any thread, at any moment.
pub(crate) fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // A frame is written in a moment. The thread that panicked may itself be the one that writes.
    let _writing = (0..20).find_map(|_| match WRITING.try_lock() {
        Ok(writing) => Some(writing),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => {
            std::thread::sleep(Duration::from_millis(5));
            None
        }
    });
    let _ = execute!(io::stderr(), EndSynchronizedUpdate, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// What a panic says belongs on the terminal that the user sees afterwards.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn keys_are_wishes() {
        let key = |code, modifiers| wish_of(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::NONE), Some(Wish::Stop));
        assert_eq!(key(KeyCode::Char('Q'), KeyModifiers::SHIFT), Some(Wish::Stop));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Wish::Interrupt));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
        assert_eq!(wish_of(&Event::Resize(9, 9)), Some(Wish::Redraw));
    }

    /// One test, because a process has one terminal: here none is really taken over, and all that is known of it is.
    #[test]
    fn a_panic_gives_the_terminal_back_also_in_the_middle_of_a_frame() {
        give_back();
        assert!(!is_taken(), "what was not taken is not given back");
        give_back_on_panic();
        for in_a_frame in [false, true] {
            TAKEN.store(true, Ordering::SeqCst);
            let panicked = std::thread::spawn(move || {
                let _writing = in_a_frame.then(|| WRITING.lock());
                panic!("on purpose");
            });
            assert!(panicked.join().is_err());
            assert!(!is_taken());
        }
        // The lock of the frame that was never finished does not keep later ones from being written.
        assert!(matches!(WRITING.try_lock(), Err(TryLockError::Poisoned(_))));
    }
}
