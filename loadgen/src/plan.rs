//! What one phase of load shall be: values only.

use std::time::Duration;

use kneepoint_model::load::LoadModel;
use kneepoint_scenarios::Scenario;
use url::Url;

use crate::error::LoadError;
use crate::pacer::Arrivals;

/// The plan of one phase. Made by [`PhasePlan::new`] with defaults, then changed field by field; checked when it runs.
#[derive(Debug, Clone)]
pub struct PhasePlan {
    /// Name of the phase and of its files: letters, digits, `-` and `_`.
    pub name: String,
    /// Closed or open, with its size.
    pub model: LoadModel,
    /// What visitors do, with weights.
    pub scenarios: Vec<(Scenario, u32)>,
    /// Where: scheme, host and port; a path is not used.
    pub base_url: Url,
    /// `Host` header, when it is not the host of `base_url`.
    pub host_header: Option<String>,
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
    /// Longest body, as received and as decoded, in bytes.
    pub max_body: u64,
    /// `User-Agent` header.
    pub user_agent: String,
    /// Multiplies every think time.
    pub think_scale: f64,
    /// How arrivals of the open model are spread.
    pub arrivals: Arrivals,
}

impl PhasePlan {
    /// A plan with defaults: 2 s of warm-up, 10 s measured, timeout 10 s, 512 in flight, evenly spread arrivals.
    pub fn new(name: &str, model: LoadModel, base_url: Url, scenarios: Vec<(Scenario, u32)>) -> Self {
        Self {
            name: name.to_owned(),
            model,
            scenarios,
            base_url,
            host_header: None,
            warmup: Duration::from_secs(2),
            duration: Duration::from_secs(10),
            seed: 1,
            timeout: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            max_in_flight: 512,
            max_body: 32 << 20,
            user_agent: concat!("kneepoint/", env!("CARGO_PKG_VERSION")).to_owned(),
            think_scale: 1.0,
            arrivals: Arrivals::Constant,
        }
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
        if self.scenarios.iter().all(|(_, weight)| *weight == 0) {
            return wrong("no scenario has a weight above zero");
        }
        if self.duration < Duration::from_millis(100) {
            return wrong("the measured part must last at least 0.1 s");
        }
        if self.timeout.is_zero() || self.max_in_flight == 0 {
            return wrong("timeout and max_in_flight must be above zero");
        }
        if !self.think_scale.is_finite() || self.think_scale < 0.0 {
            return wrong("the think scale must be zero or more");
        }
        if !matches!(self.base_url.scheme(), "http" | "https") || self.base_url.host_str().is_none() {
            return wrong("the target must be an http:// or https:// address");
        }
        Ok(())
    }
}
