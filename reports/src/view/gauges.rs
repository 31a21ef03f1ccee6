//! Gauges of databases and caches over time, on the same time axis as all other charts.

use kneepoint_analysis::{RunFacts, Timeline};
use kneepoint_model::sample::{CacheGauge, DbGauge, ResourceSample};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Bytes;

use crate::chart::panel::panel;
use crate::chart::resources::tier_hue;
use crate::chart::{Hue, Points, Unit};
use crate::view::block::Chart;

/// Database charts: statements, connections and running threads, row-lock waits.
pub(crate) fn databases(facts: &RunFacts, timeline: &Timeline) -> Vec<Chart> {
    let each = |value: fn(&DbGauge) -> f64| {
        over_time(facts, timeline, |sample| {
            sum(sample.databases.iter().filter(|gauge| gauge.tier == Tier::Db).map(value))
        })
    };
    let rate = |value: fn(&DbGauge) -> u64| {
        over_time(facts, timeline, |sample| {
            let own = sample.databases.iter().filter(|gauge| gauge.tier == Tier::Db);
            sum(own.filter_map(|gauge| per_second(value(gauge), gauge.since_us.as_secs())))
        })
    };
    let (statements, waits) = (rate(|gauge| gauge.questions), rate(|gauge| gauge.row_lock_waits));
    let (running, waiting) =
        (each(|gauge| gauge.threads_running as f64), each(|gauge| gauge.row_locks_waiting as f64));
    let connected = each(|gauge| gauge.threads_connected as f64);
    [
        panel(
            timeline,
            "db: statements per second",
            Unit::Count,
            vec![("statements", tier_hue(Tier::Db), &statements)],
            None,
        ),
        panel(
            timeline,
            "db: open connections and running threads",
            Unit::Count,
            vec![("open", Hue(1), &connected), ("running", Hue(5), &running)],
            None,
        ),
        panel(
            timeline,
            "db: row-lock waits",
            Unit::Count,
            vec![("new per second", Hue(2), &waits), ("waiting", Hue(4), &waiting)],
            None,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Cache-server charts: lookups, evictions, memory.
pub(crate) fn caches(facts: &RunFacts, timeline: &Timeline) -> Vec<Chart> {
    let rate = |value: fn(&CacheGauge) -> u64| {
        over_time(facts, timeline, |sample| {
            let own = sample.caches.iter().filter(|gauge| gauge.tier == Tier::Cache);
            sum(own.filter_map(|gauge| per_second(value(gauge), gauge.since_us.as_secs())))
        })
    };
    let memory = over_time(facts, timeline, |sample| {
        let own = sample.caches.iter().filter(|gauge| gauge.tier == Tier::Cache);
        sum(own.map(|gauge| Bytes::as_f64(gauge.memory_used)))
    });
    let (hits, misses) = (rate(|gauge| gauge.hits), rate(|gauge| gauge.misses));
    let evicted = rate(|gauge| gauge.evicted);
    [
        panel(
            timeline,
            "cache: lookups per second",
            Unit::Count,
            vec![("hits", Hue(3), &hits), ("misses", Hue(2), &misses)],
            None,
        ),
        panel(
            timeline,
            "cache: evictions per second",
            Unit::Count,
            vec![("evicted", Hue(2), &evicted)],
            None,
        ),
        panel(
            timeline,
            "cache: memory used",
            Unit::Bytes,
            vec![("used", tier_hue(Tier::Cache), &memory)],
            None,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn per_second(count: u64, secs: f64) -> Option<f64> {
    (secs > 0.0).then(|| count as f64 / secs)
}

/// The sum; `None` if no server reports the value.
fn sum(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.reduce(|a, b| a + b)
}

fn over_time(
    facts: &RunFacts,
    timeline: &Timeline,
    value: impl Fn(&ResourceSample) -> Option<f64>,
) -> Points {
    let at = |sample: &ResourceSample| (sample.at_ms - timeline.zero_ms).as_f64() / 1_000.0;
    facts.samples.iter().filter_map(|sample| Some((at(sample), value(sample)?))).collect()
}
