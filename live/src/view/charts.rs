//! Line charts of the last minutes: requests due, requests ended, and the 95th percentile.

use kneepoint_model::units::{Micros, PerSecond};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType};

use super::panel::titled_panel;
use super::state::{HISTORY, Point, ViewState};

/// Points of one curve: seconds from the left edge, and the value.
type Curve = Vec<(f64, f64)>;

pub(super) fn draw(state: &ViewState, frame: &mut Frame<'_>, area: Rect) {
    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).spacing(2).areas(area);
    let window = window(state.history.len());
    let curve = |value: fn(&Point) -> f64| -> Curve {
        // The newest second is at the right edge.
        let first = window - state.history.len();
        state.history.iter().enumerate().map(|(at, point)| ((first + at) as f64, value(point))).collect()
    };
    let (achieved, offered) = (curve(|point| point.achieved), curve(|point| point.offered));
    let top = ceiling(achieved.iter().chain(&offered).map(|(_, rate)| *rate));
    let curves = [(&offered, Color::DarkGray), (&achieved, Color::Cyan)];
    chart(
        &format!("Requests/s, {window} s (due: grey)"),
        &curves,
        (window, top, PerSecond(top).to_string()),
        frame,
        left,
    );
    let p95 = curve(|point| point.p95.as_f64());
    let top = ceiling(p95.iter().map(|(_, time)| *time));
    let label = Micros(top as u64).to_string();
    chart(&format!("p95, {window} s"), &[(&p95, Color::Magenta)], (window, top, label), frame, right);
}

fn chart(
    title: &str,
    curves: &[(&Curve, Color)],
    (window, top, label): (usize, f64, String),
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let datasets = curves.iter().map(|(curve, colour)| {
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(Style::new().fg(*colour))
            .data(curve)
    });
    let chart = Chart::new(datasets.collect())
        .block(titled_panel(title))
        .legend_position(None)
        .x_axis(Axis::default().bounds([0.0, (window - 1) as f64]))
        .y_axis(Axis::default().bounds([0.0, top]).labels(["0".to_owned(), label]));
    frame.render_widget(chart, area);
}

/// Seconds on the x axis: short at first, so that a young load fills the chart.
fn window(seconds: usize) -> usize {
    [30, 60, 120].into_iter().find(|window| *window >= seconds).unwrap_or(HISTORY)
}

/// Top of the scale: 1, 2, 3, 5 or 10 times a power of ten, so that it seldom changes.
fn ceiling(values: impl Iterator<Item = f64>) -> f64 {
    let highest = values.fold(0.0, f64::max);
    if highest <= 0.0 || !highest.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(highest.log10().floor());
    [1.0, 2.0, 3.0, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|top| *top >= highest)
        .unwrap_or(highest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_grows_with_the_load() {
        assert_eq!([0, 30, 31, 120, 121, HISTORY].map(window), [30, 30, 60, 120, HISTORY, HISTORY]);
    }

    #[test]
    fn scales_end_on_round_numbers() {
        let tops: Vec<f64> =
            [0.0, 0.7, 1.0, 11.0, 21.0, 31.0, 51.0, 99.0].map(|value| ceiling([value].into_iter())).into();
        assert_eq!(tops, [1.0, 1.0, 1.0, 20.0, 30.0, 50.0, 100.0, 100.0]);
    }

    proptest! {
        #[test]
        fn nothing_is_above_the_scale_and_it_is_not_far_above(value in 1e-3..1e9f64) {
            let top = ceiling([value].into_iter());
            prop_assert!(top >= value && top <= value * 2.0 + 1e-9, "{value}: {top}");
        }
    }
}
