//! The only module that writes to the terminal during a run: progress on stderr, results on stdout.
//!
//! On a terminal each stage is one live line; elsewhere it is one plain line when it ends.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kneepoint_model::event::Event;
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::text::remove_controls;

/// Which lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Only warnings and errors.
    Quiet,
    /// Also a line for each stage.
    Normal,
    /// Also the notes of each stage.
    Verbose,
}

/// Renders events as lines on stderr.
pub(crate) struct Console {
    verbosity: Verbosity,
    is_live: bool,
    colour: bool,
    line: Mutex<LiveLine>,
}

/// The line of the running stage.
#[derive(Default)]
struct LiveLine {
    bar: Option<ProgressBar>,
    last_note: String,
}

impl Console {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        let is_live = std::io::stderr().is_terminal() && verbosity != Verbosity::Quiet;
        let colour = is_live && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { verbosity, is_live, colour, line: Mutex::new(LiveLine::default()) }
    }

    /// Writes or updates the line of an event.
    pub(crate) fn print_event(&self, event: Event) {
        let mut line = self.line.lock().expect("no holder of this lock panics");
        match event {
            Event::StageStarted { stage } => self.start_stage(&mut line, stage),
            Event::Progress { done, total, message, .. } => {
                Self::show_progress(&line, done, total, &message);
            }
            Event::Note { message, .. } => self.print_note(&mut line, remove_controls(&message)),
            Event::Warning { stage, message } => Self::print_line(
                &line,
                &self.paint("33", &format!("warning: {}: {}", stage.name(), remove_controls(&message))),
            ),
            Event::StageEnded { stage, status, seconds } => {
                self.end_stage(&mut line, stage, status, seconds);
            }
        }
    }

    /// Writes a heading before a rung or a toggle.
    pub(crate) fn print_heading(&self, text: &str) {
        if self.verbosity != Verbosity::Quiet {
            let line = self.line.lock().expect("no holder of this lock panics");
            Self::print_line(&line, &self.paint("1", &remove_controls(text)));
        }
    }

    fn start_stage(&self, line: &mut LiveLine, stage: Stage) {
        line.last_note.clear();
        if self.is_live {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            let style = ProgressStyle::with_template("{spinner} {prefix:<8} {wide_msg} {elapsed:>4}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(stage.name());
            bar.enable_steady_tick(Duration::from_millis(120));
            line.bar = Some(bar);
        }
    }

    fn show_progress(line: &LiveLine, done: u64, total: Option<u64>, message: &str) {
        if let Some(bar) = &line.bar {
            let message = remove_controls(message);
            bar.set_message(match total {
                Some(total) if total > 0 => format!("{:>3} % {message}", done * 100 / total),
                _ => message,
            });
        }
    }

    fn print_note(&self, line: &mut LiveLine, message: String) {
        if self.verbosity == Verbosity::Verbose {
            Self::print_line(line, &format!("  {message}"));
        }
        line.last_note = message;
    }

    fn end_stage(&self, line: &mut LiveLine, stage: Stage, status: StageStatus, seconds: f64) {
        if let Some(bar) = line.bar.take() {
            bar.finish_and_clear();
        }
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        let (mark, colour) = match status {
            StageStatus::Done => ("✓", "32"),
            StageStatus::Degraded => ("~", "33"),
            StageStatus::Skipped => ("-", "2"),
            StageStatus::Failed => ("✗", "31"),
            StageStatus::Interrupted => ("!", "33"),
        };
        let note = std::mem::take(&mut line.last_note);
        Self::print_line(
            line,
            &format!("{} {:<8}{seconds:>6.1} s  {note}", self.paint(colour, mark), stage.name()),
        );
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn print_line(line: &LiveLine, text: &str) {
        match &line.bar {
            Some(bar) => bar.println(text),
            None => write_line(&mut std::io::stderr().lock(), text),
        }
    }
}

/// Writes results to stdout.
pub(crate) fn print(text: &str) {
    write_line(&mut std::io::stdout().lock(), text.trim_end_matches('\n'));
}

/// Writes an error to stderr.
pub(crate) fn print_error(text: &str) {
    write_line(&mut std::io::stderr().lock(), &format!("error: {text}"));
}

/// Ignores errors: a closed pipe is no reason to fail.
fn write_line(to: &mut impl std::io::Write, text: &str) {
    let _ = writeln!(to, "{text}");
    let _ = to.flush();
}
