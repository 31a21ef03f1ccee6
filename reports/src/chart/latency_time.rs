//! Response time over the run: p50, p95 and p99 per second, load phases shaded.

use kneepoint_analysis::Timeline;
use kneepoint_analysis::timeline::LatencySeries;

use crate::chart::axis::Axis;
use crate::chart::{Hue, Plot, Scale, Series, Shape, Unit, throughput_time};
use crate::format::{count, millis, number};
use crate::view::block::{Cell, Chart, Table};

/// Maximum number of rows of the data table below the chart.
const DATA_ROWS: usize = 60;

/// The chart; `None` if no request ended in any second.
pub(crate) fn chart(timeline: &Timeline) -> Option<Chart> {
    let series = vec![
        series("p99", Hue(2), timeline, |phase| &phase.p99_ms),
        series("p95", Hue(5), timeline, |phase| &phase.p95_ms),
        series("p50", Hue(1), timeline, |phase| &phase.p50_ms),
    ];
    let top = series.iter().map(Series::top).fold(0.0, f64::max);
    if top <= 0.0 {
        return None;
    }
    let low = series[2].runs.iter().flatten().map(|p| p.1).filter(|v| *v > 0.0).fold(top, f64::min);
    let wide = top / low > 12.0;
    let scale =
        if wide { Scale::decades(low * 0.9, top * 1.05) } else { Scale::from_zero(top, Unit::Latency) };
    let legend = throughput_time::legend(&series);
    let plot = Plot {
        size: (1080.0, 270.0),
        gutter: 62.0,
        x: throughput_time::time_axis(timeline, 10),
        y: Axis { scale, unit: Unit::Latency, ticks: 5 },
        x_grid: false,
        shades: throughput_time::shades(timeline, true),
        bands: vec![(0, 1), (1, 2)],
        series,
    };
    let title = "Response time per second";
    let parts: Vec<String> = timeline.latency.iter().filter_map(describe).collect();
    let scale = if wide { " Logarithmic scale." } else { "" };
    let description = format!("{}{scale}", parts.join(" "));
    Some(Chart {
        id: "chart-latency-time".to_owned(),
        title: title.to_owned(),
        svg: plot.draw(title, &description),
        description,
        legend,
        data: Some(data(timeline)),
    })
}

/// One run of points per phase, so that the line does not cross the gap between two phases.
fn series(
    name: &str,
    hue: Hue,
    timeline: &Timeline,
    values: impl Fn(&LatencySeries) -> &Vec<(f64, f64)>,
) -> Series {
    let runs = timeline
        .latency
        .iter()
        .map(|phase| values(phase).iter().map(|&(at, ms)| (at + 0.5, ms * 1_000.0)).collect())
        .collect();
    Series { name: name.to_owned(), hue, shape: Shape::Line, runs }
}

fn describe(phase: &LatencySeries) -> Option<String> {
    let mut seconds: Vec<f64> = phase.p95_ms.iter().map(|p| p.1).collect();
    seconds.sort_by(f64::total_cmp);
    let middle = *seconds.get(seconds.len() / 2)?;
    let worst = phase.p95_ms.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    Some(format!(
        "{}: p95 is {} in the median second and {} in the worst second (at {} s).",
        phase.phase,
        millis(middle),
        millis(worst.1),
        number(worst.0, 0)
    ))
}

fn data(timeline: &Timeline) -> Table {
    let mut table = Table::new("data-latency-time", "Response time per second, reduced")
        .text_column("Phase")
        .number_column("Time", "Seconds since the start of the run.")
        .number_column("p50", "")
        .number_column("p95", "")
        .number_column("p99", "")
        .number_column("Requests", "Requests that ended in this second.")
        .number_column("Errors", "");
    let all: usize = timeline.latency.iter().map(|phase| phase.p50_ms.len()).sum();
    let every = all.div_ceil(DATA_ROWS).max(1);
    for phase in &timeline.latency {
        for (at, p50) in phase.p50_ms.iter().step_by(every) {
            let at_same =
                |points: &[(f64, f64)]| points.iter().find(|p| (p.0 - at).abs() < 1e-6).map(|p| p.1);
            let time =
                |value: Option<f64>| Cell::optional(value, |ms| Cell::value(millis(ms), ms), "not shown");
            let events =
                |value: Option<f64>| Cell::optional(value, |n| Cell::value(count(n as u64), n), "not shown");
            table.push(vec![
                Cell::text(&phase.phase),
                Cell::value(format!("{} s", number(*at, 1)), *at),
                time(Some(*p50)),
                time(at_same(&phase.p95_ms)),
                time(at_same(&phase.p99_ms)),
                events(at_same(&phase.rps)),
                events(at_same(&phase.errors)),
            ]);
        }
    }
    table
}
