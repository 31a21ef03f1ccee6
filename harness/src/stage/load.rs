//! Load: closed, then open, while resources are sampled → `load/`, `samples/`, `db/`.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{Arrivals, PhasePlan, recover_phase, run_phase};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::load::{LoadModel, LoadPhase};
use kneepoint_model::load_segment::RateSegment;
use kneepoint_model::load_segment::{LoadSegment, UserSegment};
use kneepoint_model::run::{RunFolder, names};
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::{PerSecond, Span};
use kneepoint_scenarios::Scenario;

use crate::config::{ArrivalSpread, LoadPart, Mix, Rate, ReadRateText, SegmentText, StopLimitText};
use crate::failure::Failure;
use crate::run::Run;
use crate::stage::sampling::with_sampling;
use crate::stage::stock_check;
use crate::stage::stores;

/// The open phase by itself takes this share of the journeys that the closed phase reached: below the knee, where
/// latency says something about the site and not only about the length of the queue.
const AUTO_RATE_SHARE: f64 = 0.6;

/// The slowest automatic rate that still gives a figure.
const AUTO_RATE_MIN: f64 = 0.5;

/// The limit of `stop_when` at which load was stopped: no more load may follow.
pub(crate) type Overrun = Option<String>;

pub(crate) fn load(
    part: &LoadPart,
    stack: &StackInfo,
    site: &SiteMap,
    run: &mut Run,
) -> Result<Overrun, Failure> {
    let mix = mix(part, site)?;
    stock_check::with_stock_check(stack, run, |run| phases(part, stack, &mix, run))
}

fn phases(
    part: &LoadPart,
    stack: &StackInfo,
    mix: &[(Scenario, u32)],
    run: &mut Run,
) -> Result<Overrun, Failure> {
    with_sampling(stack, run, |run| {
        let mut closed = None;
        let (rates, users) = stages(part);
        if !part.closed.is_zero() || !users.is_empty() {
            let model = LoadModel::Closed { users: part.users };
            let plan = plan(part, "closed", model, part.closed, stack, mix);
            // Stages say how many and how long.
            let plan = if users.is_empty() { plan } else { plan.in_user_stages(users) };
            let ended = phase(&plan, run)?;
            if ended.stopped_by.is_some() {
                return Ok(overrun(ended, run));
            }
            closed = Some(ended);
        }
        let plan = if let Some(log) = &part.replay {
            // The log says how fast and how long.
            let model = LoadModel::Open { rate: PerSecond(0.0) };
            let plan = plan(part, "open", model, part.open, stack, mix);
            plan.replaying(Arc::clone(log), part.speed)
        } else if !rates.is_empty() {
            // Stages say how fast and how long.
            let model = LoadModel::Open { rate: PerSecond(0.0) };
            plan(part, "open", model, part.open, stack, mix).in_stages(rates)
        } else if !part.open.is_zero() {
            let rate = PerSecond(rate(part.rate, closed.as_ref()));
            plan(part, "open", LoadModel::Open { rate }, part.open, stack, mix)
        } else {
            return Ok(None);
        };
        let ended = phase(&plan, run)?;
        Ok(overrun(ended, run))
    })
}

/// The stages of the open and of the closed phase.
fn stages(part: &LoadPart) -> (Vec<RateSegment>, Vec<UserSegment>) {
    let (mut rates, mut users) = (Vec::new(), Vec::new());
    for SegmentText(stage) in &part.stages {
        match stage {
            LoadSegment::Rate(stage) => rates.push(*stage),
            LoadSegment::Users(stage) => users.push(*stage),
        }
    }
    (rates, users)
}

/// Says that a phase was stopped, when it was.
fn overrun(ended: LoadPhase, run: &Run) -> Overrun {
    let limit = ended.stopped_by?;
    run.note(Stage::Load, format!("stopped in the {} phase: {limit}; no further load", ended.name));
    Some(limit)
}

/// The scenarios of this run, with their weights.
pub(crate) fn mix(part: &LoadPart, site: &SiteMap) -> Result<Vec<(Scenario, u32)>, Failure> {
    match &part.mix {
        Mix::Given(scenarios) => Ok(scenarios.clone()),
        Mix::Crawled => Scenario::from_site(site)
            .map(|scenario| vec![(scenario, 1)])
            .map_err(|e| Failure::new(ExitCode::SmokeFailed, e)),
    }
}

/// Everything that the load generator must know of one phase.
pub(crate) fn plan(
    part: &LoadPart,
    name: &str,
    model: LoadModel,
    duration: Duration,
    stack: &StackInfo,
    mix: &[(Scenario, u32)],
) -> PhasePlan {
    let mut plan = PhasePlan::new(name, model, stack.base_url.clone(), mix.to_vec());
    plan.host_header.clone_from(&stack.host_header);
    plan.via.clone_from(&stack.via);
    plan.http = part.http;
    plan.duration = duration;
    plan.warmup = part.warmup;
    plan.timeout = part.timeout;
    plan.max_in_flight = part.max_in_flight;
    plan.connect_ahead = part.connect_ahead;
    plan.shed_after = part.shed_after.map(|Span(most)| most);
    plan.wake = part.wake.0;
    plan.accept_encoding.clone_from(&part.accept_encoding);
    plan.read_rate = part.read_rate.map(|ReadRateText(rate)| rate);
    (plan.threads, plan.pin) = (part.threads, part.pin);
    plan.stop_when = part.stop_when.iter().map(|StopLimitText(limit)| *limit).collect();
    plan.think_scale = part.think;
    plan.arrivals = match part.arrivals {
        ArrivalSpread::Even => Arrivals::Constant,
        ArrivalSpread::Poisson => Arrivals::Poisson,
    };
    plan.seed = part.seed;
    plan
}

/// Runs one phase, keeps its result, and says so when the target went away meanwhile.
pub(crate) fn phase(plan: &PhasePlan, run: &mut Run) -> Result<LoadPhase, Failure> {
    let result = stores::with_store_counters(&plan.name, run, |run| {
        let result = run_phase(plan, &run.folder, &run.shutdown.cancel, &run.sink())
            .map_err(|e| Failure::new(ExitCode::Internal, e))?;
        run.folder.write_json(&names::load(&plan.name), &result)?;
        Ok(result)
    })?;
    run.note(
        Stage::Load,
        format!(
            "{}: {} requests, {}, p95 {}, {} errors",
            plan.name, result.requests, result.achieved_rps, result.response_us.p95, result.errors
        ),
    );
    run.shutdown.check()?;
    if result.errors * 2 > result.requests && !answers(plan) {
        return Err(Failure::new(
            ExitCode::StackFailed,
            format!(
                "the target went away during the {} phase: no server listens at {}{} any more; see logs/",
                plan.name, plan.base_url, plan.via
            ),
        ));
    }
    Ok(result)
}

fn answers(plan: &PhasePlan) -> bool {
    if let Some(path) = &plan.via.unix_socket {
        return UnixStream::connect(path).is_ok();
    }
    let port = plan.base_url.port_or_known_default().unwrap_or(80);
    let addresses = plan.base_url.host_str().and_then(|host| (host, port).to_socket_addrs().ok());
    addresses.into_iter().flatten().any(|at| TcpStream::connect_timeout(&at, Duration::from_secs(1)).is_ok())
}

fn rate(wanted: Rate, closed: Option<&LoadPhase>) -> f64 {
    match (wanted, closed) {
        (Rate::PerSecond(rate), _) => rate,
        (Rate::Auto, Some(closed)) => {
            (PerSecond::from_count(closed.journeys, closed.measured()).0 * AUTO_RATE_SHARE).max(AUTO_RATE_MIN)
        }
        (Rate::Auto, None) => AUTO_RATE_MIN,
    }
}

/// Rebuilds from their interval logs the phases that a killed run did not finish.
pub(crate) fn recover(folder: &RunFolder) -> Result<(), Failure> {
    for name in begun(folder) {
        if !folder.has(&names::load(&name))
            && let Some(phase) = recover_phase(folder, &name).map_err(Failure::internal)?
        {
            folder.write_json(&names::load(&name), &phase)?;
        }
    }
    Ok(())
}

/// The phases that were begun: their plans are written first.
fn begun(folder: &RunFolder) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path(names::LOAD)).into_iter().flatten().flatten();
    let name = |entry: std::fs::DirEntry| {
        entry.file_name().to_str().and_then(|file| file.strip_suffix(".plan.json")).map(str::to_owned)
    };
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_rate_is_kept_and_an_automatic_one_without_a_closed_phase_is_slow() {
        assert!((rate(Rate::PerSecond(7.0), None) - 7.0).abs() < f64::EPSILON);
        assert!((rate(Rate::Auto, None) - AUTO_RATE_MIN).abs() < f64::EPSILON);
    }
}
