//! What a profile is worth: its samples against true CPU, and how long the tier waited for a core.
//!
//! expected samples = CPU seconds by the kernel's account × rate. Outside 0.8 to 1.2 of it the profile is flagged.

use kneepoint_model::profile::{FoldedProfile, ProfileView};

use super::meter::Used;
use crate::export::is_idle;

/// Fewer expected samples than this say nothing about completeness.
const ENOUGH: u64 = 20;

/// Fills in the kernel's account (`None` when the tier's processes are not known) and the sentences that follow from it.
pub(super) fn judge(profile: &mut FoldedProfile, used: Option<Used>) {
    if is_idle(profile) {
        let cpu_ms = used.map_or(0, |used| used.cpu_ns / 1_000_000);
        let meanwhile = if profile.view == ProfileView::Running && cpu_ms > 0 {
            format!(", though the tier used {cpu_ms} ms of CPU")
        } else {
            String::new()
        };
        profile.facts.notes.push(format!("Idle: nothing was seen in this view{meanwhile}."));
    }
    let facts = &mut profile.facts;
    let errors = facts.errors;
    if errors * 20 > facts.samples + errors {
        facts.notes.push(format!("{errors} looks failed, against {} samples.", facts.samples));
    }
    let Some(used) = used else {
        facts.notes.push("Not checked against true CPU time: the tier's processes are not known.".to_owned());
        return;
    };
    facts.true_cpu_ns = used.cpu_ns;
    facts.run_queue_ns = used.run_queue_ns;
    if profile.view == ProfileView::Running {
        facts.expected_samples = Some(expected(used.cpu_ns, facts.hz));
    }
    let waited = used.run_queue_ns as f64 / (used.cpu_ns + used.run_queue_ns).max(1) as f64;
    let starved = waited > 0.1 && used.cpu_ns > 50_000_000;
    if starved {
        facts.notes.push(format!(
            "The tier was ready without a core for {:.0} % of its ready time: wake-up points are over-shown.",
            waited * 100.0
        ));
    }
    if let Some(ratio) = facts.completeness().filter(|_| facts.expected_samples.is_some_and(|n| n >= ENOUGH))
    {
        if ratio.0 < 0.8 {
            facts.notes.push(format!(
                "Only {:.0} % of the samples that the CPU time gives were taken: shares may be biased.",
                ratio.0 * 100.0
            ));
        } else if ratio.0 > 1.2 {
            let why = if starved {
                "waiting for a core is counted as running"
            } else {
                "idle threads may be counted"
            };
            facts.notes.push(format!("{:.1} times the samples that the CPU time gives: {why}.", ratio.0));
        }
    }
}

fn expected(cpu_ns: u64, hz: u32) -> u64 {
    (cpu_ns as f64 / 1e9 * f64::from(hz)).round() as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kneepoint_model::profile::{ProfileFacts, ProfileSource, ProfileUnit};
    use kneepoint_model::tier::Tier;

    use super::*;

    fn judged(samples: u64, used: Used, view: ProfileView) -> ProfileFacts {
        let stacks = if samples == 0 { BTreeMap::new() } else { BTreeMap::from([("a".to_owned(), samples)]) };
        let (source, unit) = (ProfileSource::PySpy, ProfileUnit::Samples);
        let facts = ProfileFacts { hz: 20, samples, ..ProfileFacts::default() };
        let mut profile = FoldedProfile { tier: Tier::Server, source, view, unit, stacks, facts };
        judge(&mut profile, Some(used));
        profile.facts
    }

    #[test]
    fn samples_are_held_against_cpu_time() {
        let ten_seconds = Used { cpu_ns: 10_000_000_000, run_queue_ns: 0 };
        let good = judged(190, ten_seconds, ProfileView::Running);
        assert_eq!((good.expected_samples, good.notes.len()), (Some(200), 0), "{:?}", good.notes);
        assert!(judged(150, ten_seconds, ProfileView::Running).notes[0].starts_with("Only 75 %"));
        assert!(judged(250, ten_seconds, ProfileView::Running).notes[0].starts_with("1.2 times"));
        assert_eq!(judged(150, ten_seconds, ProfileView::Wall).expected_samples, None);
    }

    #[test]
    fn starvation_and_idleness_are_said() {
        let starved = Used { cpu_ns: 5_000_000_000, run_queue_ns: 5_000_000_000 };
        let notes = judged(180, starved, ProfileView::Running).notes;
        assert!(
            notes[0].contains("50 % of its ready time") && notes[1].contains("waiting for a core"),
            "{notes:?}"
        );
        assert_eq!(
            judged(0, Used::default(), ProfileView::Running).notes,
            ["Idle: nothing was seen in this view."]
        );
    }
}
