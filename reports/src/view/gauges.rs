//! The databases' and caches' own gauges over the run's time, on the axis of all other charts.

use kneepoint_analysis::{RunFacts, Timeline};
use kneepoint_model::sample::{CacheGauge, DbGauge, ResourceSample};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Bytes;

use crate::chart::panel::panel;
use crate::chart::resources::hue_of;
use crate::chart::{Hue, Unit};
use crate::view::block::Chart;

type Points = Vec<(f64, f64)>;

/// What the database counted over time: statements, threads, waits for rows.
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
            "db: statements a second",
            Unit::Count,
            vec![("statements", hue_of(Tier::Db), &statements)],
            None,
        ),
        panel(
            timeline,
            "db: connections and threads at work",
            Unit::Count,
            vec![("connected", Hue(1), &connected), ("at work", Hue(5), &running)],
            None,
        ),
        panel(
            timeline,
            "db: waits for rows",
            Unit::Count,
            vec![("begun a second", Hue(2), &waits), ("waiting now", Hue(4), &waiting)],
            None,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the cache server counted over time: look-ups, evictions, memory.
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
            "cache: look-ups a second",
            Unit::Count,
            vec![("hits", Hue(3), &hits), ("misses", Hue(2), &misses)],
            None,
        ),
        panel(timeline, "cache: evictions a second", Unit::Count, vec![("evicted", Hue(2), &evicted)], None),
        panel(
            timeline,
            "cache: memory used",
            Unit::Bytes,
            vec![("used", hue_of(Tier::Cache), &memory)],
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

/// The sum of what was said; `None` where nobody was asked.
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
