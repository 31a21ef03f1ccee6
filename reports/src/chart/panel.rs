//! A panel: one small chart over the duration of the run, with description and data.

use kneepoint_analysis::Timeline;
use kneepoint_model::text::sanitize;

use crate::chart::axis::Axis;
use crate::chart::label::format_value;
use crate::chart::throughput_time::{legend, shades, time_axis};
use crate::chart::{Hue, Keep, Plot, Scale, Series, Shape, Unit, thin};
use crate::format::{number, slug};
use crate::view::block::{Cell, Chart, Table};

/// Width and height in page units.
const SIZE: (f64, f64) = (350.0, 116.0);
/// Maximum number of points drawn per series.
const MAX_POINTS: usize = 180;
/// Maximum number of rows of the data table.
const DATA_ROWS: usize = 24;

/// Name of the one series of which the minimum matters: available memory.
pub(crate) const AVAILABLE: &str = "available";

/// Name, colour and points (seconds since the start of the run, value) of one series.
pub(crate) type PanelLine<'a> = (&'a str, Hue, &'a [(f64, f64)]);

/// A small chart of named series over time; `None` if no series has a point.
pub(crate) fn panel(
    timeline: &Timeline,
    title: &str,
    unit: Unit,
    series: Vec<PanelLine<'_>>,
    top: Option<f64>,
) -> Option<Chart> {
    let single = series.len() == 1;
    // Aggregation must keep the minimum of available memory and the maximum of everything else.
    let keep = if series.iter().any(|line| line.0 == AVAILABLE) { Keep::Lowest } else { Keep::Highest };
    let gap = (timeline.length_s / 20.0).max(3.0);
    let series: Vec<Series> = series
        .into_iter()
        .filter(|(_, _, points)| !points.is_empty())
        .map(|(name, hue, points)| {
            let shape = if single { Shape::Area } else { Shape::Line };
            Series::new(name, hue, shape, thin(points, MAX_POINTS, keep)).cut_at(gap)
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    let highest = top.unwrap_or_else(|| series.iter().map(Series::top).fold(0.0, f64::max));
    let parts: Vec<String> = series.iter().map(|one| describe(one, unit, keep)).collect();
    let description = format!("{}.", parts.join("; "));
    let plot = Plot {
        size: SIZE,
        gutter: 64.0,
        x: time_axis(timeline, 4),
        y: Axis { scale: Scale::from_zero(highest, unit), unit, ticks: 3 },
        x_grid: false,
        shades: shades(timeline, false),
        bands: Vec::new(),
        series,
    };
    let legend = if single { Vec::new() } else { legend(&plot.series) };
    let title = sanitize(title, 80);
    let id = slug(&format!("chart-{title}"));
    let data = Some(data(&id, &title, (unit, keep), &plot.series));
    Some(Chart { svg: plot.draw(&title, &description), id, title, description, legend, data })
}

/// The plotted points, reduced to [`DATA_ROWS`] rows; `keep` selects the value of each group.
fn data(id: &str, title: &str, (unit, keep): (Unit, Keep), series: &[Series]) -> Table {
    let columns: Vec<Vec<(f64, f64)>> =
        series.iter().map(|one| thin(&one.runs.concat(), DATA_ROWS, keep)).collect();
    let mut table = Table::new(&format!("data-{id}"), format!("{title}, reduced"))
        .number_column("Time", "Seconds since the start of the run.");
    for one in series {
        table = table.number_column(&one.name, "");
    }
    let longest = columns.iter().max_by_key(|points| points.len()).cloned().unwrap_or_default();
    for (at, _) in longest {
        let mut cells = vec![Cell::value(format!("{} s", number(at, 1)), at)];
        cells.extend(columns.iter().map(|points| {
            let same = points.iter().find(|point| (point.0 - at).abs() < 1e-6);
            Cell::optional(same, |point| Cell::value(format_value(point.1, unit), point.1), "not shown")
        }));
        table.push(cells);
    }
    table
}

fn describe(series: &Series, unit: Unit, keep: Keep) -> String {
    if series.is_flat_zero() {
        return format!("{}: zero throughout", series.name);
    }
    let extreme = if keep == Keep::Lowest { "minimum" } else { "maximum" };
    let found = series.runs.iter().flatten().copied().reduce(|current, next| keep.select(current, next));
    let (at, value) = found.unwrap_or_default();
    format!("{}: {extreme} {} at {} s", series.name, format_value(value, unit), number(at, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_sampled_is_no_panel() {
        assert!(panel(&Timeline::default(), "x", Unit::Cores, vec![("x", Hue(1), &[])], None).is_none());
    }

    #[test]
    fn the_description_names_the_peak() {
        let timeline = Timeline { length_s: 10.0, ..Timeline::default() };
        let points = [(1.0, 0.5), (2.0, 1.25), (3.0, 0.75)];
        let chart =
            panel(&timeline, "cores", Unit::Cores, vec![("server", Hue(1), &points)], None).expect("points");
        assert_eq!(chart.description, "server: maximum 1.25 cores at 2 s.");
        let chart_of =
            |name| panel(&timeline, "x", Unit::Cores, vec![(name, Hue(1), &points)], None).expect("points");
        assert_eq!(chart_of(AVAILABLE).description, "available: minimum 0.5 cores at 1 s.");
        assert_eq!(chart.data.expect("data").rows.len(), 3);
    }
}
