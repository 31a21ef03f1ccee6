//! Database time measured by the application that is really a wait for a CPU or for Python's lock.
//!
//! After each read from the socket the thread waits for a core or for the interpreter, and the application measures that
//! wait as database time: 20.4 ms were measured where the server-side timer showed 0.5 ms. The rule compares with the
//! server-side timer if the database has one, else with the same statements measured by the probe. Three times that time
//! is not the database. The kernel shows the cause: ready processes without a core appear in the run queue; a process
//! with several threads and free cores waits for Python's lock. Without either sign there is no finding.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::{MIN_SAMPLES, evidence};
use super::text::count;
use super::{Context, RuleOutcome};
use crate::attribute::main_route;
use crate::conditions::window;
use crate::db_time::compare_timers;
use crate::server_timing::trusted_sums;

/// Minimum ratio of the application's time to the reference time of the same statements.
pub const MIN_RATIO: f64 = 3.0;
/// Minimum database time per request under load.
pub const MIN_DB_TIME: Micros = Micros(2_000);
/// Minimum share of database time in the application time.
pub const MIN_DB_SHARE: f64 = 0.2;
/// Share of the server's ready time spent waiting for a core from which cores are the cause.
pub const QUEUE_SHARE: f64 = 0.25;
/// Cores in use from which one Python process is saturated: its lock limits it to one.
pub const LOCKED_CORES: f64 = 0.85;
/// Threads per server process from which Python's lock can be the cause.
pub const THREADS_PER_PROCESS: f64 = 2.0;
/// Minimum reference time of one statement, so that rounding does not produce a large ratio.
const MIN_STATEMENT_US: f64 = 20.0;

/// Sums in microseconds over `n` requests: application time, database time under load, and the reference time.
#[derive(Default)]
struct DbTimeComparison {
    n: u64,
    app: f64,
    loaded: f64,
    reference: f64,
    by_server_timer: bool,
}

/// What the server's threads wait for.
enum WaitCause {
    /// A CPU core, with the share of ready time spent waiting.
    Core(Ratio),
    /// Python's lock, with the threads per process and the cores in use.
    Lock(f64, f64),
}

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let Some(phase) = context.main_phase() else {
        return RuleOutcome::inconclusive("no load phase is valid and has enough requests");
    };
    let compared =
        compare_with_server_timer(context, phase).unwrap_or_else(|| compare_with_probe(context, phase));
    if compared.n < MIN_SAMPLES {
        return RuleOutcome::inconclusive(
            "too few requests under load with a database time and a reference for it (the server-side timer, or the probe of \
             the same routes)",
        );
    }
    let Some(share) = context.tier(&phase.name, Tier::Server).and_then(|tier| tier.run_queue_share) else {
        return RuleOutcome::inconclusive("the server's wait for cores was not sampled in the main phase");
    };
    let mean = Micros((compared.loaded / compared.n as f64) as u64);
    let is_inflated = compared.loaded / compared.reference >= MIN_RATIO
        && mean >= MIN_DB_TIME
        && compared.loaded / compared.app >= MIN_DB_SHARE;
    let cause = is_inflated.then(|| find_cause(context, phase, share)).flatten();
    RuleOutcome::found(
        cause.map(|cause| build_finding(context, phase, &compared, &cause)).into_iter().collect(),
    )
}

fn find_cause(context: &Context<'_>, phase: &LoadPhase, share: Ratio) -> Option<WaitCause> {
    if share.0 >= QUEUE_SHARE {
        return Some(WaitCause::Core(share));
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
    (each >= THREADS_PER_PROCESS && cores >= LOCKED_CORES).then_some(WaitCause::Lock(each, cores))
}

fn compare_with_server_timer(context: &Context<'_>, phase: &LoadPhase) -> Option<DbTimeComparison> {
    let timers = compare_timers(context.facts, phase)?;
    Some(DbTimeComparison {
        n: timers.app.n,
        app: timers.app.app_us.as_f64(),
        loaded: timers.app.db_us.as_f64(),
        reference: timers.server_us().max(MIN_STATEMENT_US) * timers.app.queries as f64,
        by_server_timer: true,
    })
}

fn compare_with_probe(context: &Context<'_>, phase: &LoadPhase) -> DbTimeComparison {
    let mut compared = DbTimeComparison::default();
    for endpoint in &phase.endpoints {
        let Some(sums) = trusted_sums(endpoint) else { continue };
        let Some(route) =
            main_route(endpoint).and_then(|name| context.probed_routes().find(|probed| probed.route == name))
        else {
            continue;
        };
        let (Some(db), Some(queries)) = (route.db_us, route.queries.filter(|queries| *queries > 0)) else {
            continue;
        };
        if sums.queries == 0 {
            continue;
        }
        compared.n += sums.n;
        compared.app += sums.app_us.as_f64();
        compared.loaded += sums.db_us.as_f64();
        compared.reference += sums.queries as f64 * (db.as_f64() / f64::from(queries)).max(MIN_STATEMENT_US);
    }
    compared
}

fn build_finding(
    context: &Context<'_>,
    phase: &LoadPhase,
    compared: &DbTimeComparison,
    cause: &WaitCause,
) -> Finding {
    let per_request = |sum: f64| Micros((sum / compared.n as f64) as u64);
    let (loaded, reference) = (per_request(compared.loaded), per_request(compared.reference));
    let mut all = vec![if compared.by_server_timer {
        evidence(
            format!(
                "in the {} phase the application measured {loaded} of database time per request; the server-side timer \
                 measured {reference} for the same statements",
                phase.name
            ),
            names::db(&phase.name),
        )
    } else {
        evidence(
            format!(
                "in the {} phase the application measured {loaded} of database time per request; in the probe the same \
                 statements took {reference}",
                phase.name
            ),
            names::load(&phase.name),
        )
    }];
    all.push(cause_evidence(cause));
    all.extend(context.host(&phase.name).map(|host| {
        evidence(format!("{} of {} cores were in use", host.busy, host.cores), names::RESOURCES)
    }));
    let (what, fix) = match cause {
        WaitCause::Core(_) => (
            "a CPU",
            "this is not a database problem: reduce the CPU time per request, add cores, or run at most as many workers as cores",
        ),
        WaitCause::Lock(..) => (
            "Python's lock",
            "this is not a database problem: use fewer threads and more worker processes (`--workers` up to the number of \
             cores, `--threads 1` or 2), or reduce the Python work per request",
        ),
    };
    Finding {
        id: finding_id(Rule::CpuStarvation, Tier::Server, None),
        rule: Rule::CpuStarvation,
        severity: if compared.by_server_timer { Severity::Likely } else { Severity::Hint },
        tier: Tier::Server,
        route: None,
        title: format!("most of the database time under load is a wait for {what}, not for the database"),
        evidence: all,
        saving: None,
        fix: fix.to_owned(),
        reproduce: "grep -H . /proc/pressure/cpu".to_owned(),
    }
}

fn cause_evidence(cause: &WaitCause) -> Evidence {
    let text = match cause {
        WaitCause::Core(share) => {
            format!("the server's processes spent {share} of their ready time waiting for a core")
        }
        WaitCause::Lock(threads, cores) => format!(
            "each server process has {} threads, and together they used {cores:.2} cores without waiting for a core: only one \
             thread of a process runs Python at a time",
            count(*threads)
        ),
    };
    evidence(text, names::RESOURCES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunFacts, fixtures};

    fn facts(times: u64, run_queue: u64) -> RunFacts {
        let mut facts = fixtures::healthy();
        for endpoint in &mut facts.phases[1].endpoints {
            endpoint.split.db_us = Micros(endpoint.split.db_us.get() * times);
        }
        for tier in facts.samples.iter_mut().flat_map(|sample| &mut sample.tiers) {
            tier.run_queue_us = Micros(tier.cpu_us.get() * run_queue / 100);
        }
        facts
    }

    #[test]
    fn the_server_side_timer_is_the_reference() {
        let found = fixtures::findings(&facts(4, 90), check);
        assert_eq!((found.len(), found[0].severity, &found[0].saving), (1, Severity::Likely, &None));
        assert!(found[0].evidence[0].text.contains("timer measured 1.40 ms"), "{found:?}");
    }

    #[test]
    fn without_it_the_probe_is_the_reference() {
        let mut facts = facts(4, 90);
        facts.db.clear();
        let found = fixtures::findings(&facts, check);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Hint));
        assert!(found[0].evidence[0].text.contains("in the probe"), "{found:?}");
    }

    #[test]
    fn one_sign_is_not_enough() {
        assert!(fixtures::findings(&facts(4, 5), check).is_empty());
        assert!(fixtures::findings(&facts(1, 90), check).is_empty());
    }

    #[test]
    fn threads_of_one_busy_process_wait_for_the_lock() {
        let mut facts = facts(4, 5);
        for tier in facts.samples.iter_mut().flat_map(|sample| &mut sample.tiers) {
            (tier.processes, tier.threads, tier.cpu_us) = (3, 18, Micros(250_000));
            tier.run_queue_us = Micros(5_000);
        }
        let found = fixtures::findings(&facts, check);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("Python's lock") && found[0].fix.contains("--threads"), "{found:?}");
    }

    #[test]
    fn a_database_that_is_slow_by_its_server_side_timer_is_no_finding() {
        let mut facts = facts(4, 90);
        for digest in &mut fixtures::window(&mut facts, "open").databases[0].statements {
            digest.sums.timer_us = Micros(digest.sums.timer_us.get() * 10);
        }
        assert!(fixtures::findings(&facts, check).is_empty());
    }
}
