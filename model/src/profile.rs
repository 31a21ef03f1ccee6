//! `profiles/`: folded stacks of every tier and what they are worth.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tier::Tier;
use crate::units::Ratio;

/// Where the stacks came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileSource {
    /// py-spy, as a library, from outside.
    PySpy,
    /// The `perf` program.
    Perf,
    /// A `/debug/pprof/profile` endpoint.
    PprofHttp,
    /// The generator's own profile by pprof.
    PprofSelf,
    /// Several tiers put together.
    Merged,
}

/// What the numbers behind the stacks count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileUnit {
    /// Samples.
    Samples,
    /// CPU time in nanoseconds.
    CpuNanos,
    /// Wall time in nanoseconds.
    WallNanos,
}

/// Which threads a profile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileView {
    /// Ready or running.
    Running,
    /// All, waiting included (idle accept loops left out).
    Wall,
    /// Holding Python's global lock.
    Gil,
}

/// Folded stacks, root first, frames joined by `;`, with their weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldedProfile {
    /// Which tier.
    pub tier: Tier,
    /// From where.
    pub source: ProfileSource,
    /// Which threads.
    pub view: ProfileView,
    /// What the weights count.
    pub unit: ProfileUnit,
    /// Stacks.
    pub stacks: BTreeMap<String, u64>,
    /// Facts about its making.
    pub facts: ProfileFacts,
}

/// How a profile was made and whether it adds up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileFacts {
    /// Samples per second asked for.
    pub hz: u32,
    /// Length of the profile in milliseconds.
    pub duration_ms: u64,
    /// Processes that were looked at.
    pub processes: u32,
    /// Samples taken.
    pub samples: u64,
    /// Samples that true CPU time would give: CPU seconds × hz; absent for wall views.
    pub expected_samples: Option<u64>,
    /// Attempts that failed (torn reads, lost processes).
    pub errors: u64,
    /// CPU time of the tier in the window, by the kernel's account, in nanoseconds.
    pub true_cpu_ns: u64,
    /// Time ready but without a core, in nanoseconds.
    pub run_queue_ns: u64,
    /// What a reader must know, in full sentences.
    pub notes: Vec<String>,
}

impl ProfileFacts {
    /// Samples taken over samples expected; outside 0.8 to 1.2 the profile is flagged.
    pub fn completeness(&self) -> Option<Ratio> {
        self.expected_samples.and_then(|expected| Ratio::of(self.samples, expected))
    }
}

/// One profile in `profiles/profiles.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileEntry {
    /// Which tier; the merged one says `host`.
    pub tier: Tier,
    /// From where.
    pub source: ProfileSource,
    /// Which threads.
    pub view: ProfileView,
    /// What the weights count.
    pub unit: ProfileUnit,
    /// Stem of the files: `<stem>.folded`, `.svg`, `.pb.gz`, `.speedscope.json`.
    pub file: String,
    /// How it was made.
    pub facts: ProfileFacts,
    /// The frames with most weight of their own: (frame, share).
    pub top_self: Vec<(String, Ratio)>,
}

/// The index of the folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfilesIndex {
    /// Version of this file's format.
    pub format_version: u32,
    /// The profiles.
    pub profiles: Vec<ProfileEntry>,
    /// Throughput while profiled over throughput while not, in the same kind of load.
    pub profiled_over_unprofiled: Option<Ratio>,
}
