//! Load: what users do, how many they are, how fast they come, and how they speak.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{Arrivals, ContentCoding, LoadOptions};
use kneepoint_model::crowd::AnyStage;
use kneepoint_model::load::HttpVersion;
use kneepoint_model::units::Span;
use kneepoint_scenarios::{Replay, Scenario};
use serde::Serialize;

use super::{seconds, set, time};
use crate::config::raw::RawConfig;
use crate::config::schedule::{self, log_of, said, speed, stages};
use crate::config::value::{Rate, Spread, StageText, StopText, WakeText};
use crate::config::wire::ReadRateText;
use crate::config::{ConfigError, Overrides};

/// Load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoadPart {
    pub(crate) http: HttpVersion,
    pub(crate) users: u32,
    #[serde(serialize_with = "seconds")]
    pub(crate) closed: Duration,
    #[serde(serialize_with = "seconds")]
    pub(crate) open: Duration,
    pub(crate) rate: Rate,
    /// Where there are any of a rate, the open phase goes through them, and `open` and `rate` are not used; where there are any
    /// of users, the closed phase does, and `closed` and `users` are not used.
    pub(crate) stages: Vec<StageText>,
    pub(crate) arrivals: Spread,
    /// An access log whose requests are the open phase, and how much faster they come. Read only for verbs that have one.
    #[serde(serialize_with = "said")]
    pub(crate) replay: Option<Arc<Replay>>,
    pub(crate) speed: f64,
    #[serde(serialize_with = "seconds")]
    pub(crate) warmup: Duration,
    #[serde(serialize_with = "seconds")]
    pub(crate) timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) connect_ahead: usize,
    pub(crate) shed_after: Option<Span>,
    pub(crate) wake: WakeText,
    pub(crate) accept_encoding: Vec<ContentCoding>,
    pub(crate) read_rate: Option<ReadRateText>,
    pub(crate) stop_when: Vec<StopText>,
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
            stop_when: self.stop_when.iter().map(|StopText(limit)| *limit).collect(),
            read_rate: self.read_rate.map(|ReadRateText(rate)| rate),
            accept_encoding: self.accept_encoding.clone(),
            think_scale: self.think,
            threads: self.threads,
            pin: self.pin,
            arrivals: match self.arrivals {
                Spread::Even => Arrivals::Constant,
                Spread::Poisson => Arrivals::Poisson,
            },
            ..LoadOptions::default()
        }
    }
}

/// What users do.
#[derive(Debug, Clone)]
pub(crate) enum Mix {
    /// Scenarios, read and validated, with their weights.
    Given(Vec<(Scenario, u32)>),
    /// The pages that the crawl finds.
    Crawled,
}

/// Makes it of the file and the command line.
pub(super) fn part(
    raw: &RawConfig,
    base: &Path,
    seed: u64,
    over: &Overrides,
    mix: Mix,
) -> Result<LoadPart, ConfigError> {
    let think = set(raw.load.think);
    if !(0.0..=100.0).contains(&think) {
        return Err(ConfigError::Merged(format!(
            "load.think = {think} is not between 0 and 100; e.g. think = 0.1"
        )));
    }
    let stages = stages(raw, over)?;
    let (log, times) = (log_of(raw, base, over), speed(raw, over)?);
    if log.is_some() && stages.iter().any(|StageText(stage)| matches!(stage, AnyStage::Rate(_))) {
        let why = "load.replay and load.stages both say when visitors come; leave one out";
        return Err(ConfigError::Merged(why.to_owned()));
    }
    if stages.is_empty()
        && log.is_none()
        && set(raw.load.closed).0.is_zero()
        && !set(raw.load.open).0.is_zero()
        && over.rate.unwrap_or(set(raw.load.rate)) == Rate::Auto
    {
        return Err(ConfigError::Merged(
            "load.rate = \"auto\" is taken from the closed phase, and load.closed is 0s; write a rate, e.g. rate = \"50/s\"".to_owned(),
        ));
    }
    // A log may be large: it is read only where it is going to be replayed.
    let replay = log.filter(|_| over.loads).map(|path| schedule::read(&path)).transpose()?;
    let part = LoadPart {
        http: over.http.unwrap_or(set(raw.load.http)),
        users: over.users.unwrap_or(set(raw.load.users).0),
        closed: time(raw.load.closed),
        open: time(raw.load.open),
        rate: over.rate.unwrap_or(set(raw.load.rate)),
        stages,
        arrivals: set(raw.load.arrivals),
        replay,
        speed: times,
        warmup: time(raw.load.warmup),
        timeout: time(raw.load.timeout),
        max_in_flight: set(raw.load.max_in_flight).0 as usize,
        connect_ahead: set(raw.load.connect_ahead) as usize,
        shed_after: raw.load.shed_after,
        wake: set(raw.load.wake),
        accept_encoding: set(raw.load.accept_encoding.clone()),
        read_rate: raw.load.read_rate,
        stop_when: set(raw.load.stop_when.clone()),
        threads: set(raw.load.threads).0 as usize,
        pin: set(raw.load.pin),
        think,
        mix,
        scenarios: raw.load.scenarios.clone().unwrap_or_default(),
        seed,
    };
    part.options().validate().map_err(ConfigError::Merged)?;
    Ok(part)
}
