//! Rebuilds a phase from the files of a run that was killed: what was written up to the last whole second.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use kneepoint_model::histogram::{IntervalLine, LatencyHistogram};
use kneepoint_model::load::{LoadPhase, SecondStats};
use kneepoint_model::run::{RunError, RunFolder, names};
use kneepoint_model::units::UnixMillis;

use crate::error::LoadError;
use crate::phase::health::GeneratorCost;
use crate::phase::result::{PhaseEnding, build_result};
use crate::recorder::{CountsLine, HistogramTag, PhaseTotals, PlanRecord, parse_tag};

/// Rebuilds a phase that did not reach its end; `None` when it never began. The result is marked partial.
///
/// # Errors
/// A file of the phase cannot be read.
pub fn recover_phase(run: &RunFolder, phase: &str) -> Result<Option<LoadPhase>, LoadError> {
    let Some(record) = run.read_json_if_exists::<PlanRecord>(&names::load_plan(phase))? else {
        return Ok(None);
    };
    let mut totals = PhaseTotals::new(record.endpoints.len());
    read_interval_log(run, &record, &mut totals)?;
    let (tallies, _) = run.read_lines::<CountsLine>(&names::tallies(phase))?;
    for line in tallies {
        add_counts(&mut totals, line, &record);
    }
    (totals.seconds, _) = run.read_lines::<SecondStats>(&names::seconds(phase))?;
    // Each second that was written is a whole one, except the very last of the phase.
    let last = totals.seconds.iter().filter(|second| !second.warmup).map(|second| second.at_ms).max();
    let until = last.map_or(record.measured_from_ms, |at| UnixMillis(at.get() + 1000));
    let ending = PhaseEnding {
        until_ms: until.min(record.measured_until_ms),
        cost: GeneratorCost::default(),
        local_faults: 0,
        partial: true,
        stopped_by: None,
    };
    Ok(Some(build_result(&record, &totals, &ending)))
}

/// Adds a line; segments and groups that were not planned are ignored.
fn add_counts(totals: &mut PhaseTotals, line: CountsLine, record: &PlanRecord) {
    totals.due += line.due;
    totals.ended += line.ended;
    totals.journeys += line.journeys;
    totals.journeys_failed += line.journeys_failed;
    totals.add_exhausted_feeds(&line.exhausted_feeds);
    for (segment, counts) in line.segments.into_iter().enumerate().take(record.segments.len()) {
        totals.segments.add(segment, counts);
    }
    for (group, counts) in line.groups.into_iter().enumerate().take(record.groups.len()) {
        totals.groups.add(group, counts);
    }
    for (at, counts) in line.endpoints {
        if let Some(series) = totals.series.get_mut(at) {
            series.counts.merge(&counts);
        }
    }
    for (at, exemplar) in &line.exemplars {
        totals.exemplars.merge_one(*at, exemplar);
    }
}

fn read_interval_log(run: &RunFolder, record: &PlanRecord, totals: &mut PhaseTotals) -> Result<(), RunError> {
    let path = run.path(&names::hlog(&record.name));
    let failed = |source| RunError::Io { action: "read", path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(failed)?;
        let Some(interval) = std::str::from_utf8(&line).ok().and_then(IntervalLine::parse) else { continue };
        let sum = match parse_tag(&interval.tag) {
            Some(HistogramTag::Endpoint(tag, kind)) => endpoint_histogram(record, totals, tag, kind),
            Some(HistogramTag::Segment(at, kind)) if at < record.segments.len() => {
                segment_histogram(totals, at, kind)
            }
            Some(HistogramTag::Group(tag)) => group_histogram(record, totals, tag),
            _ => None,
        };
        if let Some(sum) = sum {
            sum.merge(&interval.histogram);
        }
    }
    Ok(())
}

fn endpoint_histogram<'a>(
    record: &PlanRecord,
    totals: &'a mut PhaseTotals,
    tag: &str,
    kind: &str,
) -> Option<&'a mut LatencyHistogram> {
    match (record.endpoints.iter().position(|endpoint| endpoint.tag == tag), kind) {
        (Some(at), "response") => Some(&mut totals.series[at].response),
        (Some(at), "service") => Some(&mut totals.series[at].service),
        (Some(at), "ttfb") => Some(&mut totals.series[at].ttfb),
        (Some(at), "page") => Some(totals.series[at].page_times_mut()),
        (None, "connect") => Some(&mut totals.connect),
        (None, "tls") => Some(&mut totals.tls),
        (None, "sched_lag") => Some(&mut totals.sched_lag),
        (None, "pool_wait") => Some(&mut totals.pool_wait),
        _ => None,
    }
}

fn group_histogram<'a>(
    record: &PlanRecord,
    totals: &'a mut PhaseTotals,
    tag: &str,
) -> Option<&'a mut LatencyHistogram> {
    let at = record.groups.iter().position(|group| group.tag == tag)?;
    Some(&mut totals.groups.series_mut(at).time)
}

fn segment_histogram<'a>(
    totals: &'a mut PhaseTotals,
    segment: usize,
    kind: &str,
) -> Option<&'a mut LatencyHistogram> {
    match kind {
        "response" => Some(&mut totals.segments.series_mut(segment).response),
        "service" => Some(&mut totals.segments.series_mut(segment).service),
        _ => None,
    }
}
