//! The only file that writes for people while a run goes on: progress on stderr, results on stdout.
//!
//! On a terminal each stage is one line that moves; elsewhere each stage is one plain line when it ends.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kneepoint_model::event::Event;
use kneepoint_model::stage::{Stage, StageStatus};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loudness {
    /// Warnings only.
    Quiet,
    /// A line for each stage.
    Normal,
    /// Notes as well.
    Verbose,
}

/// Shows announcements.
pub(crate) struct Console {
    loudness: Loudness,
    moving: bool,
    colour: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bar: Option<ProgressBar>,
    last_note: String,
}

impl Console {
    pub(crate) fn new(loudness: Loudness) -> Self {
        let moving = std::io::stderr().is_terminal() && loudness != Loudness::Quiet;
        let colour = moving && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { loudness, moving, colour, state: Mutex::new(State::default()) }
    }

    /// Shows one announcement.
    pub(crate) fn show(&self, event: Event) {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        match event {
            Event::StageStarted { stage } => self.start(&mut state, stage),
            Event::Progress { done, total, message, .. } => Self::advance(&state, done, total, &message),
            Event::Note { message, .. } => self.note(&mut state, clean(&message)),
            Event::Warning { stage, message } => Self::line(
                &state,
                &self.paint("33", &format!("warning: {}: {}", stage.name(), clean(&message))),
            ),
            Event::StageEnded { stage, status, seconds } => self.end(&mut state, stage, status, seconds),
        }
    }

    /// A line before something long that has many stages.
    pub(crate) fn heading(&self, text: &str) {
        if self.loudness != Loudness::Quiet {
            let state = self.state.lock().expect("no holder of this lock panics");
            Self::line(&state, &self.paint("1", &clean(text)));
        }
    }

    fn start(&self, state: &mut State, begun: Stage) {
        state.last_note.clear();
        if self.moving {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            let style = ProgressStyle::with_template("{spinner} {prefix:<8} {wide_msg} {elapsed:>4}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(begun.name());
            bar.enable_steady_tick(Duration::from_millis(120));
            state.bar = Some(bar);
        }
    }

    fn advance(state: &State, done: u64, total: Option<u64>, message: &str) {
        if let Some(bar) = &state.bar {
            let message = clean(message);
            bar.set_message(match total {
                Some(total) if total > 0 => format!("{:>3} % {message}", done * 100 / total),
                _ => message,
            });
        }
    }

    fn note(&self, state: &mut State, message: String) {
        if self.loudness == Loudness::Verbose {
            Self::line(state, &format!("  {message}"));
        }
        state.last_note = message;
    }

    fn end(&self, state: &mut State, ended: Stage, status: StageStatus, seconds: f64) {
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        if self.loudness == Loudness::Quiet {
            return;
        }
        let (mark, colour) = match status {
            StageStatus::Done => ("✓", "32"),
            StageStatus::Degraded => ("~", "33"),
            StageStatus::Skipped => ("-", "2"),
            StageStatus::Failed => ("✗", "31"),
            StageStatus::Interrupted => ("!", "33"),
        };
        let note = std::mem::take(&mut state.last_note);
        Self::line(
            state,
            &format!("{} {:<8}{seconds:>6.1} s  {note}", self.paint(colour, mark), ended.name()),
        );
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn line(state: &State, text: &str) {
        match &state.bar {
            Some(bar) => bar.println(text),
            None => write_line(&mut std::io::stderr().lock(), text),
        }
    }
}

/// Text of the site may hold control characters that would drive the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Writes results to stdout.
pub(crate) fn print(text: &str) {
    write_line(&mut std::io::stdout().lock(), text.trim_end_matches('\n'));
}

/// Writes an error to stderr.
pub(crate) fn complain(text: &str) {
    write_line(&mut std::io::stderr().lock(), &format!("error: {text}"));
}

/// A reader that has gone away (a closed pipe) is no reason to fail.
fn write_line(to: &mut impl std::io::Write, text: &str) {
    let _ = writeln!(to, "{text}");
    let _ = to.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_title_cannot_drive_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r\nc\u{9b}d"), "a[2Jbcd");
    }
}
