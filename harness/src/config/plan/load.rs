//! Settings of load: scenarios, schedule, and transport.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{Arrivals, ContentCoding, LoadOptions};
use kneepoint_model::load::HttpVersion;
use kneepoint_model::load_segment::LoadSegment;
use kneepoint_model::units::Span;
use kneepoint_scenarios::{Replay, Scenario};
use serde::Serialize;

use crate::config::connection::ReadRateText;
use crate::config::raw::RawConfig;
use crate::config::required::{required, required_time, serialize_time};
use crate::config::schedule::{read_replay, read_segments, replay_path, replay_speed, serialize_replay};
use crate::config::value::{ArrivalSpread, PacingText, Rate, SegmentText, StopLimitText};
use crate::config::{ConfigError, Overrides};

/// `[load]`, with overrides applied.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoadPart {
    pub(crate) http: HttpVersion,
    pub(crate) users: u32,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) closed: Duration,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) open: Duration,
    pub(crate) rate: Rate,
    /// Where there are any of a rate, the open phase goes through them, and `open` and `rate` are not used; where there are any
    /// of users, the closed phase does, and `closed` and `users` are not used.
    pub(crate) stages: Vec<SegmentText>,
    pub(crate) arrivals: ArrivalSpread,
    /// An access log whose requests are the open phase, and how much faster they come. Read only for verbs that have one.
    #[serde(serialize_with = "serialize_replay")]
    pub(crate) replay: Option<Arc<Replay>>,
    pub(crate) speed: f64,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) warmup: Duration,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) connect_ahead: usize,
    pub(crate) shed_after: Option<Span>,
    pub(crate) wake: PacingText,
    pub(crate) accept_encoding: Vec<ContentCoding>,
    pub(crate) read_rate: Option<ReadRateText>,
    pub(crate) stop_when: Vec<StopLimitText>,
    pub(crate) threads: usize,
    pub(crate) pin: bool,
    pub(crate) think: f64,
    /// As written; empty means the default of the target.
    pub(crate) scenarios: BTreeMap<String, u32>,
    #[serde(skip)]
    pub(crate) mix: Mix,
    pub(crate) seed: u64,
}

impl LoadPart {
    /// The settings that do not depend on the phase, for the load generator.
    pub(crate) fn options(&self) -> LoadOptions {
        LoadOptions {
            http: self.http,
            seed: self.seed,
            timeout: self.timeout,
            max_in_flight: self.max_in_flight,
            connect_ahead: self.connect_ahead,
            shed_after: self.shed_after.map(|Span(after)| after),
            pacing: self.wake.0,
            stop_when: self.stop_when.iter().map(|StopLimitText(limit)| *limit).collect(),
            read_rate: self.read_rate.map(|ReadRateText(rate)| rate),
            accept_encoding: self.accept_encoding.clone(),
            think_scale: self.think,
            threads: self.threads,
            pin: self.pin,
            arrivals: match self.arrivals {
                ArrivalSpread::Even => Arrivals::Constant,
                ArrivalSpread::Poisson => Arrivals::Poisson,
            },
            ..LoadOptions::default()
        }
    }
}

/// The mix of scenarios.
#[derive(Debug, Clone)]
pub(crate) enum Mix {
    /// Scenarios, read and validated, with their weights.
    Given(Vec<(Scenario, u32)>),
    /// The pages that the crawl finds.
    Crawled,
}

/// Combines the file and the command line.
pub(super) fn part(
    raw: &RawConfig,
    base: &Path,
    seed: u64,
    over: &Overrides,
    mix: Mix,
) -> Result<LoadPart, ConfigError> {
    let think = required(raw.load.think);
    if !(0.0..=100.0).contains(&think) {
        return Err(ConfigError::Merged(format!(
            "load.think = {think} is not between 0 and 100; e.g. think = 0.1"
        )));
    }
    let stages = read_segments(raw, over)?;
    let (log, times) = (replay_path(raw, base, over), replay_speed(raw, over)?);
    if log.is_some() && stages.iter().any(|SegmentText(stage)| matches!(stage, LoadSegment::Rate(_))) {
        let why = "load.replay and load.segments both set the schedule of the open phase; remove one";
        return Err(ConfigError::Merged(why.to_owned()));
    }
    if stages.is_empty()
        && log.is_none()
        && required(raw.load.closed).0.is_zero()
        && !required(raw.load.open).0.is_zero()
        && over.rate.unwrap_or(required(raw.load.rate)) == Rate::Auto
    {
        return Err(ConfigError::Merged(
            "load.rate = \"auto\" is taken from the closed phase, and load.closed is 0s; write a rate, e.g. rate = \"50/s\"".to_owned(),
        ));
    }
    // A log may be large: it is read only where it is going to be replayed.
    let replay = log.filter(|_| over.has_open_phase).map(|path| read_replay(&path)).transpose()?;
    let part = LoadPart {
        http: over.http.unwrap_or(required(raw.load.http)),
        users: over.users.unwrap_or(required(raw.load.users).0),
        closed: required_time(raw.load.closed),
        open: required_time(raw.load.open),
        rate: over.rate.unwrap_or(required(raw.load.rate)),
        stages,
        arrivals: required(raw.load.arrivals),
        replay,
        speed: times,
        warmup: required_time(raw.load.warmup),
        timeout: required_time(raw.load.timeout),
        max_in_flight: required(raw.load.max_in_flight).0 as usize,
        connect_ahead: required(raw.load.connect_ahead) as usize,
        shed_after: raw.load.shed_after,
        wake: required(raw.load.wake),
        accept_encoding: required(raw.load.accept_encoding.clone()),
        read_rate: raw.load.read_rate,
        stop_when: required(raw.load.stop_when.clone()),
        threads: required(raw.load.threads).0 as usize,
        pin: required(raw.load.pin),
        think,
        mix,
        scenarios: raw.load.scenarios.clone().unwrap_or_default(),
        seed,
    };
    part.options().validate().map_err(ConfigError::Merged)?;
    Ok(part)
}
