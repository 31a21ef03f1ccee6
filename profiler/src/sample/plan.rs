//! Settings of the sampler.

use std::time::Duration;

use kneepoint_model::stack::{StackInfo, TierInfo};
use url::Url;

use crate::store::GaugeSlot;

/// What to sample.
#[derive(Debug, Clone)]
pub struct SamplePlan {
    /// Ticks per second, clamped to 2 to 5.
    pub hz: u32,
    /// Tiers to sample; the generator (this process) is always sampled too.
    pub tiers: Vec<TierInfo>,
    /// URL of nginx `stub_status`, requested once per tick.
    pub nginx_status: Option<Url>,
    /// Gauges of databases and caches ([`crate::StoreWatch::gauges`]).
    pub stores: GaugeSlot,
}

impl SamplePlan {
    /// Default ticks per second.
    pub const DEFAULT_HZ: u32 = 4;

    /// Settings for a running stack: all its tiers, and the proxy's status page when it has one.
    pub fn for_stack(stack: &StackInfo) -> Self {
        let nginx_status = stack.tiers.iter().find_map(|tier| tier.status_url.clone());
        Self { hz: Self::DEFAULT_HZ, tiers: stack.tiers.clone(), nginx_status, stores: GaugeSlot::default() }
    }

    /// Time between two ticks.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.hz.clamp(2, 5)
    }
}
