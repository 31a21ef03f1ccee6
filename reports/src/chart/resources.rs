//! Resources: small multiples on one common axis of time. A row for each tier (cores, waiting for a core, memory), with
//! one scale for each column so that tiers compare; then the machine as a whole.

use kneepoint_analysis::Timeline;
use kneepoint_model::tier::Tier;

use crate::chart::panel::panel;
use crate::chart::{Hue, Unit};
use crate::view::block::{Chart, LegendItem};

/// The series colour that belongs to a tier everywhere in the report.
pub(crate) const fn hue_of(tier: Tier) -> Hue {
    Hue(match tier {
        Tier::Proxy => 6,
        Tier::Server => 1,
        Tier::Engine => 3,
        Tier::Db => 5,
        Tier::Cache => 4,
        Tier::Queue => 7,
        Tier::Objects => 2,
        Tier::Generator => 8,
        Tier::Host => 0,
    })
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
        let tiers = [
            Tier::Proxy,
            Tier::Server,
            Tier::Engine,
            Tier::Db,
            Tier::Cache,
            Tier::Queue,
            Tier::Objects,
            Tier::Generator,
            Tier::Host,
        ];
        let mut hues: Vec<u8> = tiers.map(|t| hue_of(t).0).into();
        hues.sort_unstable();
        hues.dedup();
        assert_eq!(hues.len(), tiers.len());
    }
}
