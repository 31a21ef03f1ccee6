//! The files of a phase, written as it goes: the plan first, then each second the interval log, the seconds and the counts.
//!
//! `kill -9` leaves whole lines; [`crate::recover_phase`] reads them back.

use std::time::Instant;

use kneepoint_model::histogram::{IntervalLine, LatencyHistogram};
use kneepoint_model::load::SecondStats;
use kneepoint_model::run::{LineWriter, RunError, RunFolder, names};

use super::endpoints::Endpoint;
use super::interval::{EndpointSeries, IntervalStats};
use super::records::{CountsLine, GENERATOR, GROUP, PlanRecord, SEGMENT, WARMUP};
use super::segments::SegmentSeries;
use super::totals::second_stats;
use crate::window::Window;

/// The open files of a phase.
pub(crate) struct PhaseFiles {
    window: Window,
    endpoints: Vec<Endpoint>,
    groups: Vec<Endpoint>,
    log: LineWriter,
    seconds: LineWriter,
    tallies: LineWriter,
}

impl PhaseFiles {
    /// Writes the plan and opens the files, empty: a phase that runs again replaces them.
    pub(crate) fn create(run: &RunFolder, window: Window, record: &PlanRecord) -> Result<Self, RunError> {
        let phase = &record.name;
        let fresh = |name: String, content: &str| {
            run.write(&name, content.as_bytes())?;
            run.append(&name)
        };
        let header = IntervalLine::header(window.started_ms);
        let log = fresh(names::hlog(phase), &header)?;
        let seconds = fresh(names::seconds(phase), "")?;
        let tallies = fresh(names::tallies(phase), "")?;
        run.write_json(&names::load_plan(phase), record)?;
        let (endpoints, groups) = (record.endpoints.clone(), record.groups.clone());
        Ok(Self { window, endpoints, groups, log, seconds, tallies })
    }

    /// Writes what ended between two moments. Returns the statistics of the second; an interval after the measured part (the
    /// drain) has none.
    pub(crate) fn write_interval(
        &mut self,
        interval: &IntervalStats,
        from: Instant,
        to: Instant,
        in_flight: u64,
    ) -> Result<Option<SecondStats>, RunError> {
        let start_s = from.saturating_duration_since(self.window.start).as_secs_f64();
        let length_s = to.saturating_duration_since(from).as_secs_f64();
        let mut line = |tag: String, histogram: &LatencyHistogram| {
            if histogram.is_empty() {
                return Ok(());
            }
            self.log
                .append_line(&IntervalLine { tag, start_s, length_s, histogram: histogram.clone() }.format())
        };
        for (series, suffix) in [(&interval.measured, ""), (&interval.warmup, WARMUP)] {
            for (endpoint, series) in self.endpoints.iter().zip(series) {
                let Some(EndpointSeries { response, service, ttfb, page, .. }) = series.as_deref() else {
                    continue;
                };
                for (kind, histogram) in [("response", response), ("service", service), ("ttfb", ttfb)] {
                    line(format!("{}|{kind}{suffix}", endpoint.tag), histogram)?;
                }
                if let Some(page) = page {
                    line(format!("{}|page{suffix}", endpoint.tag), page)?;
                }
            }
        }
        for (number, SegmentSeries { response, service, .. }) in (1..).zip(interval.segments.iter()) {
            for (kind, histogram) in [("response", response), ("service", service)] {
                line(format!("{number}|{kind}|{SEGMENT}"), histogram)?;
            }
        }
        for (group, series) in self.groups.iter().zip(interval.groups.iter()) {
            line(format!("{}|time|{GROUP}", group.tag), &series.time)?;
        }
        for (kind, histogram) in [
            ("connect", &interval.connect),
            ("tls", &interval.tls),
            ("sched_lag", &interval.sched_lag),
            ("pool_wait", &interval.pool_wait),
        ] {
            line(format!("{GENERATOR}|{kind}"), histogram)?;
        }
        self.tallies.append_json(&self.counts_line(interval, from))?;
        let stats = (from < self.window.until)
            .then(|| second_stats(interval, self.window.to_ms(from), from < self.window.from, in_flight));
        if let Some(stats) = &stats {
            self.seconds.append_json(stats)?;
        }
        Ok(stats)
    }

    fn counts_line(&self, interval: &IntervalStats, from: Instant) -> CountsLine {
        let endpoints = interval.measured.iter().enumerate().filter_map(|(at, series)| {
            let series = series.as_ref().filter(|series| !series.is_empty())?;
            Some((at, series.counts.clone()))
        });
        CountsLine {
            at_ms: self.window.to_ms(from),
            due: interval.due,
            ended: interval.ended,
            journeys: interval.journeys,
            journeys_failed: interval.journeys_failed,
            exhausted_feeds: interval.exhausted_feeds.clone(),
            segments: interval.segments.iter().map(|segment| segment.counts).collect(),
            groups: interval.groups.iter().map(|group| group.counts).collect(),
            endpoints: endpoints.collect(),
            exemplars: interval.exemplars.merge_order().cloned().collect(),
        }
    }

    /// Flushes to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), RunError> {
        self.log.sync()?;
        self.tallies.sync()?;
        self.seconds.sync()
    }
}
