//! Configuration of one phase of load. Values only.

mod load;
mod options;

use std::sync::Arc;
use std::time::Duration;

use kneepoint_model::load::Pacing;
use kneepoint_model::load_segment::RateSegment;
use kneepoint_model::load_segment::{LoadSegment, UserSegment};
use kneepoint_model::rate_schedule::RateSchedule;
use kneepoint_model::units::{Micros, PerSecond};
use kneepoint_model::user_schedule::UserSchedule;
use kneepoint_model::via::Via;
use kneepoint_scenarios::Scenario;
use url::Url;

pub use self::load::{PhaseLoad, RecordedLog};
pub use self::options::LoadOptions;
use crate::custom::Journey;
use crate::error::LoadError;

/// More segments than this are a mistake.
const MAX_SEGMENTS: usize = 100;
const MIN_DURATION: Duration = Duration::from_millis(100);

/// The plan of one phase. Made by [`PhasePlan::new`] with defaults, then changed field by field; validated when it runs.
#[derive(Debug, Clone)]
pub struct PhasePlan {
    /// Name of the phase and of its files: letters, digits, `-` and `_`.
    pub name: String,
    /// How many users, or how many journeys per second. Replaced by [`PhasePlan::with_load`].
    pub load: PhaseLoad,
    /// What users do, with weights.
    pub scenarios: Vec<(Scenario, u32)>,
    /// Custom journeys of the same mix, with weights.
    pub journeys: Vec<(Arc<dyn Journey>, u32)>,
    /// Scheme, host and port of the site; a path is ignored.
    pub base_url: Url,
    /// `Host` header, when it is not the host of `base_url`.
    pub host_header: Option<String>,
    /// How connections are made, as far as `base_url` does not determine it.
    pub via: Via,
    /// Time before the measured part; in no figure. Closed users start during its first half.
    pub warmup: Duration,
    /// Length of the measured part.
    pub duration: Duration,
    /// Settings that phases share.
    pub options: LoadOptions,
}

impl PhasePlan {
    /// A plan with defaults: 2 s of warm-up and 10 s measured, unless the load has a length of its own.
    pub fn new(
        name: &str,
        load: impl Into<PhaseLoad>,
        base_url: Url,
        scenarios: Vec<(Scenario, u32)>,
    ) -> Self {
        let plan = Self {
            name: name.to_owned(),
            load: PhaseLoad::Users(0),
            scenarios,
            journeys: Vec::new(),
            base_url,
            host_header: None,
            via: Via::default(),
            warmup: Duration::from_secs(2),
            duration: Duration::from_secs(10),
            options: LoadOptions::default(),
        };
        plan.with_load(load)
    }

    /// The same plan with custom journeys beside its scenarios.
    #[must_use]
    pub fn with_journeys(mut self, journeys: Vec<(Arc<dyn Journey>, u32)>) -> Self {
        self.journeys = journeys;
        self
    }

    /// The same plan with another load. Segments and logs set the length of the measured part; the beginning of a log is the
    /// warm-up, at most a fifth of it, and its requests replace scenarios and journeys.
    #[must_use]
    pub fn with_load(mut self, load: impl Into<PhaseLoad>) -> Self {
        self.load = load.into();
        self.fit_to_load();
        self
    }

    /// Sets warm-up and measured part, as far as the load has no length of its own.
    pub fn set_lengths(&mut self, warmup: Duration, duration: Duration) {
        (self.warmup, self.duration) = (warmup, duration);
        self.fit_to_load();
    }

    fn fit_to_load(&mut self) {
        match &self.load {
            PhaseLoad::Users(_) | PhaseLoad::Rate(_) => {}
            PhaseLoad::UserSegments(segments) => {
                self.duration = segments.iter().map(UserSegment::length).sum();
            }
            PhaseLoad::RateSegments(segments) => {
                self.duration = segments.iter().map(RateSegment::length).sum();
            }
            PhaseLoad::Replay(recorded) => {
                let length = recorded.length();
                self.warmup = self.warmup.min(length / 5);
                self.duration = length.saturating_sub(self.warmup);
                self.scenarios = vec![(recorded.log.scenario().clone(), 1)];
                self.journeys.clear();
            }
        }
    }

    /// Number of journeys in the mix: scenarios first, then custom journeys.
    pub(crate) fn journey_count(&self) -> usize {
        self.scenarios.len() + self.journeys.len()
    }

    /// Weights of all journeys of the mix.
    pub(crate) fn weights(&self) -> Vec<u32> {
        let scenarios = self.scenarios.iter().map(|(_, weight)| *weight);
        scenarios.chain(self.journeys.iter().map(|(_, weight)| *weight)).collect()
    }

    /// Where the load goes, without a password that the address may contain.
    pub(crate) fn site_address(&self) -> String {
        self.base_url.origin().ascii_serialization()
    }

    /// When each user is active, over warm-up and measured part: users start evenly during the first half of the warm-up.
    /// The warm-up has as many users as the first segment begins with, at least one.
    pub(crate) fn user_schedule(&self) -> UserSchedule {
        let (users, segments) = match &self.load {
            PhaseLoad::Users(users) => (*users, &[][..]),
            PhaseLoad::UserSegments(segments) => (0, segments.as_slice()),
            _ => return UserSchedule::new(Vec::new()),
        };
        let segment = |users_from, users_to, length| UserSegment {
            users_from,
            users_to,
            length_us: Micros::from_duration(length),
        };
        let first = segments.first().map_or(users, |first| first.users_from.max(1));
        let half = self.warmup / 2;
        let mut all = vec![segment(0, first, half), segment(first, first, self.warmup.saturating_sub(half))];
        all.extend(segments);
        if segments.is_empty() {
            all.push(segment(users, users, self.duration));
        }
        UserSchedule::new(all)
    }

    /// The rate over warm-up and measured part. The warm-up keeps the mean rate of the first segment that has arrivals.
    pub(crate) fn schedule(&self) -> RateSchedule {
        let length = |duration| Micros::from_duration(duration);
        let PhaseLoad::RateSegments(segments) = &self.load else {
            return match self.load.model_rate() {
                Some(rate) => {
                    RateSchedule::new(&[RateSegment::hold(rate, length(self.warmup + self.duration))])
                }
                None => RateSchedule::new(&[]),
            };
        };
        let mut all = segments.clone();
        if !self.warmup.is_zero() {
            let first = all.iter().map(RateSegment::mean).find(|mean| mean.0 > 0.0).unwrap_or_default();
            all.insert(0, RateSegment::hold(first, length(self.warmup)));
        }
        RateSchedule::new(&all)
    }

    /// How the open model waits; `None` in the closed model, which has no schedule.
    pub(crate) fn pacing(&self) -> Option<Pacing> {
        if !self.load.is_open() {
            return None;
        }
        // A log is less even than its mean rate: each of its arrivals is dispatched by itself.
        let peak = match self.load {
            PhaseLoad::Replay(_) => PerSecond(0.0),
            _ => self.schedule().peak(),
        };
        Some(self.options.pacing.resolve(peak, self.options.threads))
    }

    /// Ends of the segments, from the beginning of the measured part.
    pub(crate) fn segment_ends(&self) -> Vec<Duration> {
        let mut end = Duration::ZERO;
        let add = |segment: &LoadSegment| {
            end += segment.length();
            end
        };
        self.load.segments().iter().map(add).collect()
    }

    pub(crate) fn validate(&self) -> Result<(), LoadError> {
        self.find_problem()
            .and_then(|()| self.options.validate())
            .map_err(|problem| LoadError::Plan { phase: self.name.clone(), problem })
    }

    /// What is wrong with the plan, and what would be right.
    fn find_problem(&self) -> Result<(), String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || !self.name.chars().all(is_plain) {
            return Err("the name of a phase has letters, digits, - and _ only".to_owned());
        }
        self.load.validate()?;
        let segments = self.load.segments();
        if segments.len() > MAX_SEGMENTS {
            return Err(format!("{} segments are too many; at most {MAX_SEGMENTS}", segments.len()));
        }
        let length: Duration = segments.iter().map(LoadSegment::length).sum();
        if !segments.is_empty() && length != self.duration {
            return Err(format!(
                "its segments last {length:?} and its measured part {:?}; they must be as long as its measured part",
                self.duration
            ));
        }
        if self.weights().iter().all(|weight| *weight == 0) {
            return Err("no scenario has a weight above zero".to_owned());
        }
        if self.duration < MIN_DURATION {
            return Err(format!("a measured part of {:?} is too short; at least 0.1 s", self.duration));
        }
        if !matches!(self.base_url.scheme(), "http" | "https") || self.base_url.host_str().is_none() {
            return Err(format!("the target {} must be an http:// or https:// address", self.site_address()));
        }
        Ok(())
    }
}
