//! What to sample and how often.

use std::time::Duration;

use kneepoint_model::stack::{StackInfo, TierInfo};
use url::Url;

use crate::store::GaugeSlot;

/// What to sample.
#[derive(Debug, Clone)]
pub struct SamplePlan {
    /// Ticks per second; 2 to 5, other values are moved there.
    pub hz: u32,
    /// The tiers to watch; the generator (this process) is always watched too.
    pub tiers: Vec<TierInfo>,
    /// nginx `stub_status`, asked once each tick.
    pub nginx_status: Option<Url>,
    /// Gauges of databases and caches, where they are watched ([`crate::StoreWatch::gauges`]).
    pub stores: GaugeSlot,
}

impl SamplePlan {
    /// Ticks per second when nothing else is said.
    pub const DEFAULT_HZ: u32 = 4;

    /// For a stack as it runs: all its tiers, and the proxy's status page when it has one.
    pub fn of(stack: &StackInfo) -> Self {
        let nginx_status = stack.tiers.iter().find_map(|tier| tier.status_url.clone());
        Self { hz: Self::DEFAULT_HZ, tiers: stack.tiers.clone(), nginx_status, stores: GaugeSlot::default() }
    }

    /// Time between two ticks.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.hz.clamp(2, 5)
    }
}
