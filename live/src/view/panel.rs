//! The frame around each part of the view.

use ratatui::style::{Color, Style, Stylize as _};
use ratatui::widgets::{Block, Borders};

/// A line above the part, with its title.
pub(super) fn titled_panel(title: &str) -> Block<'_> {
    Block::new().borders(Borders::TOP).border_style(Style::new().fg(Color::DarkGray)).title(title.bold())
}
