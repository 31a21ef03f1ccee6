//! A route alone: the medians of what its answers took and said. Pure.

use kneepoint_model::probe::RouteProbe;
use kneepoint_model::server_timing::ServerTiming;
use kneepoint_model::units::{Bytes, Micros};

use crate::http::{Answer, compressible, gzip_size};

/// The medians of good answers, all to the same request; `None` when there were none.
///
/// Answers that a cache gave repeat what the application said when it filled the cache: their times count, their
/// `Server-Timing` does not.
pub(crate) fn summary(route: &str, path: &str, asked: u32, good: &[Answer]) -> Option<RouteProbe> {
    let last = good.last()?;
    let fresh: Vec<ServerTiming> =
        good.iter().filter(|answer| !answer.cache_outcome().is_hit()).map(Answer::server_timing).collect();
    let time = |read: fn(&ServerTiming) -> Option<Micros>| median(fresh.iter().filter_map(read).collect());
    let compressed = last.encoding().is_some();
    let body = last.body.bytes();
    let packable =
        !compressed && !body.is_empty() && last.content_type().is_some_and(|kind| compressible(&kind));
    Some(RouteProbe {
        route: route.to_owned(),
        path: path.to_owned(),
        requests: asked,
        errors: asked.saturating_sub(u32::try_from(good.len()).unwrap_or(u32::MAX)),
        p50_us: median(good.iter().map(|answer| Micros::from_duration(answer.total)).collect())?,
        app_us: time(|timing| timing.app),
        cpu_us: time(|timing| timing.cpu),
        db_us: time(|timing| timing.db),
        queries: median(fresh.iter().filter_map(|timing| timing.db_queries).collect()),
        engine_us: time(|timing| timing.engine),
        wire_bytes: Bytes(last.wire_bytes),
        body_bytes: Bytes(body.len() as u64),
        compressed,
        gzip_bytes: packable.then(|| Bytes(gzip_size(body))),
        slope: None,
        cache: None,
    })
}

/// The lower median: always a value that was seen.
fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_value_that_was_seen() {
        assert_eq!(median(vec![3, 1, 2]), Some(2));
        assert_eq!(median(vec![4, 1, 2, 3]), Some(2));
        assert_eq!(median::<u32>(vec![]), None);
    }
}
