//! Figures of a running phase, second by second, for the live view and metrics export. Never stored; the run folder has the
//! same figures, and more, in `load/`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::histogram::LatencyHistogram;
use crate::load::{LoadModel, SecondStats};
use crate::outcome::Outcome;
use crate::units::{Micros, PerSecond, Ratio, UnixMillis};

/// The detail that a sink wants; nothing beyond it is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interest {
    /// The sink wants nothing.
    #[default]
    None,
    /// Figures without the distributions behind them.
    Figures,
    /// Figures and the whole distributions behind them.
    Distributions,
}

/// One second of a phase, and the measured part so far.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveSecond {
    /// Name of the phase.
    pub phase: String,
    /// Open or closed.
    pub load: LoadModel,
    /// Host and port of the loaded site.
    pub server: (String, u16),
    /// The scenarios, by name.
    pub scenarios: Vec<String>,
    /// The current segment of the load schedule: number, count and target; `None` without segments.
    pub segment: Option<String>,
    /// From the start of the phase, warm-up included, to the end of this second.
    pub elapsed: Duration,
    /// Length of the phase, warm-up included.
    pub length: Duration,
    /// The end of this second.
    pub at_ms: UnixMillis,
    /// Length of this second: the last one of a part may be shorter. Zero in the very last event, which follows when all due
    /// requests have ended.
    pub interval: Duration,
    /// The figures of this second.
    pub second: SecondStats,
    /// How the requests of this second ended.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// 99th percentile of the dispatcher's lateness in this second; `None` where nothing was dispatched by the clock.
    pub sched_lag_p99_us: Option<Micros>,
    /// CPU of the generator's busiest thread in this second, of one core.
    pub busiest_thread: Option<Ratio>,
    /// The measured part so far; empty while warming up.
    pub so_far: LiveTotals,
}

/// The measured part of a phase up to a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveTotals {
    /// The beginning of the measured part.
    pub from_ms: UnixMillis,
    /// Requests that were due in it and ended.
    pub requests: u64,
    /// Of those, not `ok`.
    pub errors: u64,
    /// By endpoint, in the order of the scenario files; those without requests so far are omitted.
    pub endpoints: Vec<LiveEndpoint>,
    /// The dispatcher's lateness; only for [`Interest::Distributions`].
    pub sched_lag: Option<LatencyHistogram>,
    /// What makes the figures doubtful so far, in sentences.
    pub doubts: Vec<String>,
}

/// One endpoint of the measured part so far.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveEndpoint {
    /// Its name, such as `GET /books/<id>/`.
    pub name: String,
    /// Requests that ended.
    pub requests: u64,
    /// How they ended.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// 95th percentile of response time, from the intended start.
    pub p95_us: Micros,
    /// All response times, from the intended start; only for [`Interest::Distributions`].
    pub response: Option<LatencyHistogram>,
    /// All service times, from the moment of sending; only for [`Interest::Distributions`].
    pub service: Option<LatencyHistogram>,
}

impl LiveEndpoint {
    /// Requests that did not succeed.
    pub fn errors(&self) -> u64 {
        self.outcomes.iter().filter(|(outcome, _)| !outcome.is_ok()).map(|(_, count)| count).sum()
    }
}

impl LiveSecond {
    /// A copy without the distributions, which take much memory.
    #[must_use]
    pub fn figures(&self) -> Self {
        let endpoint = |endpoint: &LiveEndpoint| LiveEndpoint {
            name: endpoint.name.clone(),
            outcomes: endpoint.outcomes.clone(),
            response: None,
            service: None,
            ..*endpoint
        };
        let so_far = LiveTotals {
            endpoints: self.so_far.endpoints.iter().map(endpoint).collect(),
            sched_lag: None,
            doubts: self.so_far.doubts.clone(),
            ..self.so_far
        };
        Self {
            phase: self.phase.clone(),
            server: self.server.clone(),
            scenarios: self.scenarios.clone(),
            segment: self.segment.clone(),
            second: self.second.clone(),
            outcomes: self.outcomes.clone(),
            so_far,
            ..*self
        }
    }

    /// Whether this is the last of its phase: the whole measured part, after everything that was due has ended.
    pub const fn is_last(&self) -> bool {
        self.interval.is_zero()
    }

    /// Requests that ended, per second.
    pub fn achieved(&self) -> PerSecond {
        PerSecond::from_count(self.second.requests, self.interval)
    }

    /// Requests that became due, per second (open model); those that were begun in the closed one.
    pub fn offered(&self) -> PerSecond {
        PerSecond::from_count(self.second.started, self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ok_is_no_error() {
        let outcomes = BTreeMap::from([(Outcome::Ok, 7), (Outcome::Timeout, 2), (Outcome::Censored, 1)]);
        let name = "GET /".to_owned();
        let endpoint = LiveEndpoint {
            name,
            requests: 10,
            outcomes,
            p95_us: Micros::ZERO,
            response: None,
            service: None,
        };
        assert_eq!(endpoint.errors(), 3);
        assert!(Interest::Distributions > Interest::Figures && Interest::Figures > Interest::None);
    }
}
