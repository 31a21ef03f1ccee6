//! Requests wait for a free worker: more of them are in the stack than workers can take.
//!
//! Queueing is the proxy's `$upstream_header_time` minus the application's own time, summed over the phase (connect time
//! does not show it: the kernel's backlog accepts at once). Seen in practice: share 0.13 while requests ≤ workers, 0.89 to
//! 0.95 at 16 requests on one or two sync workers. Without a proxy log, the gap between first byte and application time
//! stands in. More workers are advised only while cores are free, and not while each worker waits for the engine.

use kneepoint_model::finding::{Evidence, Finding, Rule, Saving, Severity, finding_id};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::{MIN_SAMPLES, concurrency, evidence};
use super::development_server::is_development;
use super::text::count;
use super::{Context, Judgement};
use crate::facts::OPEN;
use crate::server_timing::sum_phase;

/// Share of the time to the first byte from which waiting is the main part of a request.
pub const QUEUE_SHARE: f64 = 0.5;
/// Mean wait below which the proxy's clock (1 ms steps) says nothing.
pub const QUEUE_LEAST: Micros = Micros(2_000);
/// Share of all cores in use above which the limit is CPU, and more workers only share it out anew.
pub const CPU_FULL: f64 = 0.85;
/// Share of application time spent on the engine from which the engine, not the number of workers, is the cause.
pub const ENGINE_HOLDS: f64 = 0.4;

/// Queueing in one phase, means per request.
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

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let server = context.facts.stack.as_ref().and_then(|stack| stack.tier(Tier::Server));
    if server.is_some_and(is_development) {
        return Judgement::not_judged("the development server has no workers: see development-server");
    }
    let seen: Vec<Queueing<'_>> = context.believed().filter_map(|phase| queueing(context, phase)).collect();
    if seen.is_empty() {
        return Judgement::not_judged(
            "no believable phase in which the application said its own time (Server-Timing), so waiting cannot be told apart",
        );
    }
    let workers = workers(context);
    let starved: Vec<Queueing<'_>> = seen
        .into_iter()
        .filter(|q| q.share() > QUEUE_SHARE && q.queue >= QUEUE_LEAST)
        .filter(|q| workers.is_none_or(|workers| q.in_stack > f64::from(workers)))
        .collect();
    // The open phase is what visitors do; a closed one fills whatever is there.
    let worst = starved.iter().find(|q| q.phase.name == OPEN).or_else(|| starved.first());
    Judgement::found(worst.map(|worst| finding(context, worst, &starved, workers)).into_iter().collect())
}

fn workers(context: &Context<'_>) -> Option<u32> {
    context.facts.stack.as_ref()?.tier(Tier::Server)?.concurrency.filter(|workers| *workers > 0)
}

fn queueing<'a>(context: &Context<'_>, phase: &'a LoadPhase) -> Option<Queueing<'a>> {
    let of = |header: f64, app: f64, from_log| Queueing {
        phase,
        header: Micros(header as u64),
        app: Micros(app as u64),
        queue: Micros((header - app).max(0.0) as u64),
        from_log,
        in_stack: concurrency(phase),
    };
    if let Some(log) = context.facts.access.get(&phase.name) {
        let told = log.routes.iter().filter(|route| route.app_n > 0 && route.upstream > 0);
        let (mut n, mut header, mut app) = (0, 0.0, 0.0);
        for route in told {
            n += route.app_n;
            header += route.header_us.as_f64() / route.upstream as f64 * route.app_n as f64;
            app += route.app_us.as_f64();
        }
        if n >= MIN_SAMPLES {
            return Some(of(header / n as f64, app / n as f64, true));
        }
    }
    let said = sum_phase(phase);
    (said.n >= MIN_SAMPLES && said.app_us > Micros::ZERO)
        .then(|| of(said.ttfb_us.as_f64() / said.n as f64, said.app_us.as_f64() / said.n as f64, false))
}

fn finding(
    context: &Context<'_>,
    worst: &Queueing<'_>,
    all: &[Queueing<'_>],
    workers: Option<u32>,
) -> Finding {
    let busy = context.host(&worst.phase.name).map(|host| host.busy.0);
    let cause = Cause::of(context, worst, busy);
    let mut evidence: Vec<Evidence> = all.iter().map(waiting).collect();
    evidence.extend(context.host(&worst.phase.name).map(|host| {
        super::context::evidence(
            format!("{} of {} cores were in use in the {} phase", host.busy, host.cores, worst.phase.name),
            names::RESOURCES,
        )
    }));
    let on = workers.map_or_else(|| "the workers there are".to_owned(), |n| format!("{n} workers"));
    Finding {
        id: finding_id(Rule::WorkerStarvation, Tier::Server, None),
        rule: Rule::WorkerStarvation,
        severity: if cause == Cause::TooFew && workers.is_some() { Severity::Likely } else { Severity::Hint },
        tier: Tier::Server,
        route: None,
        title: format!(
            "{} requests at a time on {on}: {} of the time to the first byte is waiting",
            count(worst.in_stack),
            Ratio(worst.share())
        ),
        evidence,
        saving: saving(worst, workers, busy, &cause),
        fix: fix(workers, &cause),
        reproduce: "kneepoint run".to_owned(),
    }
}

fn waiting(queueing: &Queueing<'_>) -> Evidence {
    let name = &queueing.phase.name;
    let (words, source) = if queueing.from_log {
        ("upstream header time", names::access(name))
    } else {
        ("time to the first byte (there is no proxy log, so network is in it)", names::load(name))
    };
    evidence(
        format!(
            "{name}: mean {words} {}, of which the application took {}: {} ({}) is waiting, with {} requests in the stack",
            queueing.header,
            queueing.app,
            queueing.queue,
            Ratio(queueing.share()),
            count(queueing.in_stack)
        ),
        source,
    )
}

/// Why requests wait.
#[derive(Debug, PartialEq)]
enum Cause {
    /// Cores are free: more workers would serve.
    TooFew,
    /// No core is free.
    CpuFull(f64),
    /// Workers are held by the engine.
    Engine(f64),
    /// Nobody looked at the cores.
    Unknown,
}

impl Cause {
    fn of(context: &Context<'_>, worst: &Queueing<'_>, busy: Option<f64>) -> Self {
        let said = sum_phase(worst.phase);
        let engine = said.engine_us.as_f64() / said.app_us.as_f64().max(1.0);
        let has_engine = context.facts.stack.as_ref().is_none_or(|stack| stack.tier(Tier::Engine).is_some());
        match busy {
            _ if has_engine && engine >= ENGINE_HOLDS => Self::Engine(engine),
            Some(busy) if busy >= CPU_FULL => Self::CpuFull(busy),
            Some(_) => Self::TooFew,
            None => Self::Unknown,
        }
    }
}

/// What more workers would save a visitor, by the cores that are free: throughput can grow by the smaller of what the
/// cores and what the waiting requests allow, and in a full system the time in the stack shrinks by the same factor.
fn saving(worst: &Queueing<'_>, workers: Option<u32>, busy: Option<f64>, cause: &Cause) -> Option<Saving> {
    let (workers, busy) = (workers?, busy.filter(|_| *cause == Cause::TooFew)?);
    let growth = (CPU_FULL / busy.max(0.01)).min(worst.in_stack / f64::from(workers));
    let ms = worst.queue.as_millis().min(worst.header.as_millis() * (1.0 - 1.0 / growth));
    (ms > 0.0).then(|| Saving {
        ms_per_request: ms,
        requests_per_second: worst.phase.achieved_rps.0,
        basis: format!(
            "waiting, not work: at most {growth:.1} times the throughput with the cores that are free ({} in use)",
            Ratio(busy)
        ),
    })
}

fn fix(workers: Option<u32>, cause: &Cause) -> String {
    let from = workers.map_or_else(String::new, |n| format!(" from {n}"));
    match cause {
        Cause::TooFew => format!(
            "raise gunicorn's `--workers`{from} step by step while cores are free (or `--threads` when workers mostly wait \
             for the database), and measure again"
        ),
        Cause::CpuFull(busy) => format!(
            "{} of the cores are in use, so more workers would only share them out anew: lower the CPU time per request \
             (see the other findings and the profiles), or add cores, then raise `--workers`",
            Ratio(*busy)
        ),
        Cause::Engine(share) => format!(
            "each worker is held by the engine for {} of its time: make the engine's answer faster first (see slow-engine); \
             `--threads` lets a worker wait for several at once",
            Ratio(*share)
        ),
        Cause::Unknown => format!(
            "see whether cores are free while load runs; if they are, raise gunicorn's `--workers`{from}, else lower the CPU \
             time per request"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    /// The healthy run, with `users` in the closed phase and waiting as queueing theory has it.
    fn crowded(busy: f64) -> crate::RunFacts {
        let mut facts = hand::healthy();
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
    fn waiting_with_cores_free_asks_for_workers() {
        let found = hand::findings(&crowded(0.5), check);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(
            found[0].title.starts_with("16 requests at a time on 2 workers: 87.5 %"),
            "{}",
            found[0].title
        );
        assert!(found[0].fix.contains("`--workers` from 2"));
        let saving = found[0].saving.as_ref().expect("cores are free");
        // 0.85 / 0.5 = 1.7 times the throughput: 41 % of the 64 ms before the first byte.
        assert!((saving.ms_per_request - 64.0 * (1.0 - 1.0 / 1.7)).abs() < 0.1, "{saving:?}");
    }

    #[test]
    fn waiting_with_full_cores_does_not() {
        let found = hand::findings(&crowded(0.97), check);
        assert_eq!((found[0].severity, &found[0].saving), (Severity::Hint, &None));
        assert!(found[0].fix.contains("more workers would only share"), "{}", found[0].fix);
    }

    #[test]
    fn an_engine_that_holds_the_workers_is_named_instead() {
        let mut facts = crowded(0.3);
        for endpoint in &mut facts.phases[0].endpoints {
            endpoint.split.engine_us = Micros(endpoint.split.app_us.get() / 2);
        }
        let found = hand::findings(&facts, check);
        assert_eq!((found[0].severity, &found[0].saving), (Severity::Hint, &None));
        assert!(found[0].fix.contains("slow-engine"));
    }

    #[test]
    fn as_many_requests_as_workers_do_not_starve() {
        let mut facts = crowded(0.5);
        for second in &mut facts.phases[0].seconds {
            second.in_flight = 2;
        }
        assert!(hand::findings(&facts, check).is_empty());
    }

    #[test]
    fn without_a_log_the_gap_stands_in() {
        let mut facts = crowded(0.5);
        facts.access.clear();
        assert!(hand::findings(&facts, check).is_empty());
        for endpoint in &mut facts.phases[0].endpoints {
            endpoint.split.ttfb_us = Micros(endpoint.split.app_us.get() * 5);
        }
        let found = hand::findings(&facts, check);
        assert!(found[0].evidence[0].text.contains("there is no proxy log"), "{found:?}");
    }

    #[test]
    fn an_invalid_phase_is_not_judged() {
        let mut facts = crowded(0.5);
        facts.phases.iter_mut().for_each(|phase| phase.validity.valid = false);
        hand::with_context(&facts, |context| assert!(check(context).not_judged.is_some()));
    }
}
