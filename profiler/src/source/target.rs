//! What a source records: one tier, given by its root processes.

use std::collections::HashSet;

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;
use url::Url;

use crate::os::{ProcReader, ProcessTree, TreeSnapshot};

/// A tier to be profiled.
#[derive(Debug, Clone)]
pub struct ProfileTarget {
    /// Names the profile in the run folder.
    pub tier: Tier,
    /// Root processes; all their descendants belong to the tier.
    pub roots: Vec<u32>,
    /// Decides which profiler fits.
    pub runtime: Runtime,
    /// URL of `/debug/pprof/profile`, when the tier serves it.
    pub pprof_url: Option<Url>,
    /// Names of the containers that the tier runs in.
    pub containers: Vec<String>,
    other_roots: HashSet<u32>,
}

impl ProfileTarget {
    /// Target for a tier; `all_tiers` are all tiers of the stack, because no tier includes another tier's roots.
    pub fn for_tier(info: &TierInfo, all_tiers: &[TierInfo]) -> Self {
        let roots = all_tiers
            .iter()
            .filter(|other| other.tier != info.tier)
            .flat_map(|other| other.roots.iter().copied());
        Self {
            tier: info.tier,
            roots: info.roots.clone(),
            runtime: info.runtime,
            pprof_url: info.pprof_url.clone(),
            containers: info.containers.clone(),
            other_roots: roots.filter(|root| !info.roots.contains(root)).collect(),
        }
    }

    /// Target for kneepoint itself.
    pub fn generator() -> Self {
        Self {
            tier: Tier::Generator,
            roots: vec![std::process::id()],
            runtime: Runtime::FramePointers,
            pprof_url: None,
            containers: Vec::new(),
            other_roots: HashSet::new(),
        }
    }

    /// Living processes of the tier, and the tree they were found in.
    pub(crate) fn processes(&self, reader: &mut ProcReader) -> (Vec<u32>, TreeSnapshot) {
        let tree = ProcessTree::detect().snapshot(reader);
        if self.tier == Tier::Generator {
            return (self.roots.clone(), tree);
        }
        let mut pids = tree.descendants(&self.roots, &self.other_roots, reader);
        pids.retain(|pid| std::path::Path::new(&format!("/proc/{pid}/task")).exists());
        (pids, tree)
    }
}
