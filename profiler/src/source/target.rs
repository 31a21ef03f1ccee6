//! What a source looks at: one tier, by its root processes.

use std::collections::HashSet;

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;
use url::Url;

use crate::os::{Family, ProcessTree, Reader};

/// One tier as a source sees it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Which tier.
    pub tier: Tier,
    /// Root processes; all below them belong to it.
    pub roots: Vec<u32>,
    /// What its code runs on.
    pub runtime: Runtime,
    /// `/debug/pprof/profile`, where it has one.
    pub pprof_url: Option<Url>,
    /// Names of the containers it runs in.
    pub containers: Vec<String>,
    others: HashSet<u32>,
}

impl Target {
    /// A tier of the stack; `all` are all its tiers, since none reaches into another.
    pub fn of(info: &TierInfo, all: &[TierInfo]) -> Self {
        let roots =
            all.iter().filter(|other| other.tier != info.tier).flat_map(|other| other.roots.iter().copied());
        Self {
            tier: info.tier,
            roots: info.roots.clone(),
            runtime: info.runtime,
            pprof_url: info.pprof_url.clone(),
            containers: info.containers.clone(),
            others: roots.filter(|root| !info.roots.contains(root)).collect(),
        }
    }

    /// kneepoint itself.
    pub fn generator() -> Self {
        Self {
            tier: Tier::Generator,
            roots: vec![std::process::id()],
            runtime: Runtime::FramePointers,
            pprof_url: None,
            containers: Vec::new(),
            others: HashSet::new(),
        }
    }

    /// The living processes of the tier now, with their tree.
    pub(crate) fn processes(&self, reader: &mut Reader) -> (Vec<u32>, Family) {
        let family = ProcessTree::detect().look(reader);
        if self.tier == Tier::Generator {
            return (self.roots.clone(), family);
        }
        let mut pids = family.below(&self.roots, &self.others, reader);
        pids.retain(|pid| std::path::Path::new(&format!("/proc/{pid}/task")).exists());
        (pids, family)
    }
}
