//! The buffer pool is smaller than the working set: pages that were in memory are read from disk again.
//!
//! Disk reads alone prove nothing, because a cold pool fills once. Pages are read *again* when the window has more disk
//! reads than the pool has pages, or when threads waited for a free page.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Ratio};

use super::database::{DbObservation, in_valid_phases, missing_counters};
use super::{Context, RuleOutcome};

/// Minimum share of page requests that read from disk.
pub const MIN_DISK_SHARE: f64 = 0.01;
/// Minimum number of page requests.
pub const MIN_PAGE_REQUESTS: u64 = 10_000;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let observed = in_valid_phases(context);
    if observed.is_empty() {
        return missing_counters(context);
    }
    RuleOutcome::found(observed.iter().find(|one| is_too_small(one)).map(build_finding).into_iter().collect())
}

fn is_too_small(observed: &DbObservation<'_>) -> bool {
    let pool = observed.database.status.buffer_pool;
    let again = (pool.total_pages > 0 && pool.disk_reads > pool.total_pages) || pool.waits_for_free > 0;
    let share = pool.disk_reads as f64 / pool.read_requests.max(1) as f64;
    pool.read_requests >= MIN_PAGE_REQUESTS && share >= MIN_DISK_SHARE && again
}

fn build_finding(observed: &DbObservation<'_>) -> Finding {
    let pool = observed.database.status.buffer_pool;
    let share = Ratio::from_parts(pool.disk_reads, pool.read_requests).unwrap_or_default();
    let size = observed.database.settings.buffer_pool;
    let named = size.map_or_else(String::new, |size| format!(" of {size}"));
    let double = size.map_or_else(
        || "`innodb_buffer_pool_size`".to_owned(),
        |size| {
            format!(
                "`innodb_buffer_pool_size` from {size} to {} or more",
                Bytes(size.get().saturating_mul(2))
            )
        },
    );
    Finding {
        id: finding_id(Rule::BufferPool, Tier::Db, None),
        rule: Rule::BufferPool,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: None,
        title: format!("the buffer pool{named} is too small: {share} of the requested pages were read from disk"),
        evidence: vec![
            observed.evidence(format!(
                "{} of {} page requests read from disk in the {} phase; the pool has {} pages, {} of them free at the end",
                pool.disk_reads, pool.read_requests, observed.phase.name, pool.total_pages, pool.free_pages
            )),
            observed.evidence(format!("threads waited {} times for a free page", pool.waits_for_free)),
        ],
        saving: None,
        fix: format!(
            "raise {double}, as far as the machine has free memory; then check whether the statements that read most rows \
             need all of them"
        ),
        reproduce: "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_read%' before and after the load".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::BufferPool;

    use super::*;
    use crate::fixtures;

    fn with(read_requests: u64, disk_reads: u64, waits_for_free: u64) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let database = &mut fixtures::window(&mut facts, "closed").databases[0];
        database.settings.buffer_pool = Some(Bytes(8 << 20));
        database.status.buffer_pool =
            BufferPool { read_requests, disk_reads, waits_for_free, free_pages: 2, total_pages: 512 };
        fixtures::findings(&facts, check)
    }

    #[test]
    fn pages_read_repeatedly_are_found() {
        let found = with(100_000, 20_000, 0);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].title.contains("20.0 %") || found[0].title.contains("20 %"), "{}", found[0].title);
        assert!(found[0].fix.contains("innodb_buffer_pool_size"), "{}", found[0].fix);
        assert_eq!(with(20_000, 300, 3).len(), 1);
    }

    #[test]
    fn a_cold_pool_that_fills_once_is_no_finding() {
        assert!(with(20_000, 400, 0).is_empty());
        assert!(with(1_000_000, 900, 0).is_empty());
        assert!(with(0, 0, 0).is_empty());
    }
}
