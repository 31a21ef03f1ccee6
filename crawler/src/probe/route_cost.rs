//! Cost of a route in isolation: medians of response times and of the server's own figures. Pure.

use kneepoint_model::probe::RouteProbe;
use kneepoint_model::server_timing::ServerTiming;
use kneepoint_model::units::{Bytes, Micros};

use crate::http::{Response, gzip_size, is_compressible};

/// Medians of successful responses to the same request; `None` when there are none.
///
/// A response from a cache repeats the `Server-Timing` of the response that filled the cache, so its own time
/// counts but its server figures do not.
pub(crate) fn summarize(route: &str, path: &str, requests: u32, good: &[Response]) -> Option<RouteProbe> {
    let last = good.last()?;
    let uncached: Vec<ServerTiming> = good
        .iter()
        .filter(|response| !response.cache_outcome().is_hit())
        .map(Response::server_timing)
        .collect();
    let median_time =
        |read: fn(&ServerTiming) -> Option<Micros>| median(uncached.iter().filter_map(read).collect());
    let compressed = last.encoding().is_some();
    let body = last.body.bytes();
    let could_compress =
        !compressed && !body.is_empty() && last.content_type().is_some_and(|kind| is_compressible(&kind));
    Some(RouteProbe {
        route: route.to_owned(),
        path: path.to_owned(),
        requests,
        errors: requests.saturating_sub(u32::try_from(good.len()).unwrap_or(u32::MAX)),
        p50_us: median(good.iter().map(|response| Micros::from_duration(response.total)).collect())?,
        app_us: median_time(|timing| timing.app),
        cpu_us: median_time(|timing| timing.cpu),
        db_us: median_time(|timing| timing.db),
        queries: median(uncached.iter().filter_map(|timing| timing.db_queries).collect()),
        engine_us: median_time(|timing| timing.engine),
        wire_bytes: Bytes(last.wire_bytes),
        body_bytes: Bytes(body.len() as u64),
        compressed,
        gzip_bytes: could_compress.then(|| Bytes(gzip_size(body))),
        slope: None,
        cache: None,
    })
}

/// The lower median: always one of the values.
fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_one_of_the_values() {
        assert_eq!(median(vec![3, 1, 2]), Some(2));
        assert_eq!(median(vec![4, 1, 2, 3]), Some(2));
        assert_eq!(median::<u32>(vec![]), None);
    }
}
