//! A phase from the files of a run that was killed: what was written up to the last whole second.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use kneepoint_model::histogram::{IntervalLine, LatencyHistogram};
use kneepoint_model::load::{LoadPhase, SecondStats};
use kneepoint_model::run::{RunError, RunFolder, names as run_names};
use kneepoint_model::units::UnixMillis;

use crate::assemble::{Circumstances, assemble};
use crate::error::LoadError;
use crate::health::Cost;
use crate::recorder::{Ledger, PlanRecord, Tag, TallyLine, names, split_tag};

/// Rebuilds a phase that did not come to its end; `None` when it never began. The result is marked partial.
pub fn recover_phase(run: &RunFolder, phase: &str) -> Result<Option<LoadPhase>, LoadError> {
    let Some(record) = run.read_json_if_exists::<PlanRecord>(&names::plan(phase))? else { return Ok(None) };
    let mut ledger = Ledger::new(record.endpoints.len());
    read_log(run, &record, &mut ledger)?;
    let (tallies, _) = run.read_lines::<TallyLine>(&names::tallies(phase))?;
    for line in tallies {
        add(&mut ledger, line, &record);
    }
    (ledger.seconds, _) = run.read_lines::<SecondStats>(&run_names::seconds(phase))?;
    // The last second that was written was a whole one, but for the very last of the phase.
    let last = ledger.seconds.iter().filter(|second| !second.warmup).map(|second| second.at_ms).max();
    let until = last.map_or(record.measured_from_ms, |at| UnixMillis(at.get() + 1000));
    let circumstances = Circumstances {
        until_ms: until.min(record.measured_until_ms),
        cost: Cost::default(),
        local_faults: 0,
        partial: true,
        stopped_by: None,
    };
    Ok(Some(assemble(&record, &ledger, &circumstances)))
}

/// Adds a line; what it says of stages and groups that were not planned is garbage.
fn add(ledger: &mut Ledger, line: TallyLine, record: &PlanRecord) {
    ledger.due += line.due;
    ledger.ended += line.ended;
    ledger.journeys += line.journeys;
    ledger.journeys_failed += line.journeys_failed;
    ledger.add_dry(&line.dry);
    for (stage, tally) in line.stages.into_iter().enumerate().take(record.stages.len()) {
        ledger.stages.add(stage, tally);
    }
    for (group, tally) in line.groups.into_iter().enumerate().take(record.groups.len()) {
        ledger.groups.add(group, tally);
    }
    for (at, tally) in line.endpoints {
        if let Some(series) = ledger.series.get_mut(at) {
            series.tally.merge(&tally);
        }
    }
    for (at, exemplar) in &line.exemplars {
        ledger.exemplars.merge_one(*at, exemplar);
    }
}

fn read_log(run: &RunFolder, record: &PlanRecord, ledger: &mut Ledger) -> Result<(), RunError> {
    let path = run.path(&run_names::hlog(&record.name));
    let failed = |source| RunError::Io { action: "read", path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(failed)?;
        let Some(interval) = std::str::from_utf8(&line).ok().and_then(IntervalLine::parse) else { continue };
        let sum = match split_tag(&interval.tag) {
            Some(Tag::Endpoint(tag, kind)) => of_endpoint(record, ledger, tag, kind),
            Some(Tag::Stage(at, kind)) if at < record.stages.len() => of_stage(ledger, at, kind),
            Some(Tag::Group(tag)) => of_group(record, ledger, tag),
            _ => None,
        };
        if let Some(sum) = sum {
            sum.merge(&interval.histogram);
        }
    }
    Ok(())
}

fn of_endpoint<'a>(
    record: &PlanRecord,
    ledger: &'a mut Ledger,
    tag: &str,
    kind: &str,
) -> Option<&'a mut LatencyHistogram> {
    match (record.endpoints.iter().position(|endpoint| endpoint.tag == tag), kind) {
        (Some(at), "response") => Some(&mut ledger.series[at].response),
        (Some(at), "service") => Some(&mut ledger.series[at].service),
        (Some(at), "ttfb") => Some(&mut ledger.series[at].ttfb),
        (Some(at), "page") => Some(ledger.series[at].page_times()),
        (None, "connect") => Some(&mut ledger.connect),
        (None, "tls") => Some(&mut ledger.tls),
        (None, "sched_lag") => Some(&mut ledger.sched_lag),
        (None, "pool_wait") => Some(&mut ledger.pool_wait),
        _ => None,
    }
}

fn of_group<'a>(record: &PlanRecord, ledger: &'a mut Ledger, tag: &str) -> Option<&'a mut LatencyHistogram> {
    let at = record.groups.iter().position(|group| group.tag == tag)?;
    Some(&mut ledger.groups.at(at).time)
}

fn of_stage<'a>(ledger: &'a mut Ledger, stage: usize, kind: &str) -> Option<&'a mut LatencyHistogram> {
    match kind {
        "response" => Some(&mut ledger.stages.at(stage).response),
        "service" => Some(&mut ledger.stages.at(stage).service),
        _ => None,
    }
}
