//! Decides whether the measurement is valid. The generator checks itself first. Pure.
//!
//! Scale: the generator shares two cores with the site that it loads, so a lag of a millisecond is a note when the site itself
//! takes twenty, and invalidates the measurement when it could be half of the reported tail. Below that the figures err on the
//! safe side: response time counts from the intended start, so lateness lengthens it and never hides anything.

use std::fmt::Write as _;
use std::time::Duration;

use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{ExhaustedFeed, GeneratorHealth, LoadModel, Validity};
use kneepoint_model::stop_condition::StopCondition;
use kneepoint_model::units::{Micros, PerSecond, Ratio};

/// The figures from which validity is judged.
#[derive(Debug, Clone)]
pub struct ValidityEvidence {
    /// Open or closed, with its size.
    pub model: LoadModel,
    /// Intended requests per second, in the open model.
    pub offered: Option<PerSecond>,
    /// Requests per second that ended.
    pub achieved: PerSecond,
    /// Requests in the figures.
    pub requests: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Of those, not sent because they had waited too long for a slot.
    pub shed: u64,
    /// Response times from the intended start.
    pub response: Quantiles,
    /// Lateness of the dispatcher.
    pub sched_lag: Quantiles,
    /// CPU and run-queue wait of the generator.
    pub health: GeneratorHealth,
    /// Mean wait of the generator for a core per wake-up.
    pub wake_wait: Micros,
    /// Requests that failed because this machine had no ports or file descriptors left.
    pub local_faults: u64,
    /// Planned and measured length, when the phase was cut short.
    pub cut: Option<(Duration, Duration)>,
    /// The limit at which it was stopped, if any.
    pub stopped_by: Option<StopCondition>,
    /// Feeds that had no rows left.
    pub dry: Vec<ExhaustedFeed>,
}

/// With fewer requests percentiles mean nothing.
const MIN_REQUESTS: u64 = 50;
/// A higher share of errors changes what is measured.
const MAX_ERROR_RATIO: f64 = 0.05;
/// Above this CPU share a thread cannot keep its schedule.
const MAX_THREAD_LOAD: f64 = 0.80;
const NOTED_THREAD_LOAD: f64 = 0.60;
/// Below this share of the offered rate there is no steady state.
const MIN_ACHIEVED: f64 = 0.98;
/// Share of the 99th percentile of response time up to which lateness is acceptable.
const MAX_LAG_OF_P99: f64 = 0.5;
/// A smaller lag is not mentioned.
const NEGLIGIBLE_LAG: Micros = Micros(1_000);
/// A shorter wait for a core is not mentioned.
const NEGLIGIBLE_WAIT: Micros = Micros(100);

/// Judges validity. Every reason states its numbers and what to do.
pub fn judge_validity(evidence: &ValidityEvidence) -> Validity {
    let mut verdict = Validity::default();
    let Validity { why, notes, .. } = &mut verdict;
    if let Some((planned, measured)) = evidence.cut {
        let (measured, planned) = (measured.as_secs_f64(), planned.as_secs_f64());
        why.push(match evidence.stopped_by {
            Some(limit) => format!(
                "the phase was stopped after {measured:.1} s of {planned:.1} s: `{limit}` held for {} s in a row; find out why, \
                 it is no load that the site can take",
                kneepoint_model::stop_condition::CONSECUTIVE_SECONDS
            ),
            None => format!(
                "the phase was cut short: {measured:.1} s of {planned:.1} s were measured; run it to its end"
            ),
        });
    }
    check_sample_size(evidence, why);
    check_errors(evidence, why, notes);
    let site_reasons = why.len();
    check_generator(evidence, why, notes);
    if matches!(evidence.model, LoadModel::Open { .. }) {
        check_schedule(evidence, why, notes);
    }
    verdict.generator_at_fault = verdict.why.len() > site_reasons;
    verdict.valid = verdict.why.is_empty();
    verdict
}

fn check_sample_size(evidence: &ValidityEvidence, why: &mut Vec<String>) {
    match evidence.requests {
        0 => why.push("no request ended in the measured part: lengthen it, or look at the target's log".into()),
        n if n < MIN_REQUESTS => why.push(format!(
            "only {n} requests were measured, at least {MIN_REQUESTS} are needed: lengthen the phase or raise the load"
        )),
        _ => {}
    }
}

fn check_errors(evidence: &ValidityEvidence, why: &mut Vec<String>, notes: &mut Vec<String>) {
    let Some(share) = Ratio::from_parts(evidence.errors, evidence.requests).filter(|share| share.0 > 0.0)
    else {
        return;
    };
    let mut counts = format!("{} of {} requests failed ({share})", evidence.errors, evidence.requests);
    if evidence.shed > 0 {
        let _ = write!(
            counts,
            ", {} of them were not sent, because the site responded too slowly",
            evidence.shed
        );
    }
    if share.0 > MAX_ERROR_RATIO {
        why.push(format!(
            "{counts}; failed requests make response times look short: fix them first, they are listed by outcome"
        ));
    } else {
        notes.push(format!("{counts}; latencies include them"));
    }
}

fn check_generator(evidence: &ValidityEvidence, why: &mut Vec<String>, notes: &mut Vec<String>) {
    for ExhaustedFeed { scenario, feed, rows, journeys } in &evidence.dry {
        why.push(format!(
            "feed `{feed}` of scenario `{scenario}` gives each of its {rows} rows once in a run and had none left, so {journeys} journeys were not begun and the site got less load than planned: add rows to its file, or let it pick \"in-turn\" or \"random\""
        ));
    }
    if evidence.local_faults > 0 {
        why.push(format!(
            "{} requests failed because this machine had no ports or file descriptors left: raise `ulimit -n` or lower the load",
            evidence.local_faults
        ));
    }
    let busiest = evidence.health.busiest_thread;
    if busiest.0 > MAX_THREAD_LOAD {
        why.push(format!(
            "the load generator's busiest thread used {busiest} of a core, so the generator and not the site may set the pace: lower the load or move the generator to another machine"
        ));
    } else if busiest.0 > NOTED_THREAD_LOAD {
        notes.push(format!("the load generator's busiest thread used {busiest} of a core"));
    }
    // Waiting for a core happens on the generator's side, but is seen as latency of the site.
    let waited = evidence.wake_wait;
    let typical = evidence.response.p50;
    if waited > NEGLIGIBLE_LAG && waited.as_f64() > 0.5 * typical.as_f64() {
        why.push(format!(
            "the generator waited {waited} for a free core each time it was woken, against a median response of {typical}: lower the load or give the generator a core of its own"
        ));
    } else if waited > NEGLIGIBLE_WAIT && waited.as_f64() > 0.1 * typical.as_f64() && evidence.requests > 0 {
        notes.push(format!(
            "the generator waited {waited} for a free core each time it was woken; the median response of {typical} includes it"
        ));
    }
}

fn check_schedule(evidence: &ValidityEvidence, why: &mut Vec<String>, notes: &mut Vec<String>) {
    let lag = evidence.sched_lag.p99;
    let tenth = Micros(evidence.response.p50.get() / 10);
    let late = lag > NEGLIGIBLE_LAG.max(tenth);
    if late && lag.as_f64() > MAX_LAG_OF_P99 * evidence.response.p99.as_f64() {
        why.push(format!(
            "the dispatcher was up to {lag} late (99th percentile), which could be half or more of the 99th percentile of {}: lower the rate or free a core",
            evidence.response.p99
        ));
    } else if late {
        notes.push(format!(
            "the dispatcher was up to {lag} late (99th percentile); response times include it, service times do not"
        ));
    }
    let Some(offered) = evidence.offered.filter(|offered| offered.0 > 0.0) else { return };
    let share = Ratio(evidence.achieved.0 / offered.0);
    if share.0 < MIN_ACHIEVED {
        let numbers = format!("{} of {offered} offered were achieved ({share})", evidence.achieved);
        if late {
            why.push(format!("{numbers} while the dispatcher was late: the generator did not keep its schedule; lower the rate"));
        } else {
            notes.push(format!(
                "{numbers}: the site did not keep up, so waiting grows with the length of the run; the response times are a lower bound"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> ValidityEvidence {
        let response =
            Quantiles { count: 1000, p50: Micros(20_000), p99: Micros(80_000), ..Quantiles::default() };
        ValidityEvidence {
            model: LoadModel::Open { rate: PerSecond(100.0) },
            offered: Some(PerSecond(100.0)),
            achieved: PerSecond(99.5),
            requests: 1000,
            errors: 0,
            shed: 0,
            response,
            sched_lag: Quantiles { count: 1000, p99: Micros(400), ..Quantiles::default() },
            health: GeneratorHealth { busiest_thread: Ratio(0.2), ..GeneratorHealth::default() },
            wake_wait: Micros(50),
            local_faults: 0,
            cut: None,
            stopped_by: None,
            dry: Vec::new(),
        }
    }

    #[test]
    fn a_sound_phase_is_valid_without_notes() {
        let verdict = judge_validity(&sound());
        assert!(verdict.valid && verdict.notes.is_empty(), "{verdict:?}");
    }

    #[test]
    fn each_fault_invalidates_the_measurement_and_names_a_remedy() {
        let cases: Vec<(&str, ValidityEvidence)> = vec![
            ("no request ended", ValidityEvidence { requests: 0, ..sound() }),
            ("only 49 requests", ValidityEvidence { requests: 49, ..sound() }),
            ("60 of 1000 requests failed (6.0 %)", ValidityEvidence { errors: 60, ..sound() }),
            ("ulimit -n", ValidityEvidence { local_faults: 3, ..sound() }),
            (
                "busiest thread used 85.0 %",
                ValidityEvidence {
                    health: GeneratorHealth { busiest_thread: Ratio(0.85), ..GeneratorHealth::default() },
                    ..sound()
                },
            ),
            ("waited 12.0 ms for a free core", ValidityEvidence { wake_wait: Micros(12_000), ..sound() }),
            (
                "the dispatcher was up to 50.0 ms late",
                ValidityEvidence {
                    sched_lag: Quantiles { p99: Micros(50_000), ..Quantiles::default() },
                    ..sound()
                },
            ),
            (
                "feed `account` of scenario `shop` gives each of its 100 rows once in a run and had none left, so 7 journeys were not begun",
                ValidityEvidence {
                    dry: vec![ExhaustedFeed {
                        scenario: "shop".into(),
                        feed: "account".into(),
                        rows: 100,
                        journeys: 7,
                    }],
                    ..sound()
                },
            ),
            (
                "2.0 s of 10.0 s were measured",
                ValidityEvidence { cut: Some((Duration::from_secs(10), Duration::from_secs(2))), ..sound() },
            ),
        ];
        for (expected, evidence) in cases {
            let verdict = judge_validity(&evidence);
            assert!(!verdict.valid, "{expected}");
            assert!(verdict.why.iter().any(|why| why.contains(expected)), "{expected}: {verdict:?}");
        }
    }

    #[test]
    fn small_disturbances_are_notes() {
        let cases: Vec<(&str, ValidityEvidence)> = vec![
            ("10 of 1000 requests failed", ValidityEvidence { errors: 10, ..sound() }),
            ("the site did not keep up", ValidityEvidence { achieved: PerSecond(80.0), ..sound() }),
            (
                "up to 5.00 ms late",
                ValidityEvidence {
                    sched_lag: Quantiles { p99: Micros(5_000), ..Quantiles::default() },
                    ..sound()
                },
            ),
            ("waited 2.50 ms for a free core", ValidityEvidence { wake_wait: Micros(2_500), ..sound() }),
        ];
        for (expected, evidence) in cases {
            let verdict = judge_validity(&evidence);
            assert!(verdict.valid, "{expected}: {verdict:?}");
            assert!(verdict.notes.iter().any(|note| note.contains(expected)), "{expected}: {verdict:?}");
        }
    }

    #[test]
    fn the_closed_model_has_no_schedule_to_miss() {
        let closed = ValidityEvidence {
            model: LoadModel::Closed { users: 8 },
            offered: None,
            achieved: PerSecond(1.0),
            sched_lag: Quantiles::default(),
            ..sound()
        };
        assert!(judge_validity(&closed).valid);
    }
}
