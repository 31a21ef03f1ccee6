//! The files of a phase, written as it goes: plan first, then each second the interval log, the seconds and the tallies.
//!
//! `kill -9` leaves whole lines; [`crate::recover_phase`] reads them back.

use std::collections::BTreeMap;
use std::time::Instant;

use kneepoint_model::histogram::{IntervalLine, LatencyHistogram};
use kneepoint_model::load::{Exemplar, HttpVersion, LoadModel, Pacing};
use kneepoint_model::load_segment::LoadSegment;
use kneepoint_model::run::{FORMAT_VERSION, LineWriter, RunError, RunFolder, names as run_names};
use kneepoint_model::units::UnixMillis;
use kneepoint_scenarios::{Scenario, StepSlo};
use serde::{Deserialize, Serialize};

use super::groups::GroupTally;
use super::ledger::second;
use super::shard::{Series, Shard};
use super::stages::{StageSeries, StageTally};
use super::tally::Tally;
use crate::plan::PhasePlan;
use crate::window::Window;

/// Names of the files that only load reads.
pub(crate) mod names {
    use kneepoint_model::run::names::LOAD;

    pub(crate) fn plan(phase: &str) -> String {
        format!("{LOAD}/{phase}.plan.json")
    }
    pub(crate) fn tallies(phase: &str) -> String {
        format!("{LOAD}/{phase}.tallies.jsonl")
    }
}

/// An endpoint and its tag in the interval log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) tag: String,
    /// What the scenarios promise of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) slo: Vec<String>,
}

/// A feed of a scenario, for the sentence that is said when it runs dry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FeedRecord {
    pub(crate) scenario: String,
    pub(crate) feed: String,
    pub(crate) rows: u64,
}

/// What was planned: everything that a result needs and the other files do not say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlanRecord {
    pub(crate) format_version: u32,
    pub(crate) name: String,
    pub(crate) load: LoadModel,
    #[serde(default)]
    pub(crate) http: HttpVersion,
    pub(crate) scenarios: BTreeMap<String, u32>,
    pub(crate) seed: u64,
    pub(crate) started_ms: UnixMillis,
    pub(crate) measured_from_ms: UnixMillis,
    pub(crate) measured_until_ms: UnixMillis,
    #[serde(default)]
    pub(crate) stages: Vec<LoadSegment>,
    #[serde(default)]
    pub(crate) pacing: Option<Pacing>,
    pub(crate) endpoints: Vec<Endpoint>,
    /// Scenario by scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) feeds: Vec<FeedRecord>,
    /// Groups of steps with their tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<Endpoint>,
}

impl PlanRecord {
    pub(crate) fn new(plan: &PhasePlan, window: &Window, endpoints: &[Endpoint]) -> Self {
        let mut scenarios = BTreeMap::new();
        for (scenario, weight) in plan.scenarios.iter().filter(|(_, weight)| *weight > 0) {
            *scenarios.entry(scenario.name().to_owned()).or_insert(0) += weight;
        }
        for (journey, weight) in plan.journeys.iter().filter(|(_, weight)| *weight > 0) {
            *scenarios.entry(journey.name().to_owned()).or_insert(0) += weight;
        }
        Self {
            format_version: FORMAT_VERSION,
            name: plan.name.clone(),
            load: plan.model,
            http: plan.http,
            scenarios,
            seed: plan.seed,
            started_ms: window.started_ms,
            measured_from_ms: window.to_ms(window.from),
            measured_until_ms: window.to_ms(window.until),
            stages: plan.any_stages(),
            pacing: plan.pacing(),
            endpoints: endpoints.to_vec(),
            feeds: feeds_of(&plan.scenarios),
            groups: groups_of(&plan.scenarios).0,
        }
    }
}

/// The feeds of a mix, scenario by scenario.
fn feeds_of(scenarios: &[(Scenario, u32)]) -> Vec<FeedRecord> {
    let of_one = |scenario: &Scenario| {
        let scenario_name = scenario.name().to_owned();
        let record = |(feed, rows): (&str, u64)| FeedRecord {
            scenario: scenario_name.clone(),
            feed: feed.to_owned(),
            rows,
        };
        scenario.feeds().map(record).collect::<Vec<_>>()
    };
    scenarios.iter().flat_map(|(scenario, _)| of_one(scenario)).collect()
}

/// Endpoints of a mix in the order of its files, and for each scenario and step the endpoint's number. Steps of the same
/// name are one endpoint.
pub(crate) fn endpoints_of(scenarios: &[(Scenario, u32)]) -> (Vec<Endpoint>, Vec<Vec<usize>>) {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut numbers = Vec::new();
    for (scenario, _) in scenarios {
        let mut own = Vec::new();
        for step in scenario.steps() {
            let number = number_of(&mut endpoints, step.name());
            let promised = &mut endpoints[number].slo;
            for promise in step.slo().iter().map(StepSlo::assertion) {
                if !promised.iter().any(|own| own == promise) {
                    promised.push(promise.to_owned());
                }
            }
            own.push(number);
            if step.loads_assets() {
                number_of(&mut endpoints, &assets_name(step.name()));
            }
        }
        numbers.push(own);
    }
    (endpoints, numbers)
}

/// Groups of a mix in the order of its files, and for each scenario and step the group's number. Groups of the same name are
/// one.
pub(crate) fn groups_of(scenarios: &[(Scenario, u32)]) -> (Vec<Endpoint>, Vec<Vec<Option<usize>>>) {
    let mut groups: Vec<Endpoint> = Vec::new();
    let mut number = |name: &str| number_of(&mut groups, name);
    let mut numbers = Vec::new();
    for (scenario, _) in scenarios {
        numbers.push(scenario.steps().iter().map(|step| step.group().map(&mut number)).collect());
    }
    (groups, numbers)
}

/// The number of an endpoint, which is added unless it is there.
pub(crate) fn number_of(endpoints: &mut Vec<Endpoint>, name: &str) -> usize {
    if let Some(known) = endpoints.iter().position(|endpoint| endpoint.name == name) {
        return known;
    }
    let tag = unique(tag(name), endpoints);
    endpoints.push(Endpoint { name: name.to_owned(), tag, slo: Vec::new() });
    endpoints.len() - 1
}

/// The endpoint of what a step's page is loaded with: apart, so that figures of pages are not diluted.
pub(crate) fn assets_name(step: &str) -> String {
    format!("{step} +assets")
}

fn tag(name: &str) -> String {
    name.chars()
        .map(|c| if c == ',' || c == '|' || c.is_whitespace() || c.is_control() { '_' } else { c })
        .collect()
}

fn unique(tag: String, endpoints: &[Endpoint]) -> String {
    let taken = |tag: &str| endpoints.iter().any(|endpoint| endpoint.tag == tag);
    if !taken(&tag) {
        return tag;
    }
    let numbered = (2..=endpoints.len() + 2).map(|n| format!("{tag}~{n}"));
    numbered.into_iter().find(|tag| !taken(tag)).expect("more numbers than endpoints")
}

/// Tag of the generator's own histograms.
const GENERATOR: &str = "generator";
/// Ends the tags of what was due before the measured part.
const WARMUP: &str = "|warmup";

/// Ends the tags of stages.
const STAGE: &str = "stage";

/// Ends the tags of groups.
const GROUP: &str = "group";

/// Whose histogram it is, and of what kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag<'a> {
    /// Of an endpoint's tag, or `generator`.
    Endpoint(&'a str, &'a str),
    /// Of the stage of this number, from 0.
    Stage(usize, &'a str),
    /// Of the group with this tag.
    Group(&'a str),
}

/// What a measured tag says; `None` for warm-up and garbage.
pub(crate) fn split_tag(tag: &str) -> Option<Tag<'_>> {
    let parts: Vec<&str> = tag.split('|').collect();
    match parts.as_slice() {
        [endpoint, kind] => Some(Tag::Endpoint(endpoint, kind)),
        [group, "time", GROUP] => Some(Tag::Group(group)),
        [number, kind, STAGE] => Some(Tag::Stage(number.parse::<usize>().ok()?.checked_sub(1)?, kind)),
        _ => None,
    }
}

/// One line of tallies: what an interval adds to the measured part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TallyLine {
    pub(crate) at_ms: UnixMillis,
    pub(crate) due: u64,
    pub(crate) ended: u64,
    pub(crate) journeys: u64,
    pub(crate) journeys_failed: u64,
    /// Journeys that were not begun, by feed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) dry: BTreeMap<usize, u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stages: Vec<StageTally>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<GroupTally>,
    pub(crate) endpoints: BTreeMap<usize, Tally>,
    pub(crate) exemplars: Vec<(usize, Exemplar)>,
}

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
    /// Writes the plan and opens the files, empty: a phase that is run again replaces what was there.
    pub(crate) fn create(run: &RunFolder, window: Window, record: &PlanRecord) -> Result<Self, RunError> {
        let phase = &record.name;
        let fresh = |name: String, content: &str| {
            run.write(&name, content.as_bytes())?;
            run.append(&name)
        };
        let header = IntervalLine::header(window.started_ms);
        let log = fresh(run_names::hlog(phase), &header)?;
        let seconds = fresh(run_names::seconds(phase), "")?;
        let tallies = fresh(names::tallies(phase), "")?;
        run.write_json(&names::plan(phase), record)?;
        let (endpoints, groups) = (record.endpoints.clone(), record.groups.clone());
        Ok(Self { window, endpoints, groups, log, seconds, tallies })
    }

    /// Writes what ended between two moments. Intervals after the measured part (draining) are no seconds of it.
    pub(crate) fn interval(
        &mut self,
        shard: &Shard,
        from: Instant,
        to: Instant,
        in_flight: u64,
    ) -> Result<Option<kneepoint_model::load::SecondStats>, RunError> {
        let start_s = from.saturating_duration_since(self.window.start).as_secs_f64();
        let length_s = to.saturating_duration_since(from).as_secs_f64();
        let mut line = |tag: String, histogram: &LatencyHistogram| {
            if histogram.is_empty() {
                return Ok(());
            }
            self.log
                .append_line(&IntervalLine { tag, start_s, length_s, histogram: histogram.clone() }.format())
        };
        for (series, suffix) in [(&shard.measured, ""), (&shard.warmup, WARMUP)] {
            for (endpoint, series) in self.endpoints.iter().zip(series) {
                let Some(Series { response, service, ttfb, page, .. }) = series.as_deref() else { continue };
                for (kind, histogram) in [("response", response), ("service", service), ("ttfb", ttfb)] {
                    line(format!("{}|{kind}{suffix}", endpoint.tag), histogram)?;
                }
                if let Some(page) = page {
                    line(format!("{}|page{suffix}", endpoint.tag), page)?;
                }
            }
        }
        for (number, StageSeries { response, service, .. }) in (1..).zip(shard.stages.iter()) {
            for (kind, histogram) in [("response", response), ("service", service)] {
                line(format!("{number}|{kind}|{STAGE}"), histogram)?;
            }
        }
        for (group, series) in self.groups.iter().zip(shard.groups.iter()) {
            line(format!("{}|time|{GROUP}", group.tag), &series.time)?;
        }
        for (kind, histogram) in [
            ("connect", &shard.connect),
            ("tls", &shard.tls),
            ("sched_lag", &shard.sched_lag),
            ("pool_wait", &shard.pool_wait),
        ] {
            line(format!("{GENERATOR}|{kind}"), histogram)?;
        }
        self.tallies.append_json(&self.tally_line(shard, from))?;
        let stats = (from < self.window.until)
            .then(|| second(shard, self.window.to_ms(from), from < self.window.from, in_flight));
        if let Some(stats) = &stats {
            self.seconds.append_json(stats)?;
        }
        Ok(stats)
    }

    fn tally_line(&self, shard: &Shard, from: Instant) -> TallyLine {
        let endpoints = shard.measured.iter().enumerate().filter_map(|(at, series)| {
            let series = series.as_ref().filter(|series| !series.is_empty())?;
            Some((at, series.tally.clone()))
        });
        TallyLine {
            at_ms: self.window.to_ms(from),
            due: shard.due,
            ended: shard.ended,
            journeys: shard.journeys,
            journeys_failed: shard.journeys_failed,
            dry: shard.dry.clone(),
            stages: shard.stages.iter().map(|stage| stage.tally).collect(),
            groups: shard.groups.iter().map(|group| group.tally).collect(),
            endpoints: endpoints.collect(),
            exemplars: shard.exemplars.in_order().cloned().collect(),
        }
    }

    /// Makes sure that what was written survives.
    pub(crate) fn sync(&mut self) -> Result<(), RunError> {
        self.log.sync()?;
        self.tallies.sync()?;
        self.seconds.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_one_name_are_one_endpoint_and_tags_are_told_apart() {
        let read = |text: &str| Scenario::parse("x", text).unwrap_or_else(|e| panic!("{e}"));
        let a = read(
            "name = \"a\"\n[[step]]\nname = \"GET /x y\"\npath = \"/1\"\n[[step]]\nname = \"GET /x,y\"\npath = \"/2\"\n",
        );
        let b = read(
            "name = \"b\"\n[[step]]\nname = \"GET /x y\"\npath = \"/3\"\nslo = { p95 = \"1s\" }\n[[step]]\nname = \"GET /x y\"\npath = \"/4\"\nslo = { p95 = \"1s\", p50 = \"9ms\" }\n",
        );
        let (endpoints, numbers) = endpoints_of(&[(a, 1), (b, 2)]);
        let tags: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.tag.as_str()).collect();
        assert_eq!(tags, ["GET_/x_y", "GET_/x_y~2"]);
        assert_eq!(numbers, [vec![0, 1], vec![0, 0]]);
        assert_eq!(endpoints[0].slo, ["p95 <= 1s", "p50 <= 9ms"]);
        assert_eq!(split_tag("GET_/x_y|response"), Some(Tag::Endpoint("GET_/x_y", "response")));
        assert_eq!(split_tag("2|response|stage"), Some(Tag::Stage(1, "response")));
        assert_eq!(split_tag("check_out|time|group"), Some(Tag::Group("check_out")));
        assert_eq!(split_tag("0|response|stage"), None);
        assert_eq!(split_tag("GET_/x_y|response|warmup"), None);
    }
}
