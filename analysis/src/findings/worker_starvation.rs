//! Requests wait for a free worker, because more requests are in the stack than there are workers.
//!
//! Queueing is the proxy's `$upstream_header_time` minus the application time, summed over the phase (connect time does
//! not show it, because the kernel's backlog accepts at once). Measured: share 0.13 with at most one request per worker,
//! 0.89 to 0.95 with 16 requests on one or two sync workers. Without a proxy log the rule uses the time to the first byte
//! minus application time. The fix is more workers only while cores are free and the workers do not wait for the engine.

use kneepoint_model::finding::{Evidence, Finding, Rule, Saving, Severity, finding_id};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::{MIN_SAMPLES, evidence, mean_concurrency};
use super::development_server::is_development;
use super::text::count;
use super::{Context, RuleOutcome};
use crate::facts::OPEN;
use crate::server_timing::sum_phase;

/// Share of the time to the first byte above which waiting is the main part of a request.
pub const QUEUE_SHARE: f64 = 0.5;
/// Minimum mean wait; the proxy's clock has 1 ms steps.
pub const MIN_QUEUE: Micros = Micros(2_000);
/// Share of all cores in use from which CPU is the limit, so that more workers do not help.
pub const CPU_FULL: f64 = 0.85;
/// Share of application time spent on the engine from which the engine is the cause, not the number of workers.
pub const ENGINE_SHARE: f64 = 0.4;

/// Queueing in one phase: means per request.
struct Queueing<'a> {
    phase: &'a LoadPhase,
    header: Micros,
    app: Micros,
    queue: Micros,
    from_log: bool,
    in_stack: f64,
}

impl Queueing<'_> {
    fn share(&self) -> f64 {
        self.queue.as_f64() / self.header.as_f64().max(1.0)
    }
}

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let server = context.facts.stack.as_ref().and_then(|stack| stack.tier(Tier::Server));
    if server.is_some_and(is_development) {
        return RuleOutcome::not_applicable("the development server has no workers: see development-server");
    }
    let phases: Vec<Queueing<'_>> =
        context.valid_phases().filter_map(|phase| measure_queueing(context, phase)).collect();
    if phases.is_empty() {
        return RuleOutcome::inconclusive(
            "no valid phase has application times (Server-Timing), so waiting cannot be separated from work",
        );
    }
    let workers = worker_count(context);
    let starved: Vec<Queueing<'_>> = phases
        .into_iter()
        .filter(|q| q.share() > QUEUE_SHARE && q.queue >= MIN_QUEUE)
        .filter(|q| workers.is_none_or(|workers| q.in_stack > f64::from(workers)))
        .collect();
    // The open phase is like real users; a closed phase saturates any number of workers.
    let worst = starved.iter().find(|q| q.phase.name == OPEN).or_else(|| starved.first());
    RuleOutcome::found(
        worst.map(|worst| build_finding(context, worst, &starved, workers)).into_iter().collect(),
    )
}

fn worker_count(context: &Context<'_>) -> Option<u32> {
    context.facts.stack.as_ref()?.tier(Tier::Server)?.concurrency.filter(|workers| *workers > 0)
}

fn measure_queueing<'a>(context: &Context<'_>, phase: &'a LoadPhase) -> Option<Queueing<'a>> {
    let means = |header: f64, app: f64, from_log| Queueing {
        phase,
        header: Micros(header as u64),
        app: Micros(app as u64),
        queue: Micros((header - app).max(0.0) as u64),
        from_log,
        in_stack: mean_concurrency(phase),
    };
    if let Some(log) = context.facts.access.get(&phase.name) {
        let timed = log.routes.iter().filter(|route| route.app_n > 0 && route.upstream > 0);
        let (mut n, mut header, mut app) = (0, 0.0, 0.0);
        for route in timed {
            n += route.app_n;
            header += route.header_us.as_f64() / route.upstream as f64 * route.app_n as f64;
            app += route.app_us.as_f64();
        }
        if n >= MIN_SAMPLES {
            return Some(means(header / n as f64, app / n as f64, true));
        }
    }
    let sums = sum_phase(phase);
    (sums.n >= MIN_SAMPLES && sums.app_us > Micros::ZERO)
        .then(|| means(sums.ttfb_us.as_f64() / sums.n as f64, sums.app_us.as_f64() / sums.n as f64, false))
}

fn build_finding(
    context: &Context<'_>,
    worst: &Queueing<'_>,
    all: &[Queueing<'_>],
    workers: Option<u32>,
) -> Finding {
    let busy = context.host(&worst.phase.name).map(|host| host.busy.0);
    let cause = QueueCause::find(context, worst, busy);
    let mut evidence: Vec<Evidence> = all.iter().map(queue_evidence).collect();
    evidence.extend(context.host(&worst.phase.name).map(|host| {
        super::context::evidence(
            format!("{} of {} cores were in use in the {} phase", host.busy, host.cores, worst.phase.name),
            names::RESOURCES,
        )
    }));
    let on = workers.map_or_else(|| "all workers".to_owned(), |n| format!("{n} workers"));
    Finding {
        id: finding_id(Rule::WorkerStarvation, Tier::Server, None),
        rule: Rule::WorkerStarvation,
        severity: if cause == QueueCause::TooFew && workers.is_some() {
            Severity::Likely
        } else {
            Severity::Hint
        },
        tier: Tier::Server,
        route: None,
        title: format!(
            "{} requests at a time share {on}: {} of the time to the first byte is waiting",
            count(worst.in_stack),
            Ratio(worst.share())
        ),
        evidence,
        saving: estimate_saving(worst, workers, busy, &cause),
        fix: choose_fix(workers, &cause),
        reproduce: "kneepoint run".to_owned(),
    }
}

fn queue_evidence(queueing: &Queueing<'_>) -> Evidence {
    let name = &queueing.phase.name;
    let (measure, source) = if queueing.from_log {
        ("upstream header time", names::access(name))
    } else {
        ("time to the first byte (without a proxy log, so network time is included)", names::load(name))
    };
    evidence(
        format!(
            "{name}: mean {measure} {}, of which {} is application time: {} ({}) is waiting, with {} requests in the stack",
            queueing.header,
            queueing.app,
            queueing.queue,
            Ratio(queueing.share()),
            count(queueing.in_stack)
        ),
        source,
    )
}

/// The reason of the wait.
#[derive(Debug, PartialEq)]
enum QueueCause {
    /// Cores are free, so there are too few workers.
    TooFew,
    /// No core is free; with the share of cores in use.
    CpuFull(f64),
    /// Workers wait for the engine; with its share of application time.
    Engine(f64),
    /// The cores were not sampled.
    Unknown,
}

impl QueueCause {
    fn find(context: &Context<'_>, worst: &Queueing<'_>, busy: Option<f64>) -> Self {
        let sums = sum_phase(worst.phase);
        let engine = sums.engine_us.as_f64() / sums.app_us.as_f64().max(1.0);
        let has_engine = context.facts.stack.as_ref().is_none_or(|stack| stack.tier(Tier::Engine).is_some());
        match busy {
            _ if has_engine && engine >= ENGINE_SHARE => Self::Engine(engine),
            Some(busy) if busy >= CPU_FULL => Self::CpuFull(busy),
            Some(_) => Self::TooFew,
            None => Self::Unknown,
        }
    }
}

/// The saving of more workers: throughput can grow by the smaller of what free cores and waiting requests allow, and in a
/// saturated system the time in the stack shrinks by the same factor.
fn estimate_saving(
    worst: &Queueing<'_>,
    workers: Option<u32>,
    busy: Option<f64>,
    cause: &QueueCause,
) -> Option<Saving> {
    let (workers, busy) = (workers?, busy.filter(|_| *cause == QueueCause::TooFew)?);
    let growth = (CPU_FULL / busy.max(0.01)).min(worst.in_stack / f64::from(workers));
    let ms = worst.queue.as_millis().min(worst.header.as_millis() * (1.0 - 1.0 / growth));
    (ms > 0.0).then(|| Saving {
        ms_per_request: ms,
        requests_per_second: worst.phase.achieved_rps.0,
        basis: format!(
            "waiting, not work: the free cores allow at most {growth:.1} times the throughput ({} in use)",
            Ratio(busy)
        ),
    })
}

fn choose_fix(workers: Option<u32>, cause: &QueueCause) -> String {
    let from = workers.map_or_else(String::new, |n| format!(" from {n}"));
    match cause {
        QueueCause::TooFew => format!(
            "raise gunicorn's `--workers`{from} gradually while cores are free (or `--threads` if workers mostly wait \
             for the database), and measure again"
        ),
        QueueCause::CpuFull(busy) => format!(
            "{} of the cores are in use, so more workers do not help: reduce the CPU time per request \
             (see the other findings and the profiles), or add cores, then raise `--workers`",
            Ratio(*busy)
        ),
        QueueCause::Engine(share) => format!(
            "each worker waits for the engine for {} of its time: make the engine faster first (see slow-engine); \
             with `--threads` a worker waits for several responses at once",
            Ratio(*share)
        ),
        QueueCause::Unknown => format!(
            "check whether cores are free while load runs; if they are, raise gunicorn's `--workers`{from}, else reduce the CPU \
             time per request"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    /// The healthy run, with `users` in the closed phase and waiting as queueing theory has it.
    fn crowded(busy: f64) -> crate::RunFacts {
        let mut facts = fixtures::healthy();
        let log = facts.access.get_mut("closed").expect("log");
        for route in &mut log.routes {
            route.header_us = Micros(route.app_us.get() * 8);
        }
        for second in &mut facts.phases[0].seconds {
            second.in_flight = 16;
        }
        for sample in &mut facts.samples {
            sample.host.busy_us = Micros((sample.tick_us.as_f64() * busy * 2.0) as u64);
        }
        facts
    }

    #[test]
    fn waiting_with_free_cores_needs_more_workers() {
        let found = fixtures::findings(&crowded(0.5), check);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(
            found[0].title.starts_with("16 requests at a time share 2 workers: 87.5 %"),
            "{}",
            found[0].title
        );
        assert!(found[0].fix.contains("`--workers` from 2"));
        let saving = found[0].saving.as_ref().expect("cores are free");
        // 0.85 / 0.5 = 1.7 times the throughput: 41 % of the 64 ms before the first byte.
        assert!((saving.ms_per_request - 64.0 * (1.0 - 1.0 / 1.7)).abs() < 0.1, "{saving:?}");
    }

    #[test]
    fn waiting_with_busy_cores_does_not() {
        let found = fixtures::findings(&crowded(0.97), check);
        assert_eq!((found[0].severity, &found[0].saving), (Severity::Hint, &None));
        assert!(found[0].fix.contains("more workers do not help"), "{}", found[0].fix);
    }

    #[test]
    fn an_engine_that_blocks_the_workers_is_named_instead() {
        let mut facts = crowded(0.3);
        for endpoint in &mut facts.phases[0].endpoints {
            endpoint.split.engine_us = Micros(endpoint.split.app_us.get() / 2);
        }
        let found = fixtures::findings(&facts, check);
        assert_eq!((found[0].severity, &found[0].saving), (Severity::Hint, &None));
        assert!(found[0].fix.contains("slow-engine"));
    }

    #[test]
    fn as_many_requests_as_workers_do_not_starve() {
        let mut facts = crowded(0.5);
        for second in &mut facts.phases[0].seconds {
            second.in_flight = 2;
        }
        assert!(fixtures::findings(&facts, check).is_empty());
    }

    #[test]
    fn without_a_log_the_time_to_the_first_byte_is_used() {
        let mut facts = crowded(0.5);
        facts.access.clear();
        assert!(fixtures::findings(&facts, check).is_empty());
        for endpoint in &mut facts.phases[0].endpoints {
            endpoint.split.ttfb_us = Micros(endpoint.split.app_us.get() * 5);
        }
        let found = fixtures::findings(&facts, check);
        assert!(found[0].evidence[0].text.contains("without a proxy log"), "{found:?}");
    }

    #[test]
    fn an_invalid_phase_is_inconclusive() {
        let mut facts = crowded(0.5);
        facts.phases.iter_mut().for_each(|phase| phase.validity.valid = false);
        fixtures::with_context(&facts, |context| assert!(check(context).not_evaluated.is_some()));
    }
}
