//! Figures of the last second of load.

use kneepoint_model::live::LiveSecond;
use kneepoint_model::load::LoadModel;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table};

use super::panel::titled_panel;
use super::state::ViewState;

pub(super) fn draw(state: &ViewState, frame: &mut Frame<'_>, area: Rect) {
    let Some(live) = &state.live else {
        let text = Line::styled("no load yet", Color::DarkGray);
        frame.render_widget(Paragraph::new(text).block(titled_panel("Last second")), area);
        return;
    };
    let over = if state.is_loading { "" } else { ", which is over" };
    let title = format!("Last second of {}{over}", live.phase);
    let block = titled_panel(&title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [table, more] = Layout::vertical([Constraint::Length(2), Constraint::Length(1)]).areas(inner);
    let cells = second_cells(live);
    let errors = live.second.errors > 0;
    let styled = |(at, (_, value)): (usize, &(&str, String))| {
        let style = if at == cells.len() - 1 && errors { Style::new().fg(Color::Red) } else { Style::new() };
        Span::styled(value.clone(), style.bold())
    };
    let values = Row::new(cells.iter().enumerate().map(styled).collect::<Vec<_>>());
    let names = Row::new(cells.iter().map(|(name, _)| *name).collect::<Vec<_>>()).dim();
    let widths = [Constraint::Fill(1); 8];
    frame.render_widget(Table::new([names, values], widths).column_spacing(1), table);
    frame.render_widget(Paragraph::new(generator_line(live)), more);
}

fn second_cells(live: &LiveSecond) -> [(&'static str, String); 8] {
    let second = &live.second;
    let (asked, offered) = match live.load {
        LoadModel::Closed { users } => ("users", users.to_string()),
        LoadModel::Open { .. } => ("due", live.offered().to_string()),
    };
    [
        ("ended", live.achieved().to_string()),
        (asked, offered),
        ("p50", second.p50_us.to_string()),
        ("p95", second.p95_us.to_string()),
        ("p99", second.p99_us.to_string()),
        ("max", second.max_us.to_string()),
        ("in flight", second.in_flight.to_string()),
        ("errors", second.errors.to_string()),
    ]
}

/// State of the generator, and failed requests by outcome.
fn generator_line(live: &LiveSecond) -> Line<'_> {
    let mut parts = Vec::new();
    if let Some(busiest) = live.busiest_thread {
        parts.push(Span::raw(format!("generator {busiest} of a core")));
    }
    if let Some(lag) = live.sched_lag_p99_us {
        parts.push(Span::raw(format!("late p99 {lag}")));
    }
    for (outcome, count) in live.outcomes.iter().filter(|(outcome, count)| !outcome.is_ok() && **count > 0) {
        parts.push(Span::styled(format!("{}: {count}", outcome.label()), Color::Red));
    }
    let mut whole = Line::default();
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            whole.push_span(" · ");
        }
        whole.push_span(part);
    }
    whole
}
