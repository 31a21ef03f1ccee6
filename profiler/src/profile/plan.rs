//! Settings and result of profiling.

use std::time::Duration;

use kneepoint_model::profile::ProfilesIndex;
use kneepoint_model::stack::TierInfo;
use kneepoint_model::units::UnixMillis;
use kneepoint_model::unmeasured::Unmeasured;

/// What to profile.
#[derive(Debug, Clone)]
pub struct ProfilePlan {
    /// Tiers of the stack.
    pub tiers: Vec<TierInfo>,
    /// Length of the window in seconds.
    pub seconds: u32,
    /// Samples per second of each Python worker; native code is sampled at [`ProfilePlan::native_hz`].
    pub hz: u32,
    /// Profiles kneepoint itself too.
    pub generator: bool,
}

impl ProfilePlan {
    /// Samples per second at which a saturated server keeps at least 98 % of its throughput.
    pub const DEFAULT_HZ: u32 = 20;

    /// All tiers and the load generator, at the default rate.
    pub const fn new(tiers: Vec<TierInfo>, seconds: u32) -> Self {
        Self { tiers, seconds, hz: Self::DEFAULT_HZ, generator: true }
    }

    /// Samples per second of native code: cheaper than Python, and odd, so that sampling does not run in step with
    /// timers; at most 99.
    pub fn native_hz(&self) -> u32 {
        self.hz.max(1).saturating_mul(2).saturating_add(9).min(99)
    }

    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds.max(1)))
    }
}

/// Result of profiling.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileOutcome {
    /// Index of the profiles, as written to `profiles/profiles.json`.
    pub index: ProfilesIndex,
    /// Start and end of recording, without probing and folding; `None` when no source was available.
    pub window: Option<(UnixMillis, UnixMillis)>,
    /// Tiers that are not profiled, with reason and fix.
    pub unmeasured: Vec<Unmeasured>,
}
