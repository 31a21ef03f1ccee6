//! The application's database time is really waiting for a CPU.
//!
//! After each read from the socket the thread waits for a core, and that wait is booked as database time: 20.4 ms were said
//! where the database's own timer held 0.5 ms. The same statements alone (the probe) stand in for the database's own
//! timer: threefold time for the same statements, while the server's threads wait for cores, is not the database.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::{MIN_SAMPLES, evidence};
use super::{Context, Judgement};
use crate::attribute::{main_route, told};

/// How many times longer than alone the same statements must take.
pub const SWOLLEN: f64 = 3.0;
/// Database time per request under load below which nothing is said.
pub const DB_LEAST: Micros = Micros(2_000);
/// Share of application time that must be booked as database time.
pub const DB_SHARE: f64 = 0.2;
/// Share of the server's ready time that must be spent waiting for a core.
pub const QUEUE_SHARE: f64 = 0.25;
/// Least time of one statement alone, so that rounding does not make a ratio.
const STATEMENT_LEAST_US: f64 = 20.0;

/// What the same statements took under load and alone.
#[derive(Default)]
struct Compared {
    n: u64,
    app: f64,
    loaded: f64,
    alone: f64,
}

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let Some(phase) = context.main_phase() else {
        return Judgement::not_judged("no phase of load may be believed and has enough requests");
    };
    let compared = compare(context, phase);
    if compared.n < MIN_SAMPLES {
        return Judgement::not_judged("too few requests with database time both alone and under load");
    }
    let Some(share) = context.tier(&phase.name, Tier::Server).and_then(|tier| tier.run_queue_share) else {
        return Judgement::not_judged("the server's wait for cores was not sampled in the main phase");
    };
    let swollen = compared.loaded / compared.alone;
    let mean = Micros((compared.loaded / compared.n as f64) as u64);
    let starved = swollen >= SWOLLEN
        && mean >= DB_LEAST
        && compared.loaded / compared.app >= DB_SHARE
        && share.0 >= QUEUE_SHARE;
    let found = starved.then(|| finding(context, phase, &compared, share));
    Judgement::found(found.into_iter().collect())
}

fn compare(context: &Context<'_>, phase: &LoadPhase) -> Compared {
    let mut compared = Compared::default();
    for endpoint in &phase.endpoints {
        let Some(said) = told(endpoint) else { continue };
        let Some(route) =
            main_route(endpoint).and_then(|name| context.probed().find(|own| own.route == name))
        else {
            continue;
        };
        let (Some(db), Some(queries)) = (route.db_us, route.queries.filter(|queries| *queries > 0)) else {
            continue;
        };
        if said.queries == 0 {
            continue;
        }
        compared.n += said.n;
        compared.app += said.app_us.as_f64();
        compared.loaded += said.db_us.as_f64();
        compared.alone += said.queries as f64 * (db.as_f64() / f64::from(queries)).max(STATEMENT_LEAST_US);
    }
    compared
}

fn finding(context: &Context<'_>, phase: &LoadPhase, compared: &Compared, share: Ratio) -> Finding {
    let per_request = |sum: f64| Micros((sum / compared.n as f64) as u64);
    let mut all = vec![
        evidence(
            format!(
                "in the {} phase the application booked {} of database time per request; the same statements alone take {}",
                phase.name,
                per_request(compared.loaded),
                per_request(compared.alone)
            ),
            names::load(&phase.name),
        ),
        evidence(
            format!("the server's processes spent {share} of their ready time waiting for a core"),
            names::RESOURCES,
        ),
    ];
    all.extend(context.host(&phase.name).map(|host| {
        evidence(format!("{} of {} cores were in use", host.busy, host.cores), names::RESOURCES)
    }));
    Finding {
        id: finding_id(Rule::CpuStarvation, Tier::Server, None),
        rule: Rule::CpuStarvation,
        severity: Severity::Hint,
        tier: Tier::Server,
        route: None,
        title: "database time under load is mostly waiting for a CPU, not the database".to_owned(),
        evidence: all,
        saving: None,
        fix: "do not tune the database for this: lower the CPU time per request, add cores, or run no more workers than cores"
            .to_owned(),
        reproduce: "grep -H . /proc/pressure/cpu".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    fn with(times: u64, run_queue: u64) -> Vec<Finding> {
        let mut facts = hand::healthy();
        for endpoint in &mut facts.phases[1].endpoints {
            endpoint.split.db_us = Micros(endpoint.split.db_us.get() * times);
        }
        for tier in facts.samples.iter_mut().flat_map(|sample| &mut sample.tiers) {
            tier.run_queue_us = Micros(tier.cpu_us.get() * run_queue / 100);
        }
        hand::findings(&facts, check)
    }

    #[test]
    fn swollen_database_time_with_a_full_run_queue_is_the_cpu() {
        let found = with(4, 90);
        assert_eq!((found.len(), &found[0].saving), (1, &None));
        assert!(found[0].evidence[0].text.contains("alone take"), "{found:?}");
    }

    #[test]
    fn either_sign_alone_is_not_enough() {
        assert!(with(4, 5).is_empty());
        assert!(with(1, 90).is_empty());
    }
}
