//! The percentile curve: response time over quantiles, one line per phase; each axis step adds a nine.

use kneepoint_model::load::LoadPhase;
use kneepoint_model::text::sanitize;
use kneepoint_model::units::Micros;

use crate::chart::axis::Axis;
use crate::chart::throughput_time::legend;
use crate::chart::{Hue, Plot, Scale, Series, Shape, Unit};
use crate::format::number;
use crate::view::block::{Cell, Chart, Table};

/// Quantiles of the data table.
const QUANTILES: [f64; 9] = [0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1.0];

/// The chart; `None` if no phase has a percentile curve.
pub(crate) fn chart(phases: &[&LoadPhase]) -> Option<Chart> {
    let phases: Vec<&LoadPhase> = phases.iter().copied().filter(|p| p.curve.len() > 1).take(6).collect();
    let most = phases.iter().map(|phase| phase.requests).max().filter(|n| *n > 0)?;
    let nines = (most as f64).log10().clamp(1.0, 5.0);
    let series: Vec<Series> = phases
        .iter()
        .zip([1, 2, 3, 4, 5, 6])
        .map(|(phase, hue)| {
            Series::new(sanitize(&phase.name, 24), Hue(hue), Shape::Line, points(phase, nines))
        })
        .collect();
    let values = || series.iter().flat_map(|one| one.runs.iter().flatten()).map(|p| p.1).filter(|v| *v > 0.0);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let plot = Plot {
        size: (1080.0, 260.0),
        gutter: 62.0,
        x: Axis { scale: Scale::Nines(nines), unit: Unit::Share, ticks: 6 },
        y: Axis { scale: Scale::decades(low, high), unit: Unit::Latency, ticks: 5 },
        x_grid: true,
        shades: Vec::new(),
        bands: Vec::new(),
        series,
    };
    let description = phases.iter().map(|phase| describe(phase)).collect::<Vec<_>>().join(" ");
    let title = "Response time by percentile";
    Some(Chart {
        id: "chart-percentiles".to_owned(),
        title: title.to_owned(),
        svg: plot.draw(title, &description),
        description,
        legend: legend(&plot.series),
        data: Some(data(&phases)),
    })
}

/// The curve up to the last nine that the number of requests supports; the maximum is at the right edge.
fn points(phase: &LoadPhase, nines: f64) -> Vec<(f64, f64)> {
    let edge = 1.0 - 10f64.powf(-nines);
    phase.curve.iter().map(|&(quantile, value)| (quantile.min(edge), value.as_f64())).collect()
}

fn describe(phase: &LoadPhase) -> String {
    let q = &phase.response_us;
    format!("{}: p50 {}, p99 {}, maximum {}.", phase.name, q.p50, q.p99, q.max)
}

/// The first point of the curve at or beyond a quantile, as HdrHistogram defines the value at a quantile.
fn at_quantile(phase: &LoadPhase, quantile: f64) -> Option<Micros> {
    phase.curve.iter().find(|(q, _)| *q >= quantile - 1e-9).map(|(_, value)| *value)
}

fn data(phases: &[&LoadPhase]) -> Table {
    let mut table = Table::new("data-percentiles", "Response time by percentile").text_column("Percentile");
    for phase in phases {
        table = table.number_column(&phase.name, "");
    }
    let rows = QUANTILES.map(|quantile| {
        let mut row = vec![Cell::text(if quantile >= 1.0 {
            "maximum".to_owned()
        } else {
            format!("{} %", number(quantile * 100.0, 1))
        })];
        row.extend(
            phases.iter().map(|phase| Cell::optional(at_quantile(phase, quantile), Cell::micros, "no data")),
        );
        row
    });
    table.with_rows(rows)
}
