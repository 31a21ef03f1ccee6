//! The comparison of rungs on test fixtures.

use kneepoint_model::ladder::{EqualRate, MachineQuota, Rung, SearchPlan, trial_name};
use kneepoint_model::load::{LoadModel, LoadPhase, SecondStats};
use kneepoint_model::metric::Metric;
use kneepoint_model::stack::{Driver, Runtime};
use kneepoint_model::units::UnixMillis;

use super::*;
use crate::fixtures;

const SLO: LatencySlo = LatencySlo { metric: Metric::P95, limit_us: Micros(250_000), inclusive: false };

/// A change that makes a phase faulty.
type Spoil = fn(&mut LoadPhase);

fn rung(name: &str, place: u8) -> Rung {
    Rung {
        name: name.into(),
        place: Some(place),
        about: format!("{name}, for a test"),
        buys: None,
        machines: Vec::new(),
        run: Some(format!("run-{name}")),
        failed: None,
    }
}

fn ladder(names: &[&str]) -> Ladder {
    Ladder {
        format_version: Ladder::VERSION,
        ladder_id: "l".into(),
        kneepoint: "0".into(),
        started: "2025-01-01T00:00:00Z".into(),
        command: Vec::new(),
        driver: Driver::Native,
        host: kneepoint_model::manifest::HostInfo { cores: 2, ..Default::default() },
        seed: 1,
        size: "S".into(),
        users: 32,
        scenarios: BTreeMap::new(),
        slo: SLO,
        search: SearchPlan::default(),
        equal: Some(EqualRate { rate: PerSecond(30.0), from: Some(names[0].into()) }),
        rungs: names.iter().zip(1..).map(|(name, place)| rung(name, place)).collect(),
        complete: true,
        stopped_by: None,
    }
}

/// A trial at `rate` journeys of two requests per second, with the given p95.
fn trial(n: usize, rate: f64, p95_ms: u64) -> LoadPhase {
    let at = fixtures::START + 100_000 + n as u64 * 20_000;
    let mut phase =
        fixtures::phase(&trial_name(n), at, LoadModel::Open { rate: PerSecond(rate) }, (rate * 20.0) as u64);
    phase.response_us.p95 = Micros(p95_ms * 1_000);
    phase
}

/// A rung that meets the SLO at `met` journeys per second and violates it at `violated`.
fn run(met: f64, violated: f64) -> RunFacts {
    let mut facts = fixtures::healthy();
    facts.manifest.complete = true;
    facts.phases.retain(|phase| phase.name != "profiled");
    facts.phases.extend([trial(1, met, 100), trial(2, violated, 900)]);
    facts.samples = (0..720).map(|tick| fixtures::sample(fixtures::START + tick * 250)).collect();
    facts
}

fn runs(all: Vec<(&str, RunFacts)>) -> BTreeMap<String, RunFacts> {
    all.into_iter().map(|(name, facts)| (format!("run-{name}"), facts)).collect()
}

fn outcome(change: impl FnOnce(&mut LoadPhase)) -> (TrialOutcome, String) {
    let mut facts = run(50.0, 60.0);
    let phase = facts.phases.iter_mut().find(|phase| phase.name == "step-01").expect("trial");
    change(phase);
    let trial = trials(&facts, &SLO).remove(0);
    (trial.outcome, trial.why.unwrap_or_default())
}

#[test]
fn a_trial_without_faults_meets_the_slo() {
    assert_eq!(outcome(|_| {}), (TrialOutcome::Met, String::new()));
}

#[test]
fn faults_of_the_site_violate_the_slo() {
    let cases: [(&str, Spoil); 4] = [
        ("3 of 1000 requests failed", |phase| phase.errors = 3),
        ("p95 was 250 ms", |phase| phase.response_us.p95 = Micros(250_000)),
        ("completed (90.0 %)", |phase| phase.achieved_rps = PerSecond(90.0)),
        ("the queue grew from 1 to 40", |phase| {
            phase.seconds.iter_mut().rev().take(2).for_each(|second| second.in_flight = 40);
        }),
    ];
    for (expected, change) in cases {
        let (found, why) = outcome(change);
        assert_eq!(found, TrialOutcome::Violated, "{expected}");
        assert!(why.contains(expected), "{expected}: {why}");
    }
}

#[test]
fn an_invalid_measurement_is_never_a_violation() {
    let cases: [(&str, Spoil); 3] = [
        ("cut short", |phase| phase.partial = true),
        ("the generator's thread", |phase| {
            phase.validity.valid = false;
            phase.validity.generator_at_fault = true;
            phase.validity.why = vec!["the generator's thread was busy".into()];
        }),
        ("only 120 requests were measured; p95 needs 200", |phase| phase.response_us.count = 120),
    ];
    for (expected, change) in cases {
        let (found, why) = outcome(|phase| {
            change(phase);
            // It is invalid even if its figures violate the SLO.
            phase.response_us.p95 = Micros(900_000);
        });
        assert_eq!(found, TrialOutcome::Invalid, "{expected}");
        assert!(why.contains(expected), "{expected}: {why}");
    }
}

#[test]
fn foreign_cpu_invalidates_a_trial_that_met_the_slo_too() {
    let mut facts = run(50.0, 60.0);
    for sample in &mut facts.samples {
        sample.host.foreign_us = Micros(sample.tick_us.get() * 6 / 10);
    }
    for trial in trials(&facts, &SLO) {
        assert_eq!(trial.outcome, TrialOutcome::Invalid);
        assert!(trial.why.expect("why").contains("0.60 of 2 cores"));
    }
    facts.samples.clear();
    assert!(trials(&facts, &SLO).iter().all(|trial| trial.outcome == TrialOutcome::Invalid));
    let all = compare(&ladder(&["a"]), &runs(vec![("a", facts)]));
    assert!(matches!(&all.rungs[0].state, RungState::NoFigure { why } if why.contains("is valid")));
    assert!(!all.all_measured());
}

#[test]
fn the_throughput_is_the_interval_between_met_and_violated() {
    let all = compare(&ladder(&["a"]), &runs(vec![("a", run(50.0, 60.0))]));
    let Throughput::Between { sustained, violated, sustained_journeys } = all.rungs[0].throughput else {
        panic!("{:?}", all.rungs[0])
    };
    assert!(
        (sustained.0 - 100.0).abs() < 1e-9
            && (violated.0 - 120.0).abs() < 1e-9
            && sustained_journeys == PerSecond(50.0)
    );
    assert!(all.all_measured() && all.rungs[0].gain.is_none());
    assert_eq!(equal_rate(&run(50.0, 60.0), &SLO), Some(PerSecond(30.0)));
}

#[test]
fn errors_are_never_a_throughput() {
    let mut facts = run(50.0, 60.0);
    for phase in facts.phases.iter_mut().filter(|phase| phase.name.starts_with("step-")) {
        phase.errors = phase.requests / 2;
        phase.response_us.p95 = Micros(500);
    }
    facts.phases[0].errors = 1;
    let all = compare(&ladder(&["a"]), &runs(vec![("a", facts)]));
    let rung = &all.rungs[0];
    assert!(
        matches!(&rung.throughput, Throughput::None { why } if why.contains("never count as throughput"))
    );
    assert!(rung.saturation.as_ref().is_some_and(|found| found.rps.is_none()));
    assert!(!all.all_measured());
}

#[test]
fn a_gain_is_a_ratio_with_an_interval_or_no_effect() {
    let all = compare(
        &ladder(&["a", "b", "c"]),
        &runs(vec![("a", run(50.0, 55.0)), ("b", run(100.0, 110.0)), ("c", run(104.0, 112.0))]),
    );
    let Some(Gain { against, throughput: Effect::Seen { ratio, low, high }, .. }) = &all.rungs[1].gain else {
        panic!("{:?}", all.rungs[1].gain)
    };
    assert_eq!(against, "a");
    assert!((low.expect("low") - 100.0 / 55.0).abs() < 1e-9);
    assert!((high.expect("high") - 110.0 / 50.0).abs() < 1e-9);
    assert!((ratio.expect("ratio") - 2.0).abs() < 1e-9);
    let Some(Gain { throughput, cpu, p50, .. }) = &all.rungs[2].gain else { panic!("no gain") };
    assert!(matches!(throughput, Effect::NotSeen { .. }), "{throughput:?}");
    // Both rungs have the same values.
    assert!(matches!((cpu, p50), (Effect::NotSeen { .. }, Effect::NotSeen { .. })), "{cpu:?} {p50:?}");
}

#[test]
fn cpu_and_response_at_the_equal_rate_are_compared_second_by_second() {
    let mut dear = run(50.0, 55.0);
    for sample in &mut dear.samples {
        for tier in &mut sample.tiers {
            tier.cpu_us = Micros(tier.cpu_us.get() * 2);
        }
    }
    let open = dear.phases.iter_mut().find(|phase| phase.name == "open").expect("open");
    for (n, second) in open.seconds.iter_mut().enumerate() {
        second.p50_us = Micros(20_000 + n as u64);
    }
    let all = compare(&ladder(&["a", "b"]), &runs(vec![("a", run(50.0, 55.0)), ("b", dear)]));
    let gain = all.rungs[1].gain.as_ref().expect("a gain");
    for effect in [&gain.cpu, &gain.p50] {
        assert!(
            matches!(effect, Effect::Seen { ratio: Some(ratio), .. } if (ratio - 2.0).abs() < 0.01),
            "{effect:?}"
        );
    }
}

#[test]
fn a_missing_rung_is_listed_and_the_next_is_compared_with_the_one_before() {
    let mut requested = ladder(&["a", "b", "c", "d"]);
    requested.rungs[1].run = None;
    requested.rungs[1].failed = Some(Unmeasured {
        what: "rung b".into(),
        why: "nginx is not installed".into(),
        fix: "apt install nginx".into(),
    });
    requested.rungs[3].run = None;
    let all = compare(&requested, &runs(vec![("a", run(50.0, 55.0)), ("c", run(100.0, 110.0))]));
    assert!(matches!(&all.rungs[1].state, RungState::Failed { reason } if reason.fix == "apt install nginx"));
    assert_eq!(all.rungs[2].gain.as_ref().expect("a gain").against, "a");
    assert_eq!(all.rungs[3].state, RungState::NotReached);
    assert!(!all.all_measured());
}

#[test]
fn an_interrupted_rung_shows_its_figures_and_is_not_compared() {
    let mut cut = run(100.0, 110.0);
    cut.manifest.complete = false;
    let all = compare(&ladder(&["a", "b"]), &runs(vec![("a", run(50.0, 55.0)), ("b", cut)]));
    assert!(matches!(all.rungs[1].state, RungState::CutOff { .. }));
    assert!(all.rungs[1].gain.is_none() && !all.rungs[1].trials.is_empty());
    let gone = compare(&ladder(&["a"]), &BTreeMap::new());
    assert!(matches!(&gone.rungs[0].state, RungState::CutOff { why } if why.contains("missing")));
}

#[test]
fn a_slow_rung_gets_the_time_that_its_percentile_needs() {
    use std::time::Duration;
    let facts = run(50.0, 60.0);
    let length = |rate| trial_duration(&facts, &SLO, PerSecond(rate), Duration::from_secs(5));
    // Two requests a journey: 200 of them take 10 s at 10 journeys a second.
    assert_eq!(length(100.0), Duration::from_secs(5));
    assert_eq!(length(10.0), Duration::from_millis(11_500));
    assert_eq!(length(0.5), Duration::from_secs(20));
    assert_eq!(length(0.0), Duration::from_secs(20));
}

fn quotas() -> Vec<MachineQuota> {
    let machine = |name: &str, cpus, services: &[&str]| MachineQuota {
        name: name.into(),
        cpus,
        memory_mib: 512,
        services: services.iter().map(|s| (*s).to_owned()).collect(),
    };
    vec![
        machine("web", 0.5, &["proxy", "engine"]),
        machine("app-1", 0.4, &["server"]),
        machine("app-2", 0.4, &["server2"]),
    ]
}

#[test]
fn with_quotas_the_busiest_machine_is_named_and_shared_tiers_are_joined() {
    let mut requested = ladder(&["a"]);
    requested.rungs[0].machines = quotas();
    let all = compare(&requested, &runs(vec![("a", run(50.0, 55.0))]));
    let limiting = &all.rungs[0].limiting;
    assert_eq!((limiting.limit, limiting.tier), (LimitKind::Quota, Some(Tier::Server)), "{limiting:?}");
    assert_eq!(limiting.machine.as_deref(), Some("app-1 + app-2"));
    assert_eq!(limiting.machines.len(), 2);
    assert!(limiting.evidence[0].contains("0.80 of the 0.80 cores"), "{:?}", limiting.evidence);
}

fn limiting_factor(change: impl FnOnce(&mut RunFacts)) -> LimitingFactor {
    let mut facts = run(50.0, 55.0);
    change(&mut facts);
    compare(&ladder(&["a"]), &runs(vec![("a", facts)])).rungs.remove(0).limiting
}

#[test]
fn without_quotas_the_machine_the_one_core_or_the_workers_are_named() {
    let found = limiting_factor(|facts| {
        facts.samples.iter_mut().for_each(|sample| sample.host.busy_us = Micros(490_000));
    });
    assert_eq!((found.limit, found.tier), (LimitKind::Host, Some(Tier::Server)), "{found:?}");

    let alone = |facts: &mut RunFacts| {
        let tiers = &mut facts.stack.as_mut().expect("stack").tiers;
        let server = tiers.iter_mut().find(|tier| tier.tier == Tier::Server).expect("server");
        (server.runtime, server.concurrency) = (Runtime::Python, None);
        for tier in facts.samples.iter_mut().flat_map(|sample| &mut sample.tiers) {
            if tier.tier == Tier::Server {
                tier.cpu_us = Micros(245_000);
            }
        }
    };
    let found = limiting_factor(alone);
    assert_eq!((found.limit, found.tier), (LimitKind::OneCore, Some(Tier::Server)), "{found:?}");

    // 100 requests a second of 18 ms each are 1.8 of the two workers.
    let found = limiting_factor(|facts| {
        for endpoint in &mut facts.phases[0].endpoints {
            endpoint.split.app_us = Micros(18_000 * endpoint.split.n);
            endpoint.split.db_us = Micros(12_000 * endpoint.split.n);
        }
    });
    assert_eq!((found.limit, found.tier), (LimitKind::Workers, Some(Tier::Db)), "{found:?}");

    let found = limiting_factor(|_| {});
    assert_eq!(found.limit, LimitKind::Nothing, "{found:?}");
    let found = limiting_factor(|facts| facts.samples.clear());
    assert_eq!(found.limit, LimitKind::Unknown, "{found:?}");
}

#[test]
fn a_queue_is_not_judged_on_three_seconds() {
    let (found, _) = outcome(|phase| {
        phase.seconds = vec![SecondStats { in_flight: 100, ..SecondStats::default() }; 3];
        phase.measured_until_ms = UnixMillis(phase.measured_from_ms.get() + 3_000);
    });
    assert_eq!(found, TrialOutcome::Met);
}
