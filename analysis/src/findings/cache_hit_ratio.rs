//! A cache server with many look-ups and few hits, and the reason: memory, lifetimes, or keys that are requested once.

use kneepoint_model::db::CacheWindow;
use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Ratio;

use super::context::evidence;
use super::database::{caches, missing_cache_counters};
use super::text::{MAX_QUOTED, count};
use super::{Context, RuleOutcome};

/// Hit ratio below which a cache is reported.
pub const MIN_HIT_RATIO: f64 = 0.5;
/// Minimum number of look-ups.
pub const MIN_LOOKUPS: u64 = 100;
/// Minimum number of look-ups per request: with fewer the cache hardly matters.
pub const PER_REQUEST: f64 = 0.1;
/// Minimum share of misses that evictions or expiries explain to be named as the reason.
pub const REASON_SHARE: f64 = 0.25;

/// The reason of the misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// Evictions for lack of memory.
    Memory,
    /// Entries expire too early.
    Lifetime,
    /// Neither: the keys were never in the cache.
    Keys,
}

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let phases: Vec<&LoadPhase> = context.valid_phases().collect();
    if !phases.iter().any(|phase| caches(context, phase).next().is_some()) {
        return missing_cache_counters(context);
    }
    let main = context.main_phase().into_iter();
    // One finding per server, for the main phase or else for the first phase that shows it.
    let mut found: Vec<Finding> = Vec::new();
    for phase in main.chain(phases.iter().copied()) {
        for cache in caches(context, phase).filter(|cache| hits_too_little(context, phase, cache)) {
            let one = build_finding(phase, cache);
            if found.iter().all(|known| known.id != one.id) {
                found.push(one);
            }
        }
    }
    RuleOutcome::found(found)
}

fn hits_too_little(context: &Context<'_>, phase: &LoadPhase, cache: &CacheWindow) -> bool {
    let lookups = cache.hits + cache.misses;
    let requests = context.facts.db.get(&phase.name).map_or(0, |window| window.requests.counted);
    lookups >= MIN_LOOKUPS
        && lookups as f64 >= requests as f64 * PER_REQUEST
        && cache.hit_ratio().is_some_and(|ratio| ratio.0 < MIN_HIT_RATIO)
}

fn find_reason(cache: &CacheWindow) -> Reason {
    let part = |n: u64| n as f64 >= cache.misses as f64 * REASON_SHARE;
    if cache.evicted > 0 && part(cache.evicted) {
        Reason::Memory
    } else if cache.expired > 0 && part(cache.expired) {
        Reason::Lifetime
    } else {
        Reason::Keys
    }
}

fn build_finding(phase: &LoadPhase, cache: &CacheWindow) -> Finding {
    let why = find_reason(cache);
    let name = cache.kind.name();
    let ratio = cache.hit_ratio().unwrap_or_default();
    Finding {
        id: finding_id(Rule::CacheHitRatio, Tier::Cache, Some(&cache.address)),
        rule: Rule::CacheHitRatio,
        severity: if why == Reason::Keys { Severity::Hint } else { Severity::Likely },
        tier: Tier::Cache,
        route: None,
        title: format!("{name} answers only {ratio} of the look-ups: {}", describe_reason(why)),
        evidence: hit_evidence(phase, cache),
        saving: None,
        fix: choose_fix(cache, why),
        reproduce: match name {
            "Redis" => "redis-cli INFO stats | grep -E 'keyspace|evicted|expired'".to_owned(),
            _ => "printf 'stats\\r\\nquit\\r\\n' | nc the-cache 11211 | grep -E 'get_|evictions'".to_owned(),
        },
    }
}

fn hit_evidence(phase: &LoadPhase, cache: &CacheWindow) -> Vec<Evidence> {
    let source = || names::db(&phase.name);
    let policy = cache
        .policy
        .as_ref()
        .map_or_else(String::new, |policy| format!(", policy {}", single_line(policy, MAX_QUOTED)));
    let limit =
        cache.memory_limit.map_or_else(|| "without a limit".to_owned(), |limit| format!("of {limit}"));
    vec![
        evidence(
            format!(
                "{} hits and {} misses in the {} phase; {} entries evicted, {} expired",
                cache.hits, cache.misses, phase.name, cache.evicted, cache.expired
            ),
            source(),
        ),
        evidence(
            format!("{} entries at the end in {} {limit}{policy}", cache.entries, cache.memory_used),
            source(),
        ),
    ]
}

const fn describe_reason(why: Reason) -> &'static str {
    match why {
        Reason::Memory => "entries are evicted for lack of memory",
        Reason::Lifetime => "entries expire before they are requested again",
        Reason::Keys => "most keys are requested only once",
    }
}

fn choose_fix(cache: &CacheWindow, why: Reason) -> String {
    match why {
        Reason::Memory => {
            let setting = match cache.kind.name() {
                "Redis" => "`maxmemory`",
                _ => "the memory limit (`-m`)",
            };
            let from = cache.memory_limit.map_or_else(String::new, |limit| format!(" from {limit}"));
            format!("raise {setting}{from}, or cache smaller and fewer entries (whole pages with long query strings fill a cache)")
        }
        Reason::Lifetime => {
            "lengthen the lifetime (`TIMEOUT` in `CACHES`, the argument of `cache_page` or `cache.set`), and delete entries \
             when their rows change"
                .to_owned()
        }
        Reason::Keys => {
            let each = Ratio::from_parts(cache.misses, cache.entries).map_or(0.0, |ratio| ratio.0);
            format!(
                "find the keys that miss ({} misses per stored entry): a key that contains the user, the time or an unsorted query \
                 string is requested only once; build keys only from what the response depends on, and do not cache what is \
                 requested once",
                count(each)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::CacheKind;
    use kneepoint_model::units::Bytes;

    use super::*;
    use crate::fixtures;

    fn with(hits: u64, misses: u64, evicted: u64, expired: u64) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let cache = &mut fixtures::window(&mut facts, "open").caches[0];
        *cache = CacheWindow {
            hits,
            misses,
            evicted,
            expired,
            memory_limit: Some(Bytes(1 << 20)),
            ..CacheWindow::new(Tier::Cache, CacheKind::Redis, "127.0.0.1:6379")
        };
        fixtures::findings(&facts, check)
    }

    #[test]
    fn the_reason_follows_from_the_counters() {
        let memory = with(200, 800, 700, 0);
        assert_eq!((memory.len(), memory[0].severity), (1, Severity::Likely));
        assert!(memory[0].fix.contains("`maxmemory` from"), "{}", memory[0].fix);
        assert!(with(200, 800, 0, 700)[0].fix.contains("TIMEOUT"));
        let keys = with(200, 800, 0, 0);
        assert_eq!(keys[0].severity, Severity::Hint);
        assert!(keys[0].title.contains("requested only once"));
    }

    #[test]
    fn a_cache_with_hits_or_few_look_ups_is_no_finding() {
        assert!(with(800, 200, 900, 0).is_empty(), "evictions that cost no hits");
        assert!(with(10, 30, 0, 0).is_empty(), "too few look-ups");
        assert!(with(0, 0, 0, 0).is_empty());
    }

    #[test]
    fn a_queue_is_no_cache() {
        let mut facts = fixtures::healthy();
        for window in facts.db.values_mut() {
            window.caches[0].tier = Tier::Queue;
            window.caches[0].misses = 10_000;
        }
        fixtures::with_context(&facts, |context| assert!(check(context).not_evaluated.is_some()));
    }
}
