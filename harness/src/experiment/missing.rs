//! Requirements of an experiment that this machine lacks. Each becomes a result with its reason, so that nothing else is
//! compared instead.

use kneepoint_model::experiment::ToggleResult;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::tier::Tier;
use kneepoint_stack::toggle::{Need, Toggle};
use kneepoint_stack::{Database, Topology};

use super::result;

/// Reason and fix when a requirement is missing; checked before anything is brought up.
pub(super) fn missing_requirement(toggle: &Toggle) -> Option<(String, String)> {
    let swaps = std::fs::read_to_string("/proc/swaps").unwrap_or_default();
    if toggle.needs.contains(&Need::Swap) && !has_swap(&swaps) {
        return Some((
            "this machine has no swap space, so there is nothing to compare".to_owned(),
            "as root: fallocate -l 1G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile"
                .to_owned(),
        ));
    }
    None
}

/// `/proc/swaps` has a heading and a line for each swap space.
fn has_swap(swaps: &str) -> bool {
    swaps.lines().skip(1).any(|line| !line.trim().is_empty())
}

/// The result of the swap toggle: there is swap space, but no stack would use it.
pub(super) fn swap_not_testable(toggle: &Toggle) -> ToggleResult {
    let why = "the memory of a stack is not limited here, so its swap space would never be used";
    result::not_run(
        toggle,
        why.to_owned(),
        "watch swap_in of `kneepoint run` on a machine with too little memory".to_owned(),
    )
}

/// A tier of the topology that the running stack does not have, because the driver does not support it.
pub(super) fn missing_tier(topology: &Topology, stack: &StackInfo) -> Option<&'static str> {
    let required = [
        (topology.proxy.is_some(), Tier::Proxy, "proxy"),
        (topology.db.is_some_and(|db| db != Database::Sqlite), Tier::Db, "database server"),
        (topology.cache.is_some(), Tier::Cache, "cache server"),
        (topology.queue, Tier::Queue, "queue"),
        (topology.objects, Tier::Objects, "object store"),
    ];
    let lacks = |tier| stack.tier(tier).is_none();
    required
        .into_iter()
        .find(|(is_required, tier, _)| *is_required && lacks(*tier))
        .map(|(_, _, label)| label)
        .or_else(|| {
            let servers = stack.tiers.iter().filter(|info| info.tier == Tier::Server);
            let roots: usize = servers.map(|info| info.roots.len()).sum();
            (usize::from(topology.servers.get()) > roots.max(1)).then_some("second app server")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_is_detected_by_a_line_after_the_heading() {
        let heading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert!(!has_swap(heading) && !has_swap(""));
        assert!(has_swap(&format!("{heading}/swapfile file 1048572 0 -2\n")));
    }
}
