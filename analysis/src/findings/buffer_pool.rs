//! The buffer pool is smaller than what is read: pages that had been in memory are read from disk again.
//!
//! Reads alone prove nothing, because a cold pool fills itself once. Pages are known to be read *again* when more of them
//! were read in the window than the pool holds, or when threads waited for a free one.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Ratio};

use super::database::{Seen, believed, nothing};
use super::{Context, Judgement};

/// Share of page requests that must go to the disk.
pub const DISK_SHARE: f64 = 0.01;
/// Fewest page requests.
pub const REQUESTS_LEAST: u64 = 10_000;

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let seen = believed(context);
    if seen.is_empty() {
        return Judgement::not_judged(nothing(context));
    }
    Judgement::found(seen.iter().find(|one| short(one)).map(finding).into_iter().collect())
}

fn short(seen: &Seen<'_>) -> bool {
    let pool = seen.database.status.buffer_pool;
    let again = (pool.total_pages > 0 && pool.disk_reads > pool.total_pages) || pool.waits_for_free > 0;
    let share = pool.disk_reads as f64 / pool.read_requests.max(1) as f64;
    pool.read_requests >= REQUESTS_LEAST && share >= DISK_SHARE && again
}

fn finding(seen: &Seen<'_>) -> Finding {
    let pool = seen.database.status.buffer_pool;
    let share = Ratio::from_parts(pool.disk_reads, pool.read_requests).unwrap_or_default();
    let size = seen.database.settings.buffer_pool;
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
        title: format!("the buffer pool{named} is too small: {share} of the pages asked for came from the disk"),
        evidence: vec![
            seen.says(format!(
                "{} of {} page requests went to the disk in the {} phase; the pool holds {} pages, {} of them free at the end",
                pool.disk_reads, pool.read_requests, seen.phase.name, pool.total_pages, pool.free_pages
            )),
            seen.says(format!("{} times a thread had to wait for a free page", pool.waits_for_free)),
        ],
        saving: None,
        fix: format!(
            "raise {double}, as far as the machine has memory to spare; then see whether the statements that read most rows \
             need to read them"
        ),
        reproduce: "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_read%' before and after the load".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::BufferPool;

    use super::*;
    use crate::hand;

    fn with(read_requests: u64, disk_reads: u64, waits_for_free: u64) -> Vec<Finding> {
        let mut facts = hand::healthy();
        let database = &mut hand::window(&mut facts, "closed").databases[0];
        database.settings.buffer_pool = Some(Bytes(8 << 20));
        database.status.buffer_pool =
            BufferPool { read_requests, disk_reads, waits_for_free, free_pages: 2, total_pages: 512 };
        hand::findings(&facts, check)
    }

    #[test]
    fn pages_read_again_and_again_are_found() {
        let found = with(100_000, 20_000, 0);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].title.contains("20.0 %") || found[0].title.contains("20 %"), "{}", found[0].title);
        assert!(found[0].fix.contains("innodb_buffer_pool_size"), "{}", found[0].fix);
        assert_eq!(with(20_000, 300, 3).len(), 1);
    }

    #[test]
    fn a_cold_pool_that_fills_itself_is_none() {
        assert!(with(20_000, 400, 0).is_empty());
        assert!(with(1_000_000, 900, 0).is_empty());
        assert!(with(0, 0, 0).is_empty());
    }
}
