//! `profiles/`: folded stacks of every tier, with their sampling accuracy.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tier::Tier;
use crate::units::Ratio;

/// The tool or endpoint that produced the stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileSource {
    /// py-spy, linked as a library, which reads the process from outside.
    PySpy,
    /// The `perf` program.
    Perf,
    /// A `/debug/pprof/profile` endpoint.
    PprofHttp,
    /// The generator's own profile by pprof.
    PprofSelf,
    /// A merge of several tiers.
    Merged,
}

/// What the numbers behind the stacks count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileUnit {
    /// Numbers of samples.
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
    /// All threads, waiting ones included (idle accept loops excluded).
    Wall,
    /// Holding Python's global lock.
    Gil,
}

/// Folded stacks, root first, frames joined by `;`, with their weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldedProfile {
    /// The profiled tier.
    pub tier: Tier,
    /// The source of the stacks.
    pub source: ProfileSource,
    /// The threads that are included.
    pub view: ProfileView,
    /// What the weights count.
    pub unit: ProfileUnit,
    /// Weights by folded stack.
    pub stacks: BTreeMap<String, u64>,
    /// How it was made.
    pub facts: ProfileFacts,
}

/// How a profile was made and how accurate it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileFacts {
    /// Requested samples per second.
    pub hz: u32,
    /// Length of the profile in milliseconds.
    pub duration_ms: u64,
    /// Processes that were sampled.
    pub processes: u32,
    /// Samples that were taken.
    pub samples: u64,
    /// Samples that the measured CPU time should produce: CPU seconds × hz; absent for wall views.
    pub expected_samples: Option<u64>,
    /// Attempts that failed (torn reads, lost processes).
    pub errors: u64,
    /// CPU time of the tier in the window as the kernel counts it, in nanoseconds.
    pub true_cpu_ns: u64,
    /// Time ready but without a core, in nanoseconds.
    pub run_queue_ns: u64,
    /// Limitations, in full sentences.
    pub notes: Vec<String>,
}

impl ProfileFacts {
    /// Samples taken over samples expected; outside 0.8 to 1.2 the profile is flagged.
    pub fn completeness(&self) -> Option<Ratio> {
        self.expected_samples.and_then(|expected| Ratio::from_parts(self.samples, expected))
    }
}

/// One profile in `profiles/profiles.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileEntry {
    /// The profiled tier; `host` in the merged profile.
    pub tier: Tier,
    /// The source of the stacks.
    pub source: ProfileSource,
    /// The threads that are included.
    pub view: ProfileView,
    /// What the weights count.
    pub unit: ProfileUnit,
    /// Stem of the files: `<stem>.folded`, `.svg`, `.pb.gz`, `.speedscope.json`.
    pub file: String,
    /// How it was made.
    pub facts: ProfileFacts,
    /// The frames with most self time: (frame, share).
    pub top_self: Vec<(String, Ratio)>,
}

/// The index of the folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfilesIndex {
    /// Version of this file's format.
    pub format_version: u32,
    /// All profiles of the folder.
    pub profiles: Vec<ProfileEntry>,
    /// Throughput of the profiled phase divided by that of the unprofiled phase with the same load.
    pub profiled_over_unprofiled: Option<Ratio>,
}
