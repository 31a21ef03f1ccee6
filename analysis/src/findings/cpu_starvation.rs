//! The application's database time is really waiting for a CPU, or for Python's lock.
//!
//! After each read from the socket the thread waits for a core or for the interpreter, and that wait is booked as database
//! time: 20.4 ms were said where the database's own timer held 0.5 ms. Where the database was asked, its timer is what the
//! application's is held against; else the same statements alone (the probe) stand in for it. Threefold time is not the
//! database. Which of the two it is, the kernel knows: processes that are ready and have no core show in the run queue; a
//! process of several threads whose cores are free waits for its own lock. Where neither shows, nothing is said.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::{MIN_SAMPLES, evidence};
use super::text::count;
use super::{Context, Judgement};
use crate::attribute::main_route;
use crate::conditions::window;
use crate::db_time::own_time;
use crate::server_timing::trusted_sums;

/// How many times longer than by the other measure the same statements must take.
pub const SWOLLEN: f64 = 3.0;
/// Database time per request under load below which nothing is said.
pub const DB_LEAST: Micros = Micros(2_000);
/// Share of application time that must be booked as database time.
pub const DB_SHARE: f64 = 0.2;
/// Share of the server's ready time that must be spent waiting for a core.
pub const QUEUE_SHARE: f64 = 0.25;
/// Cores that a process with a lock of its own must use before it is called full: it can use one at most.
pub const LOCKED_CORES: f64 = 0.85;
/// Threads for each process of the server from which they share the interpreter's lock.
pub const THREADS_PER_PROCESS: f64 = 2.0;
/// Least time of one statement alone, so that rounding does not make a ratio.
const STATEMENT_LEAST_US: f64 = 20.0;

/// What the same statements took in the application under load, and by the other measure.
#[derive(Default)]
struct Compared {
    n: u64,
    app: f64,
    loaded: f64,
    other: f64,
    own_timer: bool,
}

/// What the server's threads wait for.
enum Cause {
    /// A core.
    Core(Ratio),
    /// The interpreter's lock: so many threads for each process, so many cores in use.
    Lock(f64, f64),
}

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let Some(phase) = context.main_phase() else {
        return Judgement::not_judged("no phase of load may be believed and has enough requests");
    };
    let compared = against_own_timer(context, phase).unwrap_or_else(|| against_alone(context, phase));
    if compared.n < MIN_SAMPLES {
        return Judgement::not_judged(
            "too few requests with database time under load and a measure to hold it against (the database's own timer, or \
             the routes alone)",
        );
    }
    let Some(share) = context.tier(&phase.name, Tier::Server).and_then(|tier| tier.run_queue_share) else {
        return Judgement::not_judged("the server's wait for cores was not sampled in the main phase");
    };
    let mean = Micros((compared.loaded / compared.n as f64) as u64);
    let swollen = compared.loaded / compared.other >= SWOLLEN
        && mean >= DB_LEAST
        && compared.loaded / compared.app >= DB_SHARE;
    let cause = swollen.then(|| cause(context, phase, share)).flatten();
    Judgement::found(cause.map(|cause| finding(context, phase, &compared, &cause)).into_iter().collect())
}

fn cause(context: &Context<'_>, phase: &LoadPhase, share: Ratio) -> Option<Cause> {
    if share.0 >= QUEUE_SHARE {
        return Some(Cause::Core(share));
    }
    let (mut processes, mut threads) = (0.0, 0.0);
    for sample in window(&context.facts.samples, phase) {
        for tier in sample.tiers.iter().filter(|tier| tier.tier == Tier::Server) {
            processes += f64::from(tier.processes);
            threads += f64::from(tier.threads);
        }
    }
    let cores = context.tier(&phase.name, Tier::Server)?.cpu_cores;
    let each = threads / f64::max(processes, 1.0);
    (each >= THREADS_PER_PROCESS && cores >= LOCKED_CORES).then_some(Cause::Lock(each, cores))
}

fn against_own_timer(context: &Context<'_>, phase: &LoadPhase) -> Option<Compared> {
    let own = own_time(context.facts, phase)?;
    Some(Compared {
        n: own.said.n,
        app: own.said.app_us.as_f64(),
        loaded: own.said.db_us.as_f64(),
        other: own.own_us().max(STATEMENT_LEAST_US) * own.said.queries as f64,
        own_timer: true,
    })
}

fn against_alone(context: &Context<'_>, phase: &LoadPhase) -> Compared {
    let mut compared = Compared::default();
    for endpoint in &phase.endpoints {
        let Some(said) = trusted_sums(endpoint) else { continue };
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
        compared.other += said.queries as f64 * (db.as_f64() / f64::from(queries)).max(STATEMENT_LEAST_US);
    }
    compared
}

fn finding(context: &Context<'_>, phase: &LoadPhase, compared: &Compared, cause: &Cause) -> Finding {
    let per_request = |sum: f64| Micros((sum / compared.n as f64) as u64);
    let (loaded, other) = (per_request(compared.loaded), per_request(compared.other));
    let mut all = vec![if compared.own_timer {
        evidence(
            format!(
                "in the {} phase the application booked {loaded} of database time per request; the database's own timer held \
                 {other} for the same statements",
                phase.name
            ),
            names::db(&phase.name),
        )
    } else {
        evidence(
            format!(
                "in the {} phase the application booked {loaded} of database time per request; the same statements alone take \
                 {other}",
                phase.name
            ),
            names::load(&phase.name),
        )
    }];
    all.push(waits_for(cause));
    all.extend(context.host(&phase.name).map(|host| {
        evidence(format!("{} of {} cores were in use", host.busy, host.cores), names::RESOURCES)
    }));
    let (what, fix) = match cause {
        Cause::Core(_) => (
            "a CPU",
            "do not tune the database for this: lower the CPU time per request, add cores, or run no more workers than cores",
        ),
        Cause::Lock(..) => (
            "Python's lock",
            "do not tune the database for this: fewer threads and more worker processes (`--workers` up to the number of \
             cores, `--threads 1` or 2), or less Python work for each request",
        ),
    };
    Finding {
        id: finding_id(Rule::CpuStarvation, Tier::Server, None),
        rule: Rule::CpuStarvation,
        severity: if compared.own_timer { Severity::Likely } else { Severity::Hint },
        tier: Tier::Server,
        route: None,
        title: format!("database time under load is mostly waiting for {what}, not the database"),
        evidence: all,
        saving: None,
        fix: fix.to_owned(),
        reproduce: "grep -H . /proc/pressure/cpu".to_owned(),
    }
}

fn waits_for(cause: &Cause) -> Evidence {
    let text = match cause {
        Cause::Core(share) => {
            format!("the server's processes spent {share} of their ready time waiting for a core")
        }
        Cause::Lock(threads, cores) => format!(
            "the server's processes hold {} threads each and used {cores:.2} cores, without waiting for a core: one thread of a \
             process runs Python at a time",
            count(*threads)
        ),
    };
    evidence(text, names::RESOURCES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunFacts, hand};

    fn facts(times: u64, run_queue: u64) -> RunFacts {
        let mut facts = hand::healthy();
        for endpoint in &mut facts.phases[1].endpoints {
            endpoint.split.db_us = Micros(endpoint.split.db_us.get() * times);
        }
        for tier in facts.samples.iter_mut().flat_map(|sample| &mut sample.tiers) {
            tier.run_queue_us = Micros(tier.cpu_us.get() * run_queue / 100);
        }
        facts
    }

    #[test]
    fn the_databases_own_timer_is_believed() {
        let found = hand::findings(&facts(4, 90), check);
        assert_eq!((found.len(), found[0].severity, &found[0].saving), (1, Severity::Likely, &None));
        assert!(found[0].evidence[0].text.contains("own timer held 1.40 ms"), "{found:?}");
    }

    #[test]
    fn without_it_the_same_statements_alone_stand_in() {
        let mut facts = facts(4, 90);
        facts.db.clear();
        let found = hand::findings(&facts, check);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Hint));
        assert!(found[0].evidence[0].text.contains("alone take"), "{found:?}");
    }

    #[test]
    fn either_sign_alone_is_not_enough() {
        assert!(hand::findings(&facts(4, 5), check).is_empty());
        assert!(hand::findings(&facts(1, 90), check).is_empty());
    }

    #[test]
    fn threads_of_one_busy_process_wait_for_the_lock() {
        let mut facts = facts(4, 5);
        for tier in facts.samples.iter_mut().flat_map(|sample| &mut sample.tiers) {
            (tier.processes, tier.threads, tier.cpu_us) = (3, 18, Micros(250_000));
            tier.run_queue_us = Micros(5_000);
        }
        let found = hand::findings(&facts, check);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("Python's lock") && found[0].fix.contains("--threads"), "{found:?}");
    }

    #[test]
    fn a_database_that_is_slow_by_its_own_timer_is_slow() {
        let mut facts = facts(4, 90);
        for digest in &mut hand::window(&mut facts, "open").databases[0].statements {
            digest.sums.timer_us = Micros(digest.sums.timer_us.get() * 10);
        }
        assert!(hand::findings(&facts, check).is_empty());
    }
}
