//! The N+1 test: statements over requested rows. A line that rises with the rows proves an N+1 query.

use kneepoint_model::probe::SlopeTest;
use kneepoint_model::text::sanitize;

use crate::chart::axis::Axis;
use crate::chart::{Hue, Plot, Scale, Series, Shape, Unit};
use crate::format::{count_with_noun, number, slug};
use crate::view::block::{Cell, Chart, Table};

/// The chart of one route; `None` if it has fewer than two points.
pub(crate) fn chart(index: usize, route: &str, test: &SlopeTest) -> Option<Chart> {
    if test.points.len() < 2 {
        return None;
    }
    let mut points: Vec<(f64, f64)> =
        test.points.iter().map(|&(n, q)| (f64::from(n), f64::from(q))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (rows, statements) =
        points.iter().fold((0.0, 0.0), |top: (f64, f64), p| (top.0.max(p.0), top.1.max(p.1)));
    let result = if test.slope >= 0.5 { ": N+1 query" } else { ": no growth with the rows" };
    let description = format!(
        "{} at {}; slope {}{result}.",
        count_with_noun(statements as u64, "statement", "statements"),
        count_with_noun(rows as u64, "row", "rows"),
        number(test.slope, 2)
    );
    let hue = Hue(if test.slope >= 0.5 { 2 } else { 3 });
    let plot = Plot {
        size: (350.0, 150.0),
        gutter: 40.0,
        x: Axis { scale: Scale::from_zero(rows, Unit::Count), unit: Unit::Count, ticks: 4 },
        y: Axis { scale: Scale::from_zero(statements, Unit::Count), unit: Unit::Count, ticks: 3 },
        x_grid: false,
        shades: Vec::new(),
        bands: Vec::new(),
        series: vec![Series::new(route, hue, Shape::Dots, points)],
    };
    let title = format!("Statements by {} on {}", sanitize(&test.parameter, 30), sanitize(route, 80));
    let id = slug(&format!("slope-{index}"));
    let data = Table::new(&format!("data-{id}"), &title)
        .number_column("Rows", "Requested rows.")
        .number_column("Statements", "Database statements of that request.")
        .with_rows(test.points.iter().map(|&(n, q)| vec![Cell::count(n.into()), Cell::count(q.into())]));
    Some(Chart {
        svg: plot.draw(&title, &description),
        id: format!("chart-{id}"),
        title,
        description,
        legend: Vec::new(),
        data: Some(data),
    })
}
