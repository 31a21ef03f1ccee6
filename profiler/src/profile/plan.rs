//! What to profile, and what came of it.

use std::time::Duration;

use kneepoint_model::profile::ProfilesIndex;
use kneepoint_model::stack::TierInfo;
use kneepoint_model::units::UnixMillis;
use kneepoint_model::unmeasured::Unmeasured;

/// What to profile.
#[derive(Debug, Clone)]
pub struct ProfilePlan {
    /// The tiers.
    pub tiers: Vec<TierInfo>,
    /// Length of the window in seconds.
    pub seconds: u32,
    /// Looks per second at each Python worker; native code is sampled at [`ProfilePlan::native_hz`].
    pub hz: u32,
    /// Profile kneepoint itself too.
    pub generator: bool,
}

impl ProfilePlan {
    /// Looks per second at which a saturated server keeps at least 98 % of its throughput.
    pub const DEFAULT_HZ: u32 = 20;

    /// All tiers and the generator, at the default rate.
    pub const fn new(tiers: Vec<TierInfo>, seconds: u32) -> Self {
        Self { tiers, seconds, hz: Self::DEFAULT_HZ, generator: true }
    }

    /// Samples per second of native code: cheaper than a look at Python, and odd, so that it does not fall into step
    /// with timers; at most 99.
    pub fn native_hz(&self) -> u32 {
        self.hz.max(1).saturating_mul(2).saturating_add(9).min(99)
    }

    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds.max(1)))
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileOutcome {
    /// The profiles, as written to `profiles/profiles.json`.
    pub index: ProfilesIndex,
    /// When the sources looked, without probing before and folding after; `None` when there was nothing to look at.
    pub window: Option<(UnixMillis, UnixMillis)>,
    /// What could not be profiled.
    pub unmeasured: Vec<Unmeasured>,
}
