//! Attribution of time: the mean request of an endpoint, divided into parts that sum exactly to the whole.
//!
//! The means cover only responses with `Server-Timing`. Queueing is the proxy's `$upstream_header_time` minus the
//! application time on the same routes (the proxy's clock has 1 ms steps, so only means over many requests are
//! meaningful). Without a proxy log, queueing stays part of network and proxy. Each part is limited to the rest of the
//! whole, because the clocks of two processes never agree to the microsecond. When the database counted its statements,
//! its server-side timer counts, and the excess measured by the application counts as application ([`crate::db_time`]).

use std::collections::BTreeMap;

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::load::{EndpointStats, LoadPhase};
use kneepoint_model::proxy::AccessSummary;
use kneepoint_model::summary::{EndpointSummary, TimeSplit};
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};

use crate::db_time::{TimerComparison, compare_timers};
use crate::facts::RunFacts;
use crate::server_timing::{statement_counts, trusted_sums};

/// Summaries of every endpoint of every phase.
pub fn summarise_endpoints(facts: &RunFacts) -> Vec<EndpointSummary> {
    let of_phase = |phase: &LoadPhase| {
        let access = facts.access.get(&phase.name);
        let timers = compare_timers(facts, phase);
        let summary = |endpoint| summarise_endpoint(phase, endpoint, access, timers.as_ref());
        phase.endpoints.iter().map(summary).collect::<Vec<_>>()
    };
    facts.phases.iter().flat_map(of_phase).collect()
}

fn summarise_endpoint(
    phase: &LoadPhase,
    stats: &EndpointStats,
    access: Option<&AccessSummary>,
    timers: Option<&TimerComparison>,
) -> EndpointSummary {
    EndpointSummary {
        phase: phase.name.clone(),
        name: stats.name.clone(),
        route: main_route(stats).map(str::to_owned),
        requests: stats.requests,
        errors: stats.errors,
        rps: PerSecond::from_count(stats.requests, phase.measured()),
        response_us: stats.response_us,
        service_us: stats.service_us,
        ttfb_us: stats.ttfb_us,
        bytes_per_request: Bytes(stats.wire_bytes.get().checked_div(stats.requests).unwrap_or(0)),
        redirects_per_request: (stats.redirects > 0 && stats.requests > 0)
            .then(|| stats.redirects as f64 / stats.requests as f64),
        queries_per_request: statement_counts(stats)
            .map(|(queries, requests)| queries as f64 / requests as f64),
        cache_hit: hit_ratio(&stats.cache),
        split: split_time(stats, access, timers),
    }
}

/// The route pattern that served most requests of an endpoint.
pub fn main_route(stats: &EndpointStats) -> Option<&str> {
    stats
        .routes
        .iter()
        .max_by_key(|(name, count)| (**count, std::cmp::Reverse(*name)))
        .map(|(name, _)| name.as_str())
}

/// Share of hits among the responses with a `Cache-Status`; `None` when there were none.
pub fn hit_ratio(cache: &BTreeMap<CacheOutcome, u64>) -> Option<Ratio> {
    let reported = cache.iter().filter(|(outcome, _)| **outcome != CacheOutcome::None);
    let (hits, all) = reported.fold((0, 0), |(hits, all), (outcome, count)| {
        (hits + if outcome.is_hit() { *count } else { 0 }, all + count)
    });
    Ratio::from_parts(hits, all)
}

/// The parts of the mean request; `None` without a trusted `Server-Timing` ([`trusted_sums`]).
pub fn split_time(
    stats: &EndpointStats,
    access: Option<&AccessSummary>,
    timers: Option<&TimerComparison>,
) -> Option<TimeSplit> {
    let sums = trusted_sums(stats).filter(|sums| sums.app_us > Micros::ZERO)?;
    let mean = |sum: Micros| Micros((sum.as_f64() / sums.n as f64).round() as u64);
    let total = mean(sums.service_us);
    let in_app = mean(sums.app_us).min(total);
    let engine = mean(sums.engine_us).min(in_app);
    let by_app = mean(sums.db_us).min(in_app - engine);
    let statements = sums.queries as f64 / sums.n as f64;
    let db = timers.map_or(by_app, |timers| timers.server_part(by_app, statements));
    let cache = mean(sums.cache_us).min(in_app - engine - db);
    let outside = total - in_app;
    let queue = access.and_then(|log| queueing_time(stats, log)).map(|queue| queue.min(outside));
    Some(TimeSplit {
        n: sums.n,
        total_us: total,
        network_proxy_us: outside - queue.unwrap_or(Micros::ZERO),
        queue_us: queue,
        app_us: in_app - engine - db - cache,
        db_us: db,
        db_own_timer: timers.is_some(),
        cache_us: cache,
        engine_us: engine,
    })
}

/// Mean wait for a worker on the routes of an endpoint, weighted by their requests; `None` when the log covers less than
/// half of the requests.
fn queueing_time(stats: &EndpointStats, log: &AccessSummary) -> Option<Micros> {
    let (mut weighted, mut known, mut all) = (0.0, 0_u64, 0_u64);
    for (name, count) in &stats.routes {
        all += count;
        let Some(route) = log.routes.iter().find(|route| route.route == *name) else { continue };
        if route.upstream == 0 || route.app_n == 0 {
            continue;
        }
        let header = route.header_us.as_f64() / route.upstream as f64;
        let app = route.app_us.as_f64() / route.app_n as f64;
        weighted += (header - app).max(0.0) * *count as f64;
        known += count;
    }
    (known > 0 && known * 2 >= all).then(|| Micros((weighted / known as f64).round() as u64))
}

#[cfg(test)]
mod tests {
    use kneepoint_model::load::ServerTimingSums;
    use kneepoint_model::proxy::ProxyRoute;
    use proptest::prelude::*;

    use super::*;

    fn stats(n: u64, service: u64, parts: [u64; 4]) -> EndpointStats {
        let [app, db, cache, engine] = parts.map(|us| Micros(us * n));
        EndpointStats {
            requests: n,
            routes: BTreeMap::from([("book/".into(), n)]),
            split: ServerTimingSums {
                n,
                service_us: Micros(service * n),
                app_us: app,
                db_us: db,
                cache_us: cache,
                engine_us: engine,
                ..ServerTimingSums::default()
            },
            ..EndpointStats::default()
        }
    }

    fn log(header: u64, app: u64) -> AccessSummary {
        let route = ProxyRoute {
            route: "book/".into(),
            upstream: 100,
            header_us: Micros(header * 100),
            app_us: Micros(app * 100),
            app_n: 100,
            ..ProxyRoute::default()
        };
        AccessSummary { routes: vec![route], ..AccessSummary::default() }
    }

    fn sum(split: &TimeSplit) -> Micros {
        split.network_proxy_us
            + split.queue_us.unwrap_or_default()
            + split.app_us
            + split.db_us
            + split.cache_us
            + split.engine_us
    }

    #[test]
    fn the_parts_of_a_request_are_its_measured_times() {
        let split =
            split_time(&stats(50, 30_000, [12_000, 3_000, 500, 4_000]), Some(&log(25_000, 12_000)), None)
                .expect("reported");
        assert_eq!(split.queue_us, Some(Micros(13_000)));
        assert_eq!((split.app_us, split.network_proxy_us), (Micros(4_500), Micros(5_000)));
        assert_eq!(sum(&split), split.total_us);
    }

    #[test]
    fn without_a_log_queueing_is_unknown() {
        let split = split_time(&stats(50, 30_000, [12_000, 0, 0, 0]), None, None).expect("reported");
        assert_eq!((split.queue_us, split.network_proxy_us), (None, Micros(18_000)));
    }

    #[test]
    fn a_cached_server_timing_is_not_trusted() {
        let mut cached = stats(100, 1_000, [12_000, 0, 0, 0]);
        cached.cache = BTreeMap::from([(CacheOutcome::Hit, 90), (CacheOutcome::Miss, 10)]);
        assert_eq!(split_time(&cached, None, None), None);
        cached.split.n = 10;
        assert!(split_time(&cached, None, None).is_some());
    }

    #[test]
    fn a_redirect_is_two_responses_to_one_request() {
        let mut redirected = stats(100, 1_000, [800, 0, 0, 0]);
        redirected.requests = 50;
        redirected.split.queries = 300;
        assert!(split_time(&redirected, None, None).is_some());
        assert_eq!(statement_counts(&redirected), Some((300, 50)));
    }

    #[test]
    fn the_server_side_timer_counts_and_the_rest_is_application_time() {
        let facts = crate::fixtures::healthy();
        let endpoints = summarise_endpoints(&facts);
        let split = endpoints[2].split.expect("reported");
        // The application measured 4.0 ms for 5 statements, the server-side timer 1.4 ms.
        assert_eq!((split.db_us, split.db_own_timer), (Micros(1_400), true));
        assert_eq!(split.app_us, Micros(8_000 - 600 - 1_400));
        assert_eq!(sum(&split), split.total_us);
    }

    #[test]
    fn without_server_timing_there_is_no_split() {
        assert_eq!(split_time(&EndpointStats { requests: 9, ..EndpointStats::default() }, None, None), None);
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole(
            n in 1u64..10_000,
            service in 0u64..60_000_000,
            parts in prop::array::uniform4(0u64..60_000_000),
            header in 0u64..60_000_000,
            app in 0u64..60_000_000,
            logged in any::<bool>(),
        ) {
            let log = log(header, app);
            let mut stats = stats(n, service, parts);
            stats.split.app_us += Micros(1);
            let split = split_time(&stats, logged.then_some(&log), None).expect("reported");
            prop_assert_eq!(sum(&split), split.total_us);
            prop_assert_eq!(split.queue_us.is_some(), logged);
        }
    }
}
