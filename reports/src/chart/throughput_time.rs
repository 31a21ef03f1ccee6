//! Requests and errors over time, and the clock, phases and legend that all charts over time share.

use kneepoint_analysis::Timeline;
use kneepoint_model::units::PerSecond;

use crate::chart::axis::Axis;
use crate::chart::{Hue, Plot, Scale, Series, Shade, Shape, Unit};
use crate::format::count;
use crate::view::block::{Chart, LegendItem};

/// The axis of time of a run.
pub(crate) fn clock(timeline: &Timeline, ticks: usize) -> Axis {
    let length = if timeline.length_s > 0.0 { timeline.length_s } else { 1.0 };
    Axis { scale: Scale::Linear(0.0, length), unit: Unit::Clock, ticks }
}

/// The phases of a run; the warm-up of each is fainter.
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
            let name = if named { crate::format::clean_to(&phase.name, 24) } else { String::new() };
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

/// The legend of a list of series.
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

/// The chart; `None` when no second was recorded.
pub(crate) fn chart(timeline: &Timeline) -> Option<Chart> {
    let stretch = |values: fn(&kneepoint_analysis::timeline::LatencySeries) -> &Vec<(f64, f64)>| {
        timeline
            .latency
            .iter()
            .map(|phase| values(phase).iter().map(|&(at, n)| (at + 0.5, n)).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let series = vec![
        Series { name: "requests ended".into(), hue: Hue(1), shape: Shape::Area, runs: stretch(|p| &p.rps) },
        Series { name: "in flight".into(), hue: Hue(3), shape: Shape::Line, runs: stretch(|p| &p.in_flight) },
        Series { name: "errors".into(), hue: Hue(2), shape: Shape::Alarm, runs: stretch(|p| &p.errors) },
    ];
    if series[0].runs.iter().all(Vec::is_empty) {
        return None;
    }
    let top = series.iter().map(Series::top).fold(0.0, f64::max);
    let errors: f64 = series[2].runs.iter().flatten().map(|p| p.1).sum();
    let words: Vec<String> = timeline.latency.iter().filter(|p| !p.rps.is_empty()).map(sentence).collect();
    let sentence = format!(
        "{} {}",
        words.join(" "),
        if errors > 0.0 {
            format!("{} requests failed; marks at the foot show when.", count(errors as u64))
        } else {
            "No request failed.".to_owned()
        }
    );
    let title = "Requests per second, in flight and failed";
    let legend = legend(&series);
    let plot = Plot {
        size: (1080.0, 170.0),
        gutter: 62.0,
        x: clock(timeline, 10),
        y: Axis { scale: Scale::from_zero(top, Unit::Count), unit: Unit::Count, ticks: 3 },
        x_grid: false,
        shades: shades(timeline, false),
        bands: Vec::new(),
        series,
    };
    Some(Chart {
        id: "chart-throughput-time".to_owned(),
        title: title.to_owned(),
        svg: plot.draw(title, &sentence),
        sentence,
        legend,
        data: None,
    })
}

fn sentence(phase: &kneepoint_analysis::timeline::LatencySeries) -> String {
    let values = phase.rps.iter().map(|p| p.1);
    let mean = values.clone().sum::<f64>() / phase.rps.len().max(1) as f64;
    let least = values.fold(f64::INFINITY, f64::min);
    format!("{}: {} on average, {} in the slowest second.", phase.phase, PerSecond(mean), PerSecond(least))
}
