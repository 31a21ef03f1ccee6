//! The endpoints of the measured part, busiest first, and the CPU of host and tiers.

use kneepoint_model::live::LiveEndpoint;
use kneepoint_model::units::Ratio;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::panel::titled_panel;
use super::state::ViewState;

/// Width of the CPU table in columns.
const CPU_WIDTH: u16 = 24;

pub(super) fn draw(state: &ViewState, frame: &mut Frame<'_>, area: Rect) {
    let [left, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(CPU_WIDTH)]).spacing(2).areas(area);
    endpoints(state, frame, left);
    cpu(state, frame, right);
}

fn endpoints(state: &ViewState, frame: &mut Frame<'_>, area: Rect) {
    let mut rows: Vec<&LiveEndpoint> = state.live.iter().flat_map(|live| &live.so_far.endpoints).collect();
    rows.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.name.cmp(&b.name)));
    // One row is the frame's, one the heading.
    let room = usize::from(area.height.saturating_sub(2));
    let hidden = rows.len().saturating_sub(room);
    rows.truncate(room);
    let title = match hidden {
        0 => "Endpoints, measured part".to_owned(),
        hidden => format!("Endpoints, measured part (and {hidden} more)"),
    };
    let number = |text: String| Cell::new(Line::from(text).right_aligned());
    let row = |endpoint: &LiveEndpoint| {
        let errors = endpoint.errors();
        let style = if errors > 0 { Style::new().fg(Color::Red) } else { Style::new() };
        Row::new([
            Cell::new(endpoint.name.clone()),
            number(endpoint.requests.to_string()),
            number(errors.to_string()).style(style),
            number(endpoint.p95_us.to_string()),
        ])
    };
    let names = ["requests", "errors", "p95"].map(|name| number(name.to_owned()));
    let heading = Row::new([Cell::new("")].into_iter().chain(names)).dim();
    let widths = [Constraint::Fill(1), Constraint::Length(9), Constraint::Length(7), Constraint::Length(9)];
    let table = Table::new(rows.into_iter().map(row), widths).header(heading).block(titled_panel(&title));
    frame.render_widget(table, area);
}

fn cpu(state: &ViewState, frame: &mut Frame<'_>, area: Rect) {
    let line = |name: &str, share: Ratio| Line::from(format!("{name:<12}{:>9}", share.to_string()));
    let host = state.cpu.host.map(|host| line("host", host));
    let tiers = state.cpu.tiers.iter().map(|(tier, share)| line(tier.name(), *share));
    let mut lines: Vec<Line<'_>> = host.into_iter().chain(tiers).collect();
    if lines.is_empty() {
        lines.push(Line::styled("not sampled now", Color::DarkGray));
    }
    frame.render_widget(Paragraph::new(lines).block(titled_panel("CPU (tiers: of a core)")), area);
}
