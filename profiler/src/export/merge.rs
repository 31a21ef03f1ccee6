//! Merges the profiles of all tiers: each tier is as wide as the CPU time it used.
//!
//! Samples of different profilers cannot be added: they differ in rate, loss and meaning. Each profile is first
//! scaled to the CPU time that the kernel counted for its tier in the window: a stack's share of its profile times
//! the tier's CPU nanoseconds. An idle profile adds nothing and is named in the notes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kneepoint_model::profile::{FoldedProfile, ProfileFacts, ProfileSource, ProfileUnit, ProfileView};
use kneepoint_model::tier::Tier;

use super::total_weight;

/// Merges the profiles; stacks begin with the tier's name, the unit is CPU nanoseconds.
pub fn merge(profiles: &[FoldedProfile]) -> FoldedProfile {
    let shared = shared_frames(profiles);
    let mut stacks = BTreeMap::new();
    let mut facts = ProfileFacts::default();
    for profile in profiles {
        facts.hz = facts.hz.max(profile.facts.hz);
        facts.duration_ms = facts.duration_ms.max(profile.facts.duration_ms);
        facts.processes += profile.facts.processes;
        facts.samples += profile.facts.samples;
        facts.errors += profile.facts.errors;
        facts.true_cpu_ns += profile.facts.true_cpu_ns;
        facts.run_queue_ns += profile.facts.run_queue_ns;
        let whole = total_weight(profile);
        let cpu_ns = tier_cpu_ns(profile);
        if whole == 0 || cpu_ns == 0 {
            facts
                .notes
                .push(format!("The {} tier is missing from this graph: it has no samples.", profile.tier));
            continue;
        }
        for (stack, weight) in &profile.stacks {
            let nanos = u128::from(*weight) * u128::from(cpu_ns) / u128::from(whole);
            let sum: &mut u64 = stacks.entry(prefix_with_tier(profile.tier, stack, &shared)).or_default();
            *sum = sum.saturating_add(u64::try_from(nanos).unwrap_or(u64::MAX));
        }
    }
    facts.notes.push("The width of each tier is the CPU time that the kernel counted for it.".to_owned());
    FoldedProfile {
        tier: Tier::Host,
        source: ProfileSource::Merged,
        view: ProfileView::Running,
        unit: ProfileUnit::CpuNanos,
        stacks,
        facts,
    }
}

/// CPU time of the tier as counted by the kernel, or estimated from its samples when its processes are not known.
fn tier_cpu_ns(profile: &FoldedProfile) -> u64 {
    match (profile.facts.true_cpu_ns, profile.unit) {
        (0, ProfileUnit::Samples) => {
            total_weight(profile).saturating_mul(1_000_000_000 / u64::from(profile.facts.hz.max(1)))
        }
        (0, ProfileUnit::CpuNanos | ProfileUnit::WallNanos) => total_weight(profile),
        (known, _) => known,
    }
}

/// Names that occur in more than one tier; the tier's name is appended to them, so that each gets its tier's
/// colour.
fn shared_frames(profiles: &[FoldedProfile]) -> BTreeSet<String> {
    let mut owners: HashMap<&str, BTreeSet<Tier>> = HashMap::new();
    for profile in profiles {
        for frame in profile.stacks.keys().flat_map(|stack| stack.split(';')) {
            owners.entry(frame).or_default().insert(profile.tier);
        }
    }
    owners.into_iter().filter(|(_, tiers)| tiers.len() > 1).map(|(frame, _)| frame.to_owned()).collect()
}

fn prefix_with_tier(tier: Tier, stack: &str, shared: &BTreeSet<String>) -> String {
    let mut out = tier.name().to_owned();
    for frame in stack.split(';') {
        out.push(';');
        out.push_str(frame);
        if shared.contains(frame) {
            out.push_str(" [");
            out.push_str(tier.name());
            out.push(']');
        }
    }
    out
}
