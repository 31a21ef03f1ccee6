//! How much load a phase makes.

use std::sync::Arc;
use std::time::Duration;

use kneepoint_model::load::LoadModel;
use kneepoint_model::load_segment::RateSegment;
use kneepoint_model::load_segment::{LoadSegment, UserSegment};
use kneepoint_model::rate_schedule::RateSchedule;
use kneepoint_model::units::PerSecond;
use kneepoint_scenarios::Replay;

const MAX_USERS: u32 = 100_000;
const MAX_RATE: f64 = 1_000_000.0;
/// A log that is shorter is stretched to this.
const MIN_LOG_LENGTH: Duration = Duration::from_millis(500);

/// The load of a phase: users of the closed model, or arrivals of the open model.
#[derive(Debug, Clone)]
pub enum PhaseLoad {
    /// Closed model with a constant number of users.
    Users(u32),
    /// Closed model whose number of users follows segments.
    UserSegments(Vec<UserSegment>),
    /// Open model with a constant rate, in journeys per second.
    Rate(PerSecond),
    /// Open model whose rate follows segments.
    RateSegments(Vec<RateSegment>),
    /// Open model that repeats the requests of an access log, each at its own moment.
    Replay(RecordedLog),
}

/// An access log, and how much faster it is replayed.
#[derive(Debug, Clone)]
pub struct RecordedLog {
    pub(crate) log: Arc<Replay>,
    speed: f64,
}

impl RecordedLog {
    /// A speed of 1 is that of the log itself, and replaces one that is not above zero.
    pub fn new(log: Arc<Replay>, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self { log, speed }
    }

    /// Due times of the requests, from the first.
    pub(crate) fn due_times(&self) -> impl Iterator<Item = Duration> {
        (0..self.log.request_count()).filter_map(|n| self.log.due(n)).map(|due| due.div_f64(self.speed))
    }

    pub(crate) fn mean_rate(&self) -> PerSecond {
        PerSecond::from_count(self.log.request_count() as u64, self.length())
    }

    /// From the first request to the mean gap after the last one.
    pub(crate) fn length(&self) -> Duration {
        let count = self.log.request_count();
        let last = self.log.due(count.saturating_sub(1)).unwrap_or_default().div_f64(self.speed);
        let length_us = last.as_micros() as f64 * count as f64 / (count.max(2) - 1) as f64;
        Duration::from_micros(length_us.round() as u64).max(MIN_LOG_LENGTH)
    }
}

impl From<LoadModel> for PhaseLoad {
    fn from(model: LoadModel) -> Self {
        match model {
            LoadModel::Closed { users } => Self::Users(users),
            LoadModel::Open { rate } => Self::Rate(rate),
        }
    }
}

impl PhaseLoad {
    /// Whether arrivals follow a schedule, whatever the responses do.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Rate(_) | Self::RateSegments(_) | Self::Replay(_))
    }

    /// The load as it is reported: of segments the largest number of users, or the mean rate.
    pub fn model(&self) -> LoadModel {
        match self.model_rate() {
            Some(rate) => LoadModel::Open { rate },
            None => LoadModel::Closed { users: self.peak_users() },
        }
    }

    /// Mean rate; `None` in the closed model.
    pub(crate) fn model_rate(&self) -> Option<PerSecond> {
        match self {
            Self::Users(_) | Self::UserSegments(_) => None,
            Self::Rate(rate) => Some(*rate),
            Self::RateSegments(segments) => {
                let length: Duration = segments.iter().map(RateSegment::length).sum();
                let seconds = length.as_secs_f64().max(f64::MIN_POSITIVE);
                Some(PerSecond(RateSchedule::new(segments).arrivals() / seconds))
            }
            Self::Replay(recorded) => Some(recorded.mean_rate()),
        }
    }

    /// Largest number of users; zero in the open model.
    pub(crate) fn peak_users(&self) -> u32 {
        match self {
            Self::Users(users) => *users,
            Self::UserSegments(segments) => segments.iter().map(UserSegment::peak).max().unwrap_or_default(),
            Self::Rate(_) | Self::RateSegments(_) | Self::Replay(_) => 0,
        }
    }

    /// The segments of either model; empty where the load is constant or a log.
    pub(crate) fn segments(&self) -> Vec<LoadSegment> {
        match self {
            Self::UserSegments(segments) => segments.iter().copied().map(LoadSegment::Users).collect(),
            Self::RateSegments(segments) => segments.iter().copied().map(LoadSegment::Rate).collect(),
            Self::Users(_) | Self::Rate(_) | Self::Replay(_) => Vec::new(),
        }
    }

    pub(crate) const fn replay(&self) -> Option<&RecordedLog> {
        match self {
            Self::Replay(recorded) => Some(recorded),
            _ => None,
        }
    }

    /// What is wrong with the load, and what would be right.
    pub(super) fn validate(&self) -> Result<(), String> {
        match self.model() {
            LoadModel::Closed { users: 0 } => Err("it needs at least one user".to_owned()),
            LoadModel::Closed { users } if users > MAX_USERS => {
                Err(format!("{users} users are too many; at most {MAX_USERS}"))
            }
            LoadModel::Open { rate } if !(rate.0 > 0.0 && rate.0 <= MAX_RATE) => {
                Err(format!("the rate must be above 0 and at most {MAX_RATE} per second, and is {}", rate.0))
            }
            _ => Ok(()),
        }
    }
}
