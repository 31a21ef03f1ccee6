//! Requests and errors over time; also the time axis, phase shading and legend shared by all charts over time.

use kneepoint_analysis::Timeline;
use kneepoint_model::text::sanitize;
use kneepoint_model::units::PerSecond;

use crate::chart::axis::Axis;
use crate::chart::{Hue, Plot, Scale, Series, Shade, Shape, Unit};
use crate::format::count;
use crate::view::block::{Chart, LegendItem};

/// The time axis of a run.
pub(crate) fn time_axis(timeline: &Timeline, ticks: usize) -> Axis {
    let length = if timeline.length_s > 0.0 { timeline.length_s } else { 1.0 };
    Axis { scale: Scale::Linear(0.0, length), unit: Unit::Clock, ticks }
}

/// The load phases of a run; the warm-up of each is lighter.
pub(crate) fn shades(timeline: &Timeline, named: bool) -> Vec<Shade> {
    timeline
        .phases
        .iter()
        .flat_map(|phase| {
            let warm = Shade {
                from: phase.from_s,
                until: phase.measured_from_s.max(phase.from_s),
                name: String::new(),
                faint: true,
            };
            let name = if named { sanitize(&phase.name, 24) } else { String::new() };
            let measured = Shade {
                from: phase.measured_from_s,
                until: phase.until_s.max(phase.measured_from_s),
                name,
                faint: false,
            };
            [warm, measured]
        })
        .collect()
}

/// One legend entry per series.
pub(crate) fn legend(series: &[Series]) -> Vec<LegendItem> {
    series
        .iter()
        .map(|one| LegendItem {
            name: one.name.clone(),
            hue: if one.shape == Shape::Alarm { 9 } else { one.hue.0 },
            fill: one.shape == Shape::Alarm,
        })
        .collect()
}

/// The chart; `None` if no second was recorded.
pub(crate) fn chart(timeline: &Timeline) -> Option<Chart> {
    let runs = |values: fn(&kneepoint_analysis::timeline::LatencySeries) -> &Vec<(f64, f64)>| {
        timeline
            .latency
            .iter()
            .map(|phase| values(phase).iter().map(|&(at, n)| (at + 0.5, n)).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let series = vec![
        Series { name: "completed requests".into(), hue: Hue(1), shape: Shape::Area, runs: runs(|p| &p.rps) },
        Series { name: "in flight".into(), hue: Hue(3), shape: Shape::Line, runs: runs(|p| &p.in_flight) },
        Series { name: "errors".into(), hue: Hue(2), shape: Shape::Alarm, runs: runs(|p| &p.errors) },
    ];
    if series[0].runs.iter().all(Vec::is_empty) {
        return None;
    }
    let top = series.iter().map(Series::top).fold(0.0, f64::max);
    let errors: f64 = series[2].runs.iter().flatten().map(|p| p.1).sum();
    let parts: Vec<String> = timeline.latency.iter().filter(|p| !p.rps.is_empty()).map(describe).collect();
    let description = format!(
        "{} {}",
        parts.join(" "),
        if errors > 0.0 {
            format!("{} requests failed; the bars at the x axis show when.", count(errors as u64))
        } else {
            "No request failed.".to_owned()
        }
    );
    let title = "Completed, in-flight and failed requests per second";
    let legend = legend(&series);
    let plot = Plot {
        size: (1080.0, 170.0),
        gutter: 62.0,
        x: time_axis(timeline, 10),
        y: Axis { scale: Scale::from_zero(top, Unit::Count), unit: Unit::Count, ticks: 3 },
        x_grid: false,
        shades: shades(timeline, false),
        bands: Vec::new(),
        series,
    };
    Some(Chart {
        id: "chart-throughput-time".to_owned(),
        title: title.to_owned(),
        svg: plot.draw(title, &description),
        description,
        legend,
        data: None,
    })
}

fn describe(phase: &kneepoint_analysis::timeline::LatencySeries) -> String {
    let values = phase.rps.iter().map(|p| p.1);
    let mean = values.clone().sum::<f64>() / phase.rps.len().max(1) as f64;
    let least = values.fold(f64::INFINITY, f64::min);
    format!("{}: mean {}, minimum {} in one second.", phase.phase, PerSecond(mean), PerSecond(least))
}
