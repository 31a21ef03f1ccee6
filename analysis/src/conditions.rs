//! Under what conditions each phase ran: the machine's samples over its measured part, and what they do to its figures.
//!
//! Foreign CPU and steal are judged together, because both are cores that the stack could not have. Where the site was
//! not started by kneepoint its own processes may be among the foreign ones, so that there only steal can spoil a phase.
//! Thresholds: `rps` was seen to be proportional to the cores left over, and CPU per request moved by up to 15 % between
//! a quiet and a heavily loaded machine.

use kneepoint_model::load::{LoadPhase, Validity};
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::stack::Driver;
use kneepoint_model::units::{Bytes, Micros, Ratio};

use crate::facts::RunFacts;
use crate::types::{Disturbance, HostUse, PhaseConditions};

/// Mean foreign cores above which a phase carries a note (a quarter of a core shifts a two-core result by over 10 %).
pub const FOREIGN_NOTE_CORES: f64 = 0.25;
/// Share of the machine kept by the hypervisor above which a phase carries a note.
pub const STEAL_NOTE: f64 = 0.05;
/// Share of the machine taken by others from which a missed time or rate is inconclusive.
pub const TAKEN_DOUBT: f64 = 0.25;
/// Share of the machine taken by others from which no time or rate of the phase may be believed.
pub const TAKEN_SPOILS: f64 = 0.50;
/// Share of the measured part that samples must cover before they speak for it.
pub const MIN_COVERAGE: f64 = 0.5;

/// Conditions of every phase, in order.
pub fn conditions(facts: &RunFacts) -> Vec<PhaseConditions> {
    facts.phases.iter().map(|phase| of_phase(facts, phase)).collect()
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

/// True when the samples of a window cover enough of it to speak for it.
pub fn covers(covered: Micros, phase: &LoadPhase) -> bool {
    covered.get() > 0 && covered.as_secs() >= phase.measured().as_secs_f64() * MIN_COVERAGE
}

fn of_phase(facts: &RunFacts, phase: &LoadPhase) -> PhaseConditions {
    let host = host_use(&facts.samples, phase);
    let disturbance = host.as_ref().map_or(Disturbance::Unknown, |host| disturbance(facts, host));
    let mut validity = phase.validity.clone();
    if phase.partial {
        validity.notes.push(format!("phase {} was cut short: its figures cover what there is", phase.name));
    }
    if let Some(host) = &host {
        judge_host(&mut validity, host, disturbance, knows_site(facts));
    } else {
        validity.notes.push(format!(
            "the machine was not sampled during {}: what others took of it is unknown",
            phase.name
        ));
    }
    PhaseConditions { phase: phase.name.clone(), validity, disturbance, host }
}

/// True when every process of the site is known, so that all others are strangers.
fn knows_site(facts: &RunFacts) -> bool {
    facts.stack.as_ref().is_some_and(|stack| stack.driver != Driver::Attach)
}

fn disturbance(facts: &RunFacts, host: &HostUse) -> Disturbance {
    let foreign = if knows_site(facts) { host.foreign.0 } else { 0.0 };
    let taken = foreign + host.steal.0;
    if taken >= TAKEN_SPOILS {
        Disturbance::Spoilt
    } else if taken >= TAKEN_DOUBT {
        Disturbance::Doubtful
    } else if host.foreign_cores > FOREIGN_NOTE_CORES || host.steal.0 > STEAL_NOTE {
        Disturbance::Noted
    } else {
        Disturbance::Quiet
    }
}

fn judge_host(validity: &mut Validity, host: &HostUse, disturbance: Disturbance, knows_site: bool) {
    let taken = format!(
        "processes outside the stack used {:.2} of {} cores, and the hypervisor kept {}",
        host.foreign_cores, host.cores, host.steal
    );
    match disturbance {
        Disturbance::Spoilt => {
            validity.valid = false;
            validity.why.push(format!("{taken}: stop the other work on this machine and run again"));
        }
        Disturbance::Doubtful => {
            validity.notes.push(format!("{taken}: a missed time or rate may be their doing"));
        }
        Disturbance::Noted if !knows_site => validity.notes.push(format!(
            "{taken}; the site itself may be among them, because its process ids are not known here"
        )),
        Disturbance::Noted => validity.notes.push(taken),
        Disturbance::Quiet | Disturbance::Unknown => {}
    }
    if host.swap_in.get() > 0 || host.swap_out.get() > 0 {
        validity.notes.push(format!(
            "the machine swapped ({} in, {} out): memory was short, so times are longer than the stack's own",
            host.swap_in, host.swap_out
        ));
    }
    if host.listen_drops > 0 {
        validity.notes.push(format!(
            "full listen queues turned {} connections away: the slowest requests waited for a second SYN",
            host.listen_drops
        ));
    }
}

/// The machine over the measured part of a phase; `None` when samples do not cover it.
pub fn host_use(samples: &[ResourceSample], phase: &LoadPhase) -> Option<HostUse> {
    let seen: Vec<&ResourceSample> = window(samples, phase).collect();
    let covered: Micros = seen.iter().map(|sample| sample.tick_us).sum();
    let cores = seen.iter().map(|sample| sample.host.cores).max()?;
    if cores == 0 || !covers(covered, phase) {
        return None;
    }
    let whole = covered.as_f64() * f64::from(cores);
    let sum =
        |of: fn(&ResourceSample) -> Micros| seen.iter().map(|sample| of(sample)).sum::<Micros>().as_f64();
    let psi = |of: fn(&ResourceSample) -> Option<Micros>| {
        let total: Micros = seen.iter().map(|sample| of(sample)).sum::<Option<Micros>>()?;
        Some(Ratio(total.as_f64() / covered.as_f64()))
    };
    let foreign = sum(|s| s.host.foreign_us);
    Some(HostUse {
        samples: seen.len() as u64,
        covered_s: covered.as_secs(),
        cores,
        busy: Ratio(sum(|s| s.host.busy_us) / whole),
        foreign_cores: foreign / covered.as_f64(),
        foreign: Ratio(foreign / whole),
        steal: Ratio(sum(|s| s.host.steal_us) / whole),
        iowait: Ratio(sum(|s| s.host.iowait_us) / whole),
        runnable: seen.iter().map(|s| f64::from(s.host.runnable)).sum::<f64>() / seen.len() as f64,
        mem_available_min: seen.iter().map(|s| s.host.mem_available).min().unwrap_or(Bytes::ZERO),
        swap_in: seen.iter().map(|s| s.host.swap_in).sum(),
        swap_out: seen.iter().map(|s| s.host.swap_out).sum(),
        listen_drops: seen.iter().map(|s| s.host.listen_drops).sum(),
        retransmits: seen.iter().map(|s| s.host.retransmits).sum(),
        psi_cpu: psi(|s| s.host.psi_cpu_us),
        psi_memory: psi(|s| s.host.psi_memory_us),
        psi_io: psi(|s| s.host.psi_io_us),
    })
}

/// The validity of the run as a whole: every measured phase must hold.
pub fn overall(facts: &RunFacts, conditions: &[PhaseConditions]) -> Validity {
    let mut whole = Validity { valid: true, ..Validity::default() };
    for phase in facts.measured_phases() {
        let Some(own) = conditions.iter().find(|own| own.phase == phase.name) else { continue };
        whole.valid &= own.validity.valid;
        whole.why.extend(own.validity.why.iter().map(|why| format!("{}: {why}", phase.name)));
        if !own.validity.valid && own.validity.why.is_empty() {
            whole.why.push(format!("{}: the generator calls its figures invalid", phase.name));
        }
        whole.notes.extend(own.validity.notes.iter().map(|note| format!("{}: {note}", phase.name)));
    }
    if facts.measured_phases().next().is_none() {
        whole.valid = false;
        whole.why.push("no load was measured".to_owned());
    }
    if facts.samples_garbage > 1 {
        // One cut line is what a kill leaves; more is damage.
        whole.notes.push(format!("{} lines of samples could not be read", facts.samples_garbage));
    }
    whole.notes.extend(facts.unread.iter().map(|file| format!("could not be read and was left out: {file}")));
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    fn with_foreign(cores: f64) -> PhaseConditions {
        let mut facts = hand::healthy();
        for sample in &mut facts.samples {
            sample.host.foreign_us = Micros((sample.tick_us.as_f64() * cores) as u64);
        }
        conditions(&facts).into_iter().next().expect("a phase")
    }

    #[test]
    fn a_quiet_machine_says_nothing() {
        let quiet = with_foreign(0.1);
        assert_eq!(quiet.disturbance, Disturbance::Quiet);
        assert!(quiet.validity.valid && quiet.validity.notes.is_empty(), "{quiet:?}");
    }

    #[test]
    fn neighbours_are_noted_doubted_and_at_last_spoil() {
        assert_eq!(with_foreign(0.3).disturbance, Disturbance::Noted);
        assert_eq!(with_foreign(0.6).disturbance, Disturbance::Doubtful);
        let spoilt = with_foreign(1.1);
        assert_eq!(spoilt.disturbance, Disturbance::Spoilt);
        assert!(!spoilt.validity.valid && spoilt.validity.why[0].contains("1.10 of 2 cores"), "{spoilt:?}");
    }

    #[test]
    fn an_attached_site_is_not_its_own_neighbour() {
        let mut facts = hand::healthy();
        facts.stack.as_mut().expect("stack").driver = Driver::Attach;
        for sample in &mut facts.samples {
            sample.host.foreign_us = Micros(sample.tick_us.get() * 2);
        }
        let seen = conditions(&facts);
        assert!(seen[0].validity.valid);
        assert_eq!(seen[0].disturbance, Disturbance::Noted);
    }

    #[test]
    fn samples_outside_the_measured_part_do_not_speak_for_it() {
        let mut facts = hand::healthy();
        let from = facts.phases[0].measured_from_ms;
        facts.samples.retain(|sample| sample.at_ms < from);
        let seen = conditions(&facts);
        assert_eq!((seen[0].disturbance, &seen[0].host), (Disturbance::Unknown, &None));
    }
}
