//! Conditions of each phase: the machine's samples over its measured part, and their effect on the validity of figures.
//!
//! Foreign CPU and steal are added up, because both are cores that the stack could not use. When kneepoint did not start
//! the site, the processes of the site may be among the foreign ones, so there only steal can invalidate a phase.
//! Thresholds: `rps` was measured to be proportional to the cores left over, and CPU per request changed by up to 15 %
//! between a quiet and a heavily loaded machine.

use kneepoint_model::load::{LoadPhase, Validity};
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::stack::Driver;
use kneepoint_model::units::{Bytes, Micros, Ratio};

use crate::facts::RunFacts;
use crate::types::{Disturbance, HostUse, PhaseConditions};

/// Mean foreign cores above which a phase gets a note (a quarter of a core changes a two-core result by over 10 %).
pub const FOREIGN_NOTE_CORES: f64 = 0.25;
/// Share of the machine taken by the hypervisor above which a phase gets a note.
pub const STEAL_NOTE: f64 = 0.05;
/// Foreign share of the machine from which a missed time or rate is inconclusive.
pub const FOREIGN_DOUBTFUL: f64 = 0.25;
/// Foreign share of the machine from which no time or rate of the phase is valid.
pub const FOREIGN_INVALIDATES: f64 = 0.50;
/// Share of the measured part that samples must cover to represent it.
pub const MIN_COVERAGE: f64 = 0.5;

/// Conditions of every phase, in order.
pub fn phase_conditions(facts: &RunFacts) -> Vec<PhaseConditions> {
    facts.phases.iter().map(|phase| assess_phase(facts, phase)).collect()
}

/// The samples whose middle lies in the measured part of a phase.
pub fn window<'a>(
    samples: &'a [ResourceSample],
    phase: &LoadPhase,
) -> impl Iterator<Item = &'a ResourceSample> + use<'a> {
    let (from, until) = (phase.measured_from_ms.get(), phase.measured_until_ms.get());
    samples.iter().filter(move |sample| {
        let middle = sample.at_ms.get().saturating_sub(sample.tick_us.get() / 2_000);
        sample.tick_us.get() > 0 && middle >= from && middle <= until
    })
}

/// True when the samples cover enough of the measured part of a phase.
pub fn covers(covered: Micros, phase: &LoadPhase) -> bool {
    covered.get() > 0 && covered.as_secs() >= phase.measured().as_secs_f64() * MIN_COVERAGE
}

fn assess_phase(facts: &RunFacts, phase: &LoadPhase) -> PhaseConditions {
    let host = host_use(&facts.samples, phase);
    let disturbance = host.as_ref().map_or(Disturbance::Unknown, |host| disturbance(facts, host));
    let mut validity = phase.validity.clone();
    if phase.partial {
        validity
            .notes
            .push(format!("phase {} was cut short: its figures cover only the measured time", phase.name));
    }
    if let Some(host) = &host {
        add_host_notes(&mut validity, host, disturbance, site_is_known(facts));
    } else {
        validity
            .notes
            .push(format!("the machine was not sampled during {}: foreign CPU use is unknown", phase.name));
    }
    PhaseConditions { phase: phase.name.clone(), validity, disturbance, host }
}

/// True when every process of the site is known, so that all others are foreign.
fn site_is_known(facts: &RunFacts) -> bool {
    facts.stack.as_ref().is_some_and(|stack| stack.driver != Driver::Attach)
}

fn disturbance(facts: &RunFacts, host: &HostUse) -> Disturbance {
    let foreign = if site_is_known(facts) { host.foreign.0 } else { 0.0 };
    let taken = foreign + host.steal.0;
    if taken >= FOREIGN_INVALIDATES {
        Disturbance::Invalidating
    } else if taken >= FOREIGN_DOUBTFUL {
        Disturbance::Doubtful
    } else if host.foreign_cores > FOREIGN_NOTE_CORES || host.steal.0 > STEAL_NOTE {
        Disturbance::Noted
    } else {
        Disturbance::Quiet
    }
}

fn add_host_notes(validity: &mut Validity, host: &HostUse, disturbance: Disturbance, site_is_known: bool) {
    let taken = format!(
        "processes outside the stack used {:.2} of {} cores, and the hypervisor took {}",
        host.foreign_cores, host.cores, host.steal
    );
    match disturbance {
        Disturbance::Invalidating => {
            validity.valid = false;
            validity.why.push(format!("{taken}: stop the other work on this machine and run again"));
        }
        Disturbance::Doubtful => {
            validity.notes.push(format!("{taken}: this may be the cause of a missed time or rate"));
        }
        Disturbance::Noted if !site_is_known => validity.notes.push(format!(
            "{taken}; these may include processes of the site, because kneepoint did not start it"
        )),
        Disturbance::Noted => validity.notes.push(taken),
        Disturbance::Quiet | Disturbance::Unknown => {}
    }
    if host.swap_in.get() > 0 || host.swap_out.get() > 0 {
        validity.notes.push(format!(
            "the machine swapped ({} in, {} out): memory was short, so times are longer than with enough memory",
            host.swap_in, host.swap_out
        ));
    }
    if host.listen_drops > 0 {
        validity.notes.push(format!(
            "full listen queues refused {} connections: their clients sent SYN again after about 1 s, which makes the slowest requests",
            host.listen_drops
        ));
    }
}

/// Use of the machine over the measured part of a phase; `None` when samples do not cover it.
pub fn host_use(samples: &[ResourceSample], phase: &LoadPhase) -> Option<HostUse> {
    let inside: Vec<&ResourceSample> = window(samples, phase).collect();
    let covered: Micros = inside.iter().map(|sample| sample.tick_us).sum();
    let cores = inside.iter().map(|sample| sample.host.cores).max()?;
    if cores == 0 || !covers(covered, phase) {
        return None;
    }
    let whole = covered.as_f64() * f64::from(cores);
    let sum = |value: fn(&ResourceSample) -> Micros| {
        inside.iter().map(|sample| value(sample)).sum::<Micros>().as_f64()
    };
    let psi = |value: fn(&ResourceSample) -> Option<Micros>| {
        let total: Micros = inside.iter().map(|sample| value(sample)).sum::<Option<Micros>>()?;
        Some(Ratio(total.as_f64() / covered.as_f64()))
    };
    let foreign = sum(|s| s.host.foreign_us);
    Some(HostUse {
        samples: inside.len() as u64,
        covered_s: covered.as_secs(),
        cores,
        busy: Ratio(sum(|s| s.host.busy_us) / whole),
        foreign_cores: foreign / covered.as_f64(),
        foreign: Ratio(foreign / whole),
        steal: Ratio(sum(|s| s.host.steal_us) / whole),
        iowait: Ratio(sum(|s| s.host.iowait_us) / whole),
        runnable: inside.iter().map(|s| f64::from(s.host.runnable)).sum::<f64>() / inside.len() as f64,
        mem_available_min: inside.iter().map(|s| s.host.mem_available).min().unwrap_or(Bytes::ZERO),
        swap_in: inside.iter().map(|s| s.host.swap_in).sum(),
        swap_out: inside.iter().map(|s| s.host.swap_out).sum(),
        listen_drops: inside.iter().map(|s| s.host.listen_drops).sum(),
        retransmits: inside.iter().map(|s| s.host.retransmits).sum(),
        psi_cpu: psi(|s| s.host.psi_cpu_us),
        psi_memory: psi(|s| s.host.psi_memory_us),
        psi_io: psi(|s| s.host.psi_io_us),
    })
}

/// The validity of the whole run: every measured phase must be valid.
pub fn run_validity(facts: &RunFacts, conditions: &[PhaseConditions]) -> Validity {
    let mut whole = Validity { valid: true, ..Validity::default() };
    for phase in facts.measured_phases() {
        let Some(phase) = conditions.iter().find(|conditions| conditions.phase == phase.name) else {
            continue;
        };
        whole.valid &= phase.validity.valid;
        whole.why.extend(phase.validity.why.iter().map(|why| format!("{}: {why}", phase.phase)));
        if !phase.validity.valid && phase.validity.why.is_empty() {
            whole.why.push(format!("{}: the generator marked its figures invalid", phase.phase));
        }
        whole.notes.extend(phase.validity.notes.iter().map(|note| format!("{}: {note}", phase.phase)));
    }
    if facts.measured_phases().next().is_none() {
        whole.valid = false;
        whole.why.push("no load was measured".to_owned());
    }
    if facts.unreadable_samples > 1 {
        // A kill leaves one incomplete line; more lines are damage.
        whole.notes.push(format!("{} lines of samples are unreadable", facts.unreadable_samples));
    }
    whole.notes.extend(facts.unread.iter().map(|file| format!("a damaged file was ignored: {file}")));
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn with_foreign(cores: f64) -> PhaseConditions {
        let mut facts = fixtures::healthy();
        for sample in &mut facts.samples {
            sample.host.foreign_us = Micros((sample.tick_us.as_f64() * cores) as u64);
        }
        phase_conditions(&facts).into_iter().next().expect("a phase")
    }

    #[test]
    fn a_quiet_machine_has_no_notes() {
        let quiet = with_foreign(0.1);
        assert_eq!(quiet.disturbance, Disturbance::Quiet);
        assert!(quiet.validity.valid && quiet.validity.notes.is_empty(), "{quiet:?}");
    }

    #[test]
    fn foreign_cpu_is_noted_then_doubtful_then_invalidating() {
        assert_eq!(with_foreign(0.3).disturbance, Disturbance::Noted);
        assert_eq!(with_foreign(0.6).disturbance, Disturbance::Doubtful);
        let invalid = with_foreign(1.1);
        assert_eq!(invalid.disturbance, Disturbance::Invalidating);
        assert!(
            !invalid.validity.valid && invalid.validity.why[0].contains("1.10 of 2 cores"),
            "{invalid:?}"
        );
    }

    #[test]
    fn an_attached_site_is_not_foreign() {
        let mut facts = fixtures::healthy();
        facts.stack.as_mut().expect("stack").driver = Driver::Attach;
        for sample in &mut facts.samples {
            sample.host.foreign_us = Micros(sample.tick_us.get() * 2);
        }
        let found = phase_conditions(&facts);
        assert!(found[0].validity.valid);
        assert_eq!(found[0].disturbance, Disturbance::Noted);
    }

    #[test]
    fn samples_outside_the_measured_part_do_not_count() {
        let mut facts = fixtures::healthy();
        let from = facts.phases[0].measured_from_ms;
        facts.samples.retain(|sample| sample.at_ms < from);
        let found = phase_conditions(&facts);
        assert_eq!((found[0].disturbance, &found[0].host), (Disturbance::Unknown, &None));
    }
}
