//! Resource charts by tier: small multiples on one time axis. One row per tier (cores, waiting for a core, memory), one
//! scale per column, so that tiers are comparable.

use kneepoint_analysis::Timeline;
use kneepoint_model::tier::Tier;

use crate::chart::panel::panel;
use crate::chart::{Hue, Unit};
use crate::view::block::{Chart, LegendItem};

/// The series colour of a tier, the same in the whole report.
pub(crate) const fn tier_hue(tier: Tier) -> Hue {
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

/// Rows of up to three charts, one row per tier.
pub(crate) fn tier_rows(timeline: &Timeline) -> Vec<Vec<Chart>> {
    let top = |points: fn(&kneepoint_analysis::timeline::TierSeries) -> &Vec<(f64, f64)>| {
        timeline.tiers.iter().flat_map(|tier| points(tier).iter().map(|p| p.1)).fold(0.0, f64::max)
    };
    let (cores, memory) = (top(|tier| &tier.cores), top(|tier| &tier.rss_bytes));
    timeline
        .tiers
        .iter()
        .map(|tier| {
            let (name, hue) = (tier.tier.name(), tier_hue(tier.tier));
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

/// Legend of the shaded phases.
pub(crate) fn shade_legend() -> Vec<LegendItem> {
    vec![
        LegendItem { name: "load phase, measured window".into(), hue: 10, fill: true },
        LegendItem { name: "warm-up of the phase".into(), hue: 11, fill: true },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_has_its_own_colour() {
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
        let mut hues: Vec<u8> = tiers.map(|t| tier_hue(t).0).into();
        hues.sort_unstable();
        hues.dedup();
        assert_eq!(hues.len(), tiers.len());
    }
}
