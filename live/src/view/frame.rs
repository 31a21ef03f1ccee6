//! Draws one frame. A pure function of the state.
//!
//! From top to bottom: title and stages, figures of the last second, charts of the last minutes, endpoints beside the CPU
//! of the tiers, and warnings.

use kneepoint_model::stage::{Stage, StageStatus};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::panel::titled_panel;
use super::state::ViewState;
use super::{charts, figures, tables};

/// Smallest window (columns, rows) that the view is drawn in.
const SMALLEST: (u16, u16) = (60, 18);
/// Rows for the text of warnings.
const WARNING_ROWS: u16 = 2;

/// The observing stages; the others take only a moment and are shown after these.
const STAGES: [Stage; 7] =
    [Stage::Up, Stage::Smoke, Stage::Warm, Stage::Probe, Stage::Load, Stage::Profile, Stage::Down];

pub(crate) fn draw(state: &ViewState, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text =
            format!("{}\nmake the window at least {} × {}", current_activity(state), SMALLEST.0, SMALLEST.1);
        frame.render_widget(Paragraph::new(text), area);
        return;
    }
    let rows = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(4),
        Constraint::Fill(3),
        Constraint::Fill(2),
        Constraint::Length(WARNING_ROWS + 1),
        Constraint::Length(1),
    ]);
    let [head, last, curves, lists, warnings, foot] = rows.areas(area);
    header(state, frame, head);
    figures::draw(state, frame, last);
    charts::draw(state, frame, curves);
    tables::draw(state, frame, lists);
    draw_warnings(state, frame, warnings);
    let hint = if state.is_stopping {
        "stopping: what was measured so far is reported · Ctrl-C again: at once"
    } else {
        "q: stop, and report what was measured so far"
    };
    frame.render_widget(Paragraph::new(hint).dim(), foot);
}

fn header(state: &ViewState, frame: &mut Frame<'_>, area: Rect) {
    let [title, stages] = Layout::vertical([Constraint::Length(1); 2]).areas(area);
    let right = time_left(state);
    let width = u16::try_from(right.chars().count()).unwrap_or(u16::MAX);
    let [left, right_area] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(width)]).areas(title);
    let name = if state.heading.is_empty() {
        state.title.clone()
    } else {
        format!("{} · {}", state.title, state.heading)
    };
    frame.render_widget(Paragraph::new(name).bold(), left);
    frame.render_widget(Paragraph::new(right).right_aligned(), right_area);
    frame.render_widget(Paragraph::new(stage_line(state)), stages);
}

/// Time left of the current load phase; empty without load.
fn time_left(state: &ViewState) -> String {
    match &state.live {
        Some(live) if state.is_loading => {
            let left = live.length.saturating_sub(live.elapsed).as_secs();
            format!(" {}:{:02} left", left / 60, left % 60)
        }
        _ => String::new(),
    }
}

/// Ended stages with their status marks, then the current one with its progress.
fn stage_line(state: &ViewState) -> Line<'_> {
    let mut spans = Vec::new();
    let others = state.ended.iter().filter(|(stage, _)| !STAGES.contains(stage));
    for (stage, status) in state.ended.iter().filter(|(stage, _)| STAGES.contains(stage)).chain(others) {
        let (mark, colour) = mark(*status);
        spans.push(Span::styled(format!("{mark} {} ", stage.name()), colour));
    }
    spans.push(current_activity(state).bold());
    Line::from(spans)
}

/// The current stage and its progress.
fn current_activity(state: &ViewState) -> String {
    let Some(now) = state.stage else { return String::new() };
    let doing = match &state.live {
        Some(live) if state.is_loading => {
            let part = if live.second.warmup { "warm-up" } else { "measured" };
            let segment = live.segment.as_ref().map_or_else(String::new, |segment| format!(" · {segment}"));
            format!("{} ({part}){segment}", live.phase)
        }
        _ => state.progress.clone(),
    };
    format!("▸ {} {doing}", now.name()).trim_end().to_owned()
}

fn mark(status: StageStatus) -> (&'static str, Color) {
    match status {
        StageStatus::Done => ("✓", Color::Green),
        StageStatus::Degraded => ("~", Color::Yellow),
        StageStatus::Skipped => ("-", Color::DarkGray),
        StageStatus::Failed => ("✗", Color::Red),
        StageStatus::Interrupted => ("!", Color::Yellow),
    }
}

/// Reasons why the measurement is invalid so far, then the latest warnings.
fn draw_warnings(state: &ViewState, frame: &mut Frame<'_>, area: Rect) {
    let doubts = state.live.iter().flat_map(|live| &live.so_far.doubts);
    let doubts: Vec<Line<'_>> = doubts.map(|doubt| Line::styled(format!("✗ {doubt}"), Color::Red)).collect();
    let (title, none) = match &state.live {
        _ if !doubts.is_empty() => ("Invalid so far", None),
        Some(live) if !live.second.warmup => ("Warnings", Some("the measurement is valid so far")),
        _ => ("Warnings", Some("none")),
    };
    let warnings = state.warnings.iter().rev();
    let mut lines: Vec<Line<'_>> = doubts
        .into_iter()
        .chain(warnings.map(|text| Line::styled(format!("! {text}"), Color::Yellow)))
        .collect();
    if let (true, Some(none)) = (lines.is_empty(), none) {
        lines.push(Line::styled(none, Color::DarkGray));
    }
    let lines = Paragraph::new(lines).wrap(Wrap { trim: true });
    frame.render_widget(lines.block(titled_panel(title)), area);
}

#[cfg(test)]
mod tests {
    use kneepoint_model::event::Event;
    use kneepoint_model::sample::{HostSample, ResourceSample, TierSample};
    use kneepoint_model::tier::Tier;
    use kneepoint_model::units::{Bytes, Micros, UnixMillis};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::test_seconds::second;
    use crate::view::state::{CpuUsage, Update};

    fn shown(state: &ViewState, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal.draw(|frame| draw(state, frame)).expect("a frame");
        terminal.backend().to_string()
    }

    fn sample() -> ResourceSample {
        let tier = |tier, cpu| TierSample {
            tier,
            processes: 3,
            threads: 3,
            cpu_us: Micros(cpu),
            run_queue_us: Micros(0),
            rss: Bytes(0),
            pss: None,
            swap: Bytes(0),
            minor_faults: 0,
            major_faults: 0,
            voluntary_switches: 0,
            involuntary_switches: 0,
            fds: 0,
            sockets: 0,
            read: Bytes(0),
            write: Bytes(0),
            started: 0,
        };
        ResourceSample {
            at_ms: UnixMillis(0),
            tick_us: Micros(1_000_000),
            host: HostSample { cores: 2, busy_us: Micros(1_500_000), ..HostSample::default() },
            tiers: vec![
                tier(Tier::Proxy, 40_000),
                tier(Tier::Server, 930_000),
                tier(Tier::Generator, 214_000),
            ],
            nginx: None,
            databases: Vec::new(),
            caches: Vec::new(),
        }
    }

    /// A run in the middle of its open phase.
    fn loaded() -> ViewState {
        let mut state = ViewState::new("kneepoint run · http://127.0.0.1:18080/");
        for stage in [Stage::Up, Stage::Smoke, Stage::Warm, Stage::Probe] {
            state.apply(Update::Event(Event::StageStarted { stage }));
            let status = if stage == Stage::Probe { StageStatus::Degraded } else { StageStatus::Done };
            state.apply(Update::Event(Event::StageEnded { stage, status, seconds: 1.0 }));
        }
        state.apply(Update::Event(Event::StageStarted { stage: Stage::Load }));
        for n in 0..33 {
            state.apply(Update::Second(Box::new(second(n))));
        }
        state.apply(Update::Cpu(CpuUsage::from_sample(&sample())));
        let message = "max_in_flight is lowered to 100: only 228 open files are allowed".to_owned();
        state.apply(Update::Event(Event::Warning { stage: Stage::Load, message }));
        state
    }

    #[test]
    fn a_load_in_a_small_window() {
        insta::assert_snapshot!(shown(&loaded(), 80, 24));
    }

    #[test]
    fn a_load_in_a_large_window() {
        insta::assert_snapshot!(shown(&loaded(), 120, 40));
    }

    #[test]
    fn a_crawl_before_any_load() {
        let mut state = ViewState::new("kneepoint run · the reference stack");
        state.apply(Update::Event(Event::StageStarted { stage: Stage::Smoke }));
        let message = "/books/7/".to_owned();
        let progress = Event::Progress { stage: Stage::Smoke, done: 12, total: Some(60), message };
        state.apply(Update::Event(progress));
        insta::assert_snapshot!(shown(&state, 80, 24));
    }

    #[test]
    fn an_invalid_measurement_and_a_requested_stop_are_shown() {
        let mut state = loaded();
        let mut doubtful = second(34);
        doubtful.so_far.doubts = vec!["12 of 90 requests failed (13.3 %)".to_owned()];
        state.apply(Update::Second(Box::new(doubtful)));
        state.apply(Update::Stopping);
        let shown = shown(&state, 80, 24);
        for part in ["Invalid so far", "12 of 90 requests failed", "stopping", "0:05 left"] {
            assert!(shown.contains(part), "{part} is missing from:\n{shown}");
        }
    }

    #[test]
    fn any_window_is_drawn() {
        let (loaded, empty) = (loaded(), ViewState::default());
        for width in [1, 7, 59, 60, 81, 300] {
            for height in [1, 2, 17, 18, 25, 90] {
                for state in [&loaded, &empty] {
                    assert!(shown(state, width, height).lines().count() >= usize::from(height));
                }
            }
        }
        assert!(shown(&loaded, 50, 10).contains("make the window at least"));
    }
}
