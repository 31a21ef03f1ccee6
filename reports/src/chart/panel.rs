//! A panel: one small chart over the run's time, with its sentence and its figures.

use kneepoint_analysis::Timeline;

use crate::chart::axis::Axis;
use crate::chart::label::said;
use crate::chart::throughput_time::{clock, legend, shades};
use crate::chart::{Hue, Keep, Plot, Scale, Series, Shape, Unit, thin};
use crate::format::{clean_to, number, slug};
use crate::view::block::{Cell, Chart, Table};

const SIZE: (f64, f64) = (350.0, 116.0);
const POINTS: usize = 180;
/// Rows of a panel's table.
const DATA_ROWS: usize = 24;

/// The one line whose trough matters.
pub(crate) const AVAILABLE: &str = "available";

/// Name, colour and points (seconds since the start of the run, value) of one line.
pub(crate) type Line<'a> = (&'a str, Hue, &'a [(f64, f64)]);

/// One small chart of named series over the run's time; `None` when there is not one point.
pub(crate) fn panel(
    timeline: &Timeline,
    title: &str,
    unit: Unit,
    series: Vec<Line<'_>>,
    top: Option<f64>,
) -> Option<Chart> {
    let one = series.len() == 1;
    // Of memory that can be had the trough matters, of everything else the peak.
    let keep = if series.iter().any(|line| line.0 == AVAILABLE) { Keep::Lowest } else { Keep::Highest };
    let gap = (timeline.length_s / 20.0).max(3.0);
    let series: Vec<Series> = series
        .into_iter()
        .filter(|(_, _, points)| !points.is_empty())
        .map(|(name, hue, points)| {
            let shape = if one { Shape::Area } else { Shape::Line };
            Series::new(name, hue, shape, thin(points, POINTS, keep)).cut_at(gap)
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    let highest = top.unwrap_or_else(|| series.iter().map(Series::top).fold(0.0, f64::max));
    let words: Vec<String> = series.iter().map(|one| sentence(one, unit, keep)).collect();
    let sentence = format!("{}.", words.join("; "));
    let plot = Plot {
        size: SIZE,
        gutter: 64.0,
        x: clock(timeline, 4),
        y: Axis { scale: Scale::from_zero(highest, unit), unit, ticks: 3 },
        x_grid: false,
        shades: shades(timeline, false),
        bands: Vec::new(),
        series,
    };
    let legend = if one { Vec::new() } else { legend(&plot.series) };
    let title = clean_to(title, 80);
    let id = slug(&format!("chart-{title}"));
    let data = Some(data(&id, &title, (unit, keep), &plot.series));
    Some(Chart { svg: plot.draw(&title, &sentence), id, title, sentence, legend, data })
}

/// The panel's figures, thinned to a table that can be read; what matters of each stretch is kept.
fn data(id: &str, title: &str, (unit, keep): (Unit, Keep), series: &[Series]) -> Table {
    let columns: Vec<Vec<(f64, f64)>> =
        series.iter().map(|one| thin(&one.runs.concat(), DATA_ROWS, keep)).collect();
    let mut table = Table::new(&format!("data-{id}"), format!("{title}, thinned"))
        .numbers("At", "Seconds since the start of the run.");
    for one in series {
        table = table.numbers(&one.name, "");
    }
    let longest = columns.iter().max_by_key(|points| points.len()).cloned().unwrap_or_default();
    for (at, _) in longest {
        let mut cells = vec![Cell::value(format!("{} s", number(at, 1)), at)];
        cells.extend(columns.iter().map(|points| {
            let same = points.iter().find(|point| (point.0 - at).abs() < 1e-6);
            Cell::maybe(same, |point| Cell::value(said(point.1, unit), point.1), "not kept")
        }));
        table.push(cells);
    }
    table
}

fn sentence(series: &Series, unit: Unit, keep: Keep) -> String {
    if series.is_flat_zero() {
        return format!("{}: nothing throughout", series.name);
    }
    let word = if keep == Keep::Lowest { "lowest" } else { "highest" };
    let found = series.runs.iter().flatten().copied().reduce(|kept, next| keep.of(kept, next));
    let (at, value) = found.unwrap_or_default();
    format!("{}: {word} {} at {} s", series.name, said(value, unit), number(at, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_sampled_is_no_panel() {
        assert!(panel(&Timeline::default(), "x", Unit::Cores, vec![("x", Hue(1), &[])], None).is_none());
    }

    #[test]
    fn the_sentence_names_the_peak() {
        let timeline = Timeline { length_s: 10.0, ..Timeline::default() };
        let points = [(1.0, 0.5), (2.0, 1.25), (3.0, 0.75)];
        let chart =
            panel(&timeline, "cores", Unit::Cores, vec![("server", Hue(1), &points)], None).expect("points");
        assert_eq!(chart.sentence, "server: highest 1.25 cores at 2 s.");
        let chart_of =
            |name| panel(&timeline, "x", Unit::Cores, vec![(name, Hue(1), &points)], None).expect("points");
        assert_eq!(chart_of(AVAILABLE).sentence, "available: lowest 0.5 cores at 1 s.");
        assert_eq!(chart.data.expect("data").rows.len(), 3);
    }
}
