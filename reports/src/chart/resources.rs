//! Resources: small multiples on one common axis of time. A row for each tier (cores, waiting for a core, memory), with
//! one scale for each column so that tiers compare; then the machine as a whole.

use kneepoint_analysis::Timeline;
use kneepoint_model::tier::Tier;

use crate::chart::axis::Axis;
use crate::chart::throughput_time::{clock, legend, shades};
use crate::chart::{Hue, Plot, Scale, Series, Shape, Unit, thin};
use crate::format::{clean_to, number, slug};
use crate::view::block::{Chart, LegendItem};

const SIZE: (f64, f64) = (350.0, 116.0);
const POINTS: usize = 180;

/// The series colour that belongs to a tier everywhere in the report.
pub(crate) const fn hue_of(tier: Tier) -> Hue {
    Hue(match tier {
        Tier::Proxy => 6,
        Tier::Server => 1,
        Tier::Engine => 3,
        Tier::Db => 5,
        Tier::Cache => 4,
        Tier::Queue | Tier::Objects => 7,
        Tier::Generator => 8,
        Tier::Host => 0,
    })
}

/// One small chart of named series over the run's time; `None` when there is not one point.
pub(crate) fn panel(
    timeline: &Timeline,
    title: &str,
    unit: Unit,
    series: Vec<(&str, Hue, &[(f64, f64)])>,
    top: Option<f64>,
) -> Option<Chart> {
    let one = series.len() == 1;
    let gap = (timeline.length_s / 20.0).max(3.0);
    let series: Vec<Series> = series
        .into_iter()
        .filter(|(_, _, points)| !points.is_empty())
        .map(|(name, hue, points)| {
            let shape = if one { Shape::Area } else { Shape::Line };
            Series::new(name, hue, shape, thin(points, POINTS, true)).cut_at(gap)
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    let highest = top.unwrap_or_else(|| series.iter().map(Series::top).fold(0.0, f64::max));
    let words: Vec<String> = series.iter().map(|one| sentence(one, unit)).collect();
    let sentence = format!("{}.", words.join("; "));
    let plot = Plot {
        size: SIZE,
        gutter: 58.0,
        x: clock(timeline, 4),
        y: Axis { scale: Scale::from_zero(highest, unit), unit, ticks: 2 },
        x_grid: false,
        shades: shades(timeline, false),
        bands: Vec::new(),
        series,
    };
    let legend = if one { Vec::new() } else { legend(&plot.series) };
    let title = clean_to(title, 80);
    let id = slug(&format!("chart-{title}"));
    Some(Chart { svg: plot.draw(&title, &sentence), id, title, sentence, legend, data: None })
}

fn sentence(series: &Series, unit: Unit) -> String {
    if series.is_flat_zero() {
        return format!("{}: nothing throughout", series.name);
    }
    let points: Vec<&(f64, f64)> = series.runs.iter().flatten().collect();
    let peak = points.iter().copied().fold((0.0, f64::MIN), |kept, p| if p.1 > kept.1 { *p } else { kept });
    format!(
        "{}: highest {} at {} s",
        series.name,
        crate::chart::scale::label(peak.1, unit),
        number(peak.0, 0)
    )
}

/// Rows of three charts, one row a tier.
pub(crate) fn tiers(timeline: &Timeline) -> Vec<Vec<Chart>> {
    let top = |points: fn(&kneepoint_analysis::timeline::TierSeries) -> &Vec<(f64, f64)>| {
        timeline.tiers.iter().flat_map(|tier| points(tier).iter().map(|p| p.1)).fold(0.0, f64::max)
    };
    let (cores, memory) = (top(|tier| &tier.cores), top(|tier| &tier.rss_bytes));
    timeline
        .tiers
        .iter()
        .map(|tier| {
            let (name, hue) = (tier.tier.name(), hue_of(tier.tier));
            [
                panel(
                    timeline,
                    &format!("{name}: cores in use"),
                    Unit::Cores,
                    vec![(name, hue, &tier.cores)],
                    Some(cores),
                ),
                panel(
                    timeline,
                    &format!("{name}: share of time waiting for a core"),
                    Unit::Share,
                    vec![(name, hue, &tier.run_queue_share)],
                    Some(1.0),
                ),
                panel(
                    timeline,
                    &format!("{name}: resident memory"),
                    Unit::Bytes,
                    vec![(name, hue, &tier.rss_bytes)],
                    Some(memory),
                ),
            ]
            .into_iter()
            .flatten()
            .collect()
        })
        .collect()
}

/// What the shading means.
pub(crate) fn shade_legend() -> Vec<LegendItem> {
    vec![
        LegendItem { name: "a phase of load, measured".into(), hue: 10, fill: true },
        LegendItem { name: "its warm-up".into(), hue: 11, fill: true },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_of_the_reference_stack_have_colours_of_their_own() {
        let mut hues: Vec<u8> =
            [Tier::Proxy, Tier::Server, Tier::Engine, Tier::Db, Tier::Cache, Tier::Generator]
                .map(|t| hue_of(t).0)
                .into();
        hues.sort_unstable();
        hues.dedup();
        assert_eq!(hues.len(), 6);
    }

    #[test]
    fn nothing_sampled_is_no_panel() {
        assert!(panel(&Timeline::default(), "x", Unit::Cores, vec![("x", Hue(1), &[])], None).is_none());
    }
}
