//! Owns the terminal: takes it over once and restores it at the end, after a panic, and before the process ends at once.
//!
//! In raw mode the terminal sends no signals for keys: Ctrl-C arrives as a key and becomes SIGINT again in `view`.

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
use super::state::ViewState;

/// Whether the terminal is taken over: a process has at most one.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Held while a frame is written, so that none is written after the terminal was restored.
static WRITING: Mutex<()> = Mutex::new(());

/// What a key press or a resize asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyAction {
    /// Stop cleanly (`q`).
    Stop,
    /// Interrupt like Ctrl-C in a terminal.
    Interrupt,
    /// Draw again, because the window has another size.
    Redraw,
}

/// The terminal, while it is taken over.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    /// False after reading keys failed: then there is no keyboard.
    has_keys: bool,
}

impl Screen {
    /// Switches to raw mode and the alternate screen.
    pub(super) fn take_over() -> io::Result<Self> {
        restore_on_panic();
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let entered = execute!(io::stderr(), EnterAlternateScreen, Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(io::stderr()))));
        match entered {
            Ok(terminal) => Ok(Self { terminal, has_keys: true }),
            Err(error) => {
                restore_terminal();
                Err(error)
            }
        }
    }

    /// Writes a frame; false when the terminal was restored meanwhile or cannot be written to.
    pub(super) fn draw(&mut self, state: &ViewState) -> bool {
        let _writing = match WRITING.try_lock() {
            Ok(writing) => writing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread is restoring the terminal.
            Err(TryLockError::WouldBlock) => return false,
        };
        if !is_taken_over() {
            return false;
        }
        let _ = execute!(self.terminal.backend_mut(), BeginSynchronizedUpdate);
        let drawn = self.terminal.draw(|frame| frame::draw(state, frame)).is_ok();
        let _ = execute!(self.terminal.backend_mut(), EndSynchronizedUpdate);
        drawn
    }

    /// Waits at most `at_most` for a key or a resize.
    pub(super) fn wait_for_action(&mut self, at_most: Duration) -> Option<KeyAction> {
        if !self.has_keys {
            std::thread::sleep(at_most);
            return None;
        }
        let read = match event::poll(at_most) {
            Ok(false) => return None,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        let Ok(event) = read else {
            self.has_keys = false;
            return None;
        };
        action_for(&event)
    }
}

fn action_for(event: &Event) -> Option<KeyAction> {
    match event {
        Event::Resize(..) => Some(KeyAction::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(KeyAction::Interrupt),
            KeyCode::Char('q' | 'Q') if key.modifiers.difference(KeyModifiers::SHIFT).is_empty() => {
                Some(KeyAction::Stop)
            }
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn is_taken_over() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Restores the terminal when the view has taken it over; may be called from any thread at any time.
pub fn restore_terminal() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Wait for a frame in progress, but not for ever: the thread that panicked may hold the lock itself.
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

/// A panic message must go to the restored terminal, where the user can read it.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore_terminal();
            before(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn keys_have_actions() {
        let key = |code, modifiers| action_for(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::NONE), Some(KeyAction::Stop));
        assert_eq!(key(KeyCode::Char('Q'), KeyModifiers::SHIFT), Some(KeyAction::Stop));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(KeyAction::Interrupt));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
        assert_eq!(action_for(&Event::Resize(9, 9)), Some(KeyAction::Redraw));
    }

    /// One test, because TAKEN is global; no real terminal is taken over, only the flag is set.
    #[test]
    fn a_panic_restores_the_terminal_also_in_the_middle_of_a_frame() {
        restore_terminal();
        assert!(!is_taken_over(), "a terminal that was not taken over is not restored");
        restore_on_panic();
        for in_a_frame in [false, true] {
            TAKEN.store(true, Ordering::SeqCst);
            let panicked = std::thread::spawn(move || {
                let _writing = in_a_frame.then(|| WRITING.lock());
                panic!("on purpose");
            });
            assert!(panicked.join().is_err());
            assert!(!is_taken_over());
        }
        // A poisoned lock does not keep later frames from being written.
        assert!(matches!(WRITING.try_lock(), Err(TryLockError::Poisoned(_))));
    }
}
