//! Load: closed, then open, while resources are sampled → `load/`, `samples/`, `db/`.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{PhaseLoad, PhasePlan, RecordedLog, recover_phase, run_phase};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::load::LoadPhase;
use kneepoint_model::load_segment::{LoadSegment, RateSegment, UserSegment};
use kneepoint_model::run::{RunFolder, names};
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::PerSecond;
use kneepoint_scenarios::Scenario;

use crate::config::{LoadPart, Mix, Rate, SegmentText};
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
        if let Some(load) = closed_load(part) {
            let ended = phase(&plan(part, "closed", load, part.closed, stack, mix), run)?;
            if ended.stopped_by.is_some() {
                return Ok(overrun(ended, run));
            }
            closed = Some(ended);
        }
        let Some(load) = open_load(part, closed.as_ref()) else { return Ok(None) };
        let ended = phase(&plan(part, "open", load, part.open, stack, mix), run)?;
        Ok(overrun(ended, run))
    })
}

/// The load of the closed phase; `None` when there is none.
fn closed_load(part: &LoadPart) -> Option<PhaseLoad> {
    let segments: Vec<UserSegment> = part
        .stages
        .iter()
        .filter_map(|SegmentText(segment)| match segment {
            LoadSegment::Users(segment) => Some(*segment),
            LoadSegment::Rate(_) => None,
        })
        .collect();
    if !segments.is_empty() {
        return Some(PhaseLoad::UserSegments(segments));
    }
    (!part.closed.is_zero()).then_some(PhaseLoad::Users(part.users))
}

/// The load of the open phase; `None` when there is none.
fn open_load(part: &LoadPart, closed: Option<&LoadPhase>) -> Option<PhaseLoad> {
    if let Some(log) = &part.replay {
        return Some(PhaseLoad::Replay(RecordedLog::new(Arc::clone(log), part.speed)));
    }
    let segments: Vec<RateSegment> = part
        .stages
        .iter()
        .filter_map(|SegmentText(segment)| match segment {
            LoadSegment::Rate(segment) => Some(*segment),
            LoadSegment::Users(_) => None,
        })
        .collect();
    if !segments.is_empty() {
        return Some(PhaseLoad::RateSegments(segments));
    }
    (!part.open.is_zero()).then(|| PhaseLoad::Rate(PerSecond(rate(part.rate, closed))))
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

/// The plan of one phase. `duration` is ignored where the load has a length of its own.
pub(crate) fn plan(
    part: &LoadPart,
    name: &str,
    load: impl Into<PhaseLoad>,
    duration: Duration,
    stack: &StackInfo,
    mix: &[(Scenario, u32)],
) -> PhasePlan {
    let mut plan = PhasePlan::new(name, load, stack.base_url.clone(), mix.to_vec());
    plan.host_header.clone_from(&stack.host_header);
    plan.via.clone_from(&stack.via);
    plan.options = part.options();
    plan.set_lengths(part.warmup, duration);
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
    let of_no_phase = names::load_plan("");
    let suffix = of_no_phase.rsplit('/').next().unwrap_or_default();
    let name = |entry: std::fs::DirEntry| {
        entry.file_name().to_str().and_then(|file| file.strip_suffix(suffix)).map(str::to_owned)
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
