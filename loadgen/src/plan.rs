//! What one phase of load shall be: values only.

use std::sync::Arc;
use std::time::Duration;

use kneepoint_model::load::{HttpVersion, LoadModel, Pacing};
use kneepoint_model::load_segment::RateSegment;
use kneepoint_model::load_segment::{LoadSegment, UserSegment};
use kneepoint_model::rate_schedule::RateSchedule;
use kneepoint_model::stop_condition::StopCondition;
use kneepoint_model::units::{Micros, PerSecond};
use kneepoint_model::user_schedule::UserSchedule;
use kneepoint_model::via::Via;
use kneepoint_scenarios::{Replay, Scenario};
use url::Url;

use crate::coded::Journey;
use crate::coding::Coding;
use crate::error::LoadError;
use crate::pacer::Arrivals;
use crate::transport::ReadRate;
use crate::wake::Wake;

/// The plan of one phase. Made by [`PhasePlan::new`] with defaults, then changed field by field; checked when it runs.
#[derive(Debug, Clone)]
pub struct PhasePlan {
    /// Name of the phase and of its files: letters, digits, `-` and `_`.
    pub name: String,
    /// Closed or open, with its size.
    pub model: LoadModel,
    /// What visitors do, with weights.
    pub scenarios: Vec<(Scenario, u32)>,
    /// What visitors do that is written in Rust, with weights; they are part of the same mix.
    pub journeys: Vec<(Arc<dyn Journey>, u32)>,
    /// Where: scheme, host and port; a path is not used.
    pub base_url: Url,
    /// `Host` header, when it is not the host of `base_url`.
    pub host_header: Option<String>,
    /// How connections are made, where `base_url` does not say it.
    pub via: Via,
    /// The protocol that is spoken.
    pub http: HttpVersion,
    /// Before the measured part; in no figure. Closed users start during its first half.
    pub warmup: Duration,
    /// Length of the measured part.
    pub duration: Duration,
    /// Seed of every random choice.
    pub seed: u64,
    /// A step (its redirects included) that takes longer has failed.
    pub timeout: Duration,
    /// How long unfinished requests may still take after the measured part; then they count as censored.
    pub drain: Duration,
    /// Requests in flight at the same time in the open model; later ones wait in order and keep their intended start.
    pub max_in_flight: usize,
    /// Connections that the open model opens before its first arrival, with HTTP/1.1; the others are opened when they are needed.
    pub connect_ahead: usize,
    /// A request that has waited so long for its turn is not sent any more, and counts as shed; never, when absent.
    pub shed_after: Option<Duration>,
    /// How the open model waits for the next arrival.
    pub wake: Wake,
    /// Limits at which the phase is stopped, when they are exceeded for some seconds in a row.
    pub stop_when: Vec<StopCondition>,
    /// Longest body, as received and as decoded, in bytes.
    pub max_body: u64,
    /// Bytes per second that each connection takes, when visitors are slow; with HTTP/1.1 only.
    pub read_rate: Option<ReadRate>,
    /// How bodies may be packed: `Accept-Encoding`, where a step does not say it itself.
    pub accept_encoding: Vec<Coding>,
    /// `User-Agent` header.
    pub user_agent: String,
    /// Multiplies every think time.
    pub think_scale: f64,
    /// Threads of the open model; arrivals go to them in turn.
    pub threads: usize,
    /// Whether each of them keeps to one core.
    pub pin: bool,
    /// How arrivals of the open model are spread.
    pub arrivals: Arrivals,
    /// Stages of the open model, where its rate changes; set by [`PhasePlan::in_stages`].
    pub stages: Vec<RateSegment>,
    /// Stages of the closed model, where its number of users changes; set by [`PhasePlan::in_user_stages`].
    pub user_stages: Vec<UserSegment>,
    /// A log whose requests come again instead of journeys; set by [`PhasePlan::replaying`].
    pub replay: Option<Recorded>,
}

/// A log, and how much faster its requests come than they once did.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The log.
    pub log: Arc<Replay>,
    /// 1 is the speed of the log itself.
    pub speed: f64,
}

impl Recorded {
    /// When the requests are due, from the first.
    pub(crate) fn due(&self) -> impl Iterator<Item = Duration> {
        (0..self.log.request_count()).filter_map(|n| self.log.due(n)).map(|due| due.div_f64(self.speed))
    }
}

/// More threads than any machine has cores for load.
const MOST_THREADS: usize = 64;
/// More stages are a mistake.
const MOST_STAGES: usize = 100;

impl PhasePlan {
    /// A plan with defaults: 2 s of warm-up, 10 s measured, timeout 10 s, 512 in flight, evenly spread arrivals.
    pub fn new(name: &str, model: LoadModel, base_url: Url, scenarios: Vec<(Scenario, u32)>) -> Self {
        Self {
            name: name.to_owned(),
            model,
            scenarios,
            journeys: Vec::new(),
            base_url,
            host_header: None,
            via: Via::default(),
            http: HttpVersion::default(),
            warmup: Duration::from_secs(2),
            duration: Duration::from_secs(10),
            seed: 1,
            timeout: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            max_in_flight: 512,
            connect_ahead: 0,
            shed_after: None,
            wake: Wake::Automatic,
            stop_when: Vec::new(),
            max_body: 32 << 20,
            read_rate: None,
            accept_encoding: vec![Coding::Gzip],
            user_agent: concat!("kneepoint/", env!("CARGO_PKG_VERSION")).to_owned(),
            think_scale: 1.0,
            threads: 1,
            pin: false,
            arrivals: Arrivals::Constant,
            stages: Vec::new(),
            user_stages: Vec::new(),
            replay: None,
        }
    }

    /// The same with journeys written in Rust beside its scenarios.
    #[must_use]
    pub fn with_journeys(mut self, journeys: Vec<(Arc<dyn Journey>, u32)>) -> Self {
        self.journeys = journeys;
        self
    }

    /// All that visitors may do: scenarios first, then journeys in Rust.
    pub(crate) fn ways(&self) -> usize {
        self.scenarios.len() + self.journeys.len()
    }

    /// Weights of all that visitors may do.
    pub(crate) fn weights(&self) -> Vec<u32> {
        let scenarios = self.scenarios.iter().map(|(_, weight)| *weight);
        scenarios.chain(self.journeys.iter().map(|(_, weight)| *weight)).collect()
    }

    /// Where the load goes, without a password that the address may hold.
    pub(crate) fn site_address(&self) -> String {
        self.base_url.origin().ascii_serialization()
    }

    /// The same as an open phase in which the requests of a log come again, each at its own moment. The beginning of the log
    /// is the warm-up, at most a fifth of it.
    #[must_use]
    pub fn replaying(mut self, log: Arc<Replay>, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        let count = log.request_count();
        let last = log.due(count.saturating_sub(1)).unwrap_or_default().div_f64(speed);
        // The last request has the mean gap after it, as all others have.
        let whole_us = last.as_micros() as f64 * count as f64 / (count.max(2) - 1) as f64;
        let length = Duration::from_micros(whole_us.round() as u64).max(Duration::from_millis(500));
        self.warmup = self.warmup.min(length / 5);
        self.duration = length.saturating_sub(self.warmup);
        self.model = LoadModel::Open { rate: PerSecond::from_count(count as u64, length) };
        self.scenarios = vec![(log.scenario().clone(), 1)];
        self.journeys.clear();
        self.replay = Some(Recorded { log, speed });
        self
    }

    /// The same as an open phase whose rate goes through these stages: they are its measured part, and the model has their
    /// mean rate. The warm-up keeps the mean rate of the first stage that has visitors.
    #[must_use]
    pub fn in_stages(mut self, stages: Vec<RateSegment>) -> Self {
        self.duration = stages.iter().map(RateSegment::length).sum();
        let arrivals = RateSchedule::new(&stages).arrivals();
        let seconds = self.duration.as_secs_f64().max(f64::MIN_POSITIVE);
        self.model = LoadModel::Open { rate: PerSecond(arrivals / seconds) };
        self.stages = stages;
        self
    }

    /// The same as a closed phase whose number of users goes through these stages: they are its measured part, and the model
    /// has their largest number. The warm-up has as many users as the first stage begins with, at least one.
    #[must_use]
    pub fn in_user_stages(mut self, stages: Vec<UserSegment>) -> Self {
        self.duration = stages.iter().map(UserSegment::length).sum();
        self.model =
            LoadModel::Closed { users: stages.iter().map(UserSegment::peak).max().unwrap_or_default() };
        self.user_stages = stages;
        self
    }

    /// The stages of either model.
    pub(crate) fn any_stages(&self) -> Vec<LoadSegment> {
        match self.model {
            LoadModel::Open { .. } => self.stages.iter().copied().map(LoadSegment::Rate).collect(),
            LoadModel::Closed { .. } => self.user_stages.iter().copied().map(LoadSegment::Users).collect(),
        }
    }

    /// Who is there when, over warm-up and measured part: users come evenly during the first half of the warm-up.
    pub(crate) fn crowd(&self) -> UserSchedule {
        let LoadModel::Closed { users } = self.model else { return UserSchedule::new(Vec::new()) };
        let stage = |users_from, users_to, length| UserSegment {
            users_from,
            users_to,
            length_us: Micros::from_duration(length),
        };
        let first = self.user_stages.first().map_or(users, |first| first.users_from.max(1));
        let half = self.warmup / 2;
        let mut stages = vec![stage(0, first, half), stage(first, first, self.warmup.saturating_sub(half))];
        stages.extend(&self.user_stages);
        if self.user_stages.is_empty() {
            stages.push(stage(users, users, self.duration));
        }
        UserSchedule::new(stages)
    }

    /// The rate over warm-up and measured part.
    pub(crate) fn schedule(&self) -> RateSchedule {
        let LoadModel::Open { rate } = self.model else { return RateSchedule::new(&[]) };
        let length = |duration| Micros::from_duration(duration);
        let mut stages = self.stages.clone();
        if stages.is_empty() {
            return RateSchedule::new(&[RateSegment::hold(rate, length(self.warmup + self.duration))]);
        }
        if !self.warmup.is_zero() {
            let first = stages.iter().map(RateSegment::mean).find(|mean| mean.0 > 0.0).unwrap_or_default();
            stages.insert(0, RateSegment::hold(first, length(self.warmup)));
        }
        RateSchedule::new(&stages)
    }

    /// How the open model waits, decided; `None` in the closed model, where nobody waits for a moment.
    pub(crate) fn pacing(&self) -> Option<Pacing> {
        let LoadModel::Open { .. } = self.model else { return None };
        // A log is not as even as its mean rate: its arrivals are kept to the moment.
        let peak = if self.replay.is_some() { PerSecond(0.0) } else { self.schedule().peak() };
        Some(self.wake.pacing(peak, self.threads))
    }

    /// Ends of the stages, from the beginning of the measured part.
    pub(crate) fn stage_ends(&self) -> Vec<Duration> {
        let mut end = Duration::ZERO;
        let add = |stage: &LoadSegment| {
            end += stage.length();
            end
        };
        self.any_stages().iter().map(add).collect()
    }

    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let wrong =
            |problem: &str| Err(LoadError::Plan { phase: self.name.clone(), problem: problem.to_owned() });
        if self.name.is_empty()
            || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        {
            return wrong("a phase is named with letters, digits, - and _");
        }
        match self.model {
            LoadModel::Closed { users: 0 } => return wrong("it needs at least one user"),
            LoadModel::Closed { users } if users > 100_000 => return wrong("at most 100000 users"),
            LoadModel::Open { rate } if !(rate.0 > 0.0 && rate.0 <= 1_000_000.0) => {
                return wrong("the rate must be above 0 and at most 1000000 per second");
            }
            _ => {}
        }
        let stages = self.any_stages();
        if stages.len() > MOST_STAGES {
            return wrong("at most 100 stages");
        }
        if !stages.is_empty() && stages.iter().map(LoadSegment::length).sum::<Duration>() != self.duration {
            return wrong("its stages must be as long as its measured part");
        }
        if self.weights().iter().all(|weight| *weight == 0) {
            return wrong("no scenario has a weight above zero");
        }
        if self.duration < Duration::from_millis(100) {
            return wrong("the measured part must last at least 0.1 s");
        }
        if !(1..=MOST_THREADS).contains(&self.threads) {
            return wrong("it needs 1 to 64 threads");
        }
        if matches!(self.wake, Wake::Within(slack) if slack > Wake::MOST) {
            return wrong("arrivals may be sent together within 10 ms at most");
        }
        if self.timeout.is_zero() || self.max_in_flight == 0 {
            return wrong("timeout and max_in_flight must be above zero");
        }
        if self.connect_ahead > self.max_in_flight {
            return wrong("more connections are to be opened ahead than requests may be in flight");
        }
        if self.connect_ahead > 0 && self.http == HttpVersion::Http2 {
            return wrong(
                "connections are opened ahead (connect_ahead) with HTTP/1.1: on HTTP/2 visitors share one",
            );
        }
        if !self.think_scale.is_finite() || self.think_scale < 0.0 {
            return wrong("the think scale must be zero or more");
        }
        if self.read_rate.is_some() && self.http == HttpVersion::Http2 {
            return wrong(
                "slow readers (read_rate) speak HTTP/1.1: on HTTP/2 one connection has many visitors",
            );
        }
        if !matches!(self.base_url.scheme(), "http" | "https") || self.base_url.host_str().is_none() {
            return wrong("the target must be an http:// or https:// address");
        }
        Ok(())
    }
}
