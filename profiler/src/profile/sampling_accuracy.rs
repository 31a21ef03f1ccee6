//! Sampling accuracy of a profile: its samples against true CPU time, and how long the tier waited for a core.
//!
//! expected samples = CPU seconds counted by the kernel × rate. Outside 0.8 to 1.2 of it the profile is flagged.

use kneepoint_model::profile::{FoldedProfile, ProfileView};

use super::cpu_meter::CpuUsage;
use crate::export::is_idle;

/// With fewer expected samples the ratio is not meaningful.
const MIN_EXPECTED_SAMPLES: u64 = 20;

/// Adds the kernel's figures (`None` when the tier's processes are not known) and the notes that follow from them.
pub(super) fn annotate(profile: &mut FoldedProfile, usage: Option<CpuUsage>) {
    if is_idle(profile) {
        let cpu_ms = usage.map_or(0, |usage| usage.cpu_ns / 1_000_000);
        let meanwhile = if profile.view == ProfileView::Running && cpu_ms > 0 {
            format!(", although the tier used {cpu_ms} ms of CPU")
        } else {
            String::new()
        };
        profile.facts.notes.push(format!("Idle: no samples in this view{meanwhile}."));
    }
    let facts = &mut profile.facts;
    let errors = facts.errors;
    if errors * 20 > facts.samples + errors {
        facts.notes.push(format!("{errors} of {} stack samples failed.", facts.samples + errors));
    }
    let Some(usage) = usage else {
        facts.notes.push("Sampling accuracy is unknown: the tier's processes are not known, so their CPU time is not measured.".to_owned());
        return;
    };
    facts.true_cpu_ns = usage.cpu_ns;
    facts.run_queue_ns = usage.run_queue_ns;
    if profile.view == ProfileView::Running {
        facts.expected_samples = Some(expected_samples(usage.cpu_ns, facts.hz));
    }
    let wait_share = usage.run_queue_ns as f64 / (usage.cpu_ns + usage.run_queue_ns).max(1) as f64;
    let starved = wait_share > 0.1 && usage.cpu_ns > 50_000_000;
    if starved {
        facts.notes.push(format!(
            "The tier waited for a core for {:.0} % of its ready time: functions at wake-up points are over-represented.",
            wait_share * 100.0
        ));
    }
    if let Some(ratio) =
        facts.completeness().filter(|_| facts.expected_samples.is_some_and(|n| n >= MIN_EXPECTED_SAMPLES))
    {
        if ratio.0 < 0.8 {
            facts.notes.push(format!(
                "Only {:.0} % of the samples expected from CPU time were taken: shares may be biased.",
                ratio.0 * 100.0
            ));
        } else if ratio.0 > 1.2 {
            let why = if starved {
                "waiting for a core is counted as running"
            } else {
                "idle threads may be counted"
            };
            facts.notes.push(format!("{:.1} times the samples expected from CPU time: {why}.", ratio.0));
        }
    }
}

fn expected_samples(cpu_ns: u64, hz: u32) -> u64 {
    (cpu_ns as f64 / 1e9 * f64::from(hz)).round() as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kneepoint_model::profile::{ProfileFacts, ProfileSource, ProfileUnit};
    use kneepoint_model::tier::Tier;

    use super::*;

    fn annotated_facts(samples: u64, usage: CpuUsage, view: ProfileView) -> ProfileFacts {
        let stacks = if samples == 0 { BTreeMap::new() } else { BTreeMap::from([("a".to_owned(), samples)]) };
        let (source, unit) = (ProfileSource::PySpy, ProfileUnit::Samples);
        let facts = ProfileFacts { hz: 20, samples, ..ProfileFacts::default() };
        let mut profile = FoldedProfile { tier: Tier::Server, source, view, unit, stacks, facts };
        annotate(&mut profile, Some(usage));
        profile.facts
    }

    #[test]
    fn samples_are_compared_with_cpu_time() {
        let ten_seconds = CpuUsage { cpu_ns: 10_000_000_000, run_queue_ns: 0 };
        let good = annotated_facts(190, ten_seconds, ProfileView::Running);
        assert_eq!((good.expected_samples, good.notes.len()), (Some(200), 0), "{:?}", good.notes);
        assert!(annotated_facts(150, ten_seconds, ProfileView::Running).notes[0].starts_with("Only 75 %"));
        assert!(annotated_facts(250, ten_seconds, ProfileView::Running).notes[0].starts_with("1.2 times"));
        assert_eq!(annotated_facts(150, ten_seconds, ProfileView::Wall).expected_samples, None);
    }

    #[test]
    fn starvation_and_idleness_are_noted() {
        let starved = CpuUsage { cpu_ns: 5_000_000_000, run_queue_ns: 5_000_000_000 };
        let notes = annotated_facts(180, starved, ProfileView::Running).notes;
        assert!(
            notes[0].contains("50 % of its ready time") && notes[1].contains("waiting for a core"),
            "{notes:?}"
        );
        assert_eq!(
            annotated_facts(0, CpuUsage::default(), ProfileView::Running).notes,
            ["Idle: no samples in this view."]
        );
    }
}
