//! File formats of a profile: pure functions from [`FoldedProfile`] to text and bytes, deterministic.
//!
//! [`folded`] is the common format (flamegraph.pl, inferno, speedscope), [`svg`] the flame graph, [`pprof`] and
//! [`speedscope`] are for other tools, [`merge`] puts the tiers side by side. Nothing is written to disk here.

pub mod folded;
pub mod frame;
pub mod merge;
mod palette;
pub mod pprof;
mod proto;
pub mod speedscope;
pub mod svg;

use kneepoint_model::profile::{FoldedProfile, ProfileUnit};
use kneepoint_model::units::Ratio;

pub use merge::merge;

/// Sum of all weights.
pub fn total_weight(profile: &FoldedProfile) -> u64 {
    profile.stacks.values().fold(0, |sum, weight| sum.saturating_add(*weight))
}

/// True when the profile has no samples: a result, not an error.
pub fn is_idle(profile: &FoldedProfile) -> bool {
    total_weight(profile) == 0
}

/// Unit name for the report.
pub(crate) const fn unit_name(unit: ProfileUnit) -> &'static str {
    match unit {
        ProfileUnit::Samples => "samples",
        ProfileUnit::CpuNanos => "ms of CPU",
        ProfileUnit::WallNanos => "ms of wall time",
    }
}

/// Leaf functions with the most self weight, as shares of the total to four digits; line numbers are dropped.
pub fn top_self(profile: &FoldedProfile, count: usize) -> Vec<(String, Ratio)> {
    let mut own = std::collections::BTreeMap::<String, u64>::new();
    for (stack, weight) in &profile.stacks {
        let leaf = stack.rsplit(';').next().unwrap_or_default();
        *own.entry(frame::without_line(leaf)).or_default() += weight;
    }
    let mut own: Vec<(String, u64)> = own.into_iter().collect();
    own.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let whole = total_weight(profile);
    let share =
        |weight: u64| Ratio::from_parts(weight, whole).map(|share| Ratio((share.0 * 1e4).round() / 1e4));
    own.into_iter().take(count).filter_map(|(name, weight)| Some((name, share(weight)?))).collect()
}
