//! Counts of one endpoint: everything that is not a latency.

use std::collections::BTreeMap;

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::load::ServerTimingSums;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::page::PageCounts;
use kneepoint_model::units::{Bytes, Micros};
use serde::{Deserialize, Serialize};

use super::completed::{CompletedRequest, HopTiming};

const MAX_ROUTES: usize = 50;

/// Counts, which can be added up exactly.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndpointCounts {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) outcomes: BTreeMap<Outcome, u64>,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) wire_bytes: Bytes,
    pub(crate) body_bytes: Bytes,
    #[serde(default)]
    pub(crate) undecoded_bytes: Bytes,
    pub(crate) compressed: u64,
    #[serde(default)]
    pub(crate) redirects: u64,
    pub(crate) cache: BTreeMap<CacheOutcome, u64>,
    pub(crate) split: ServerTimingSums,
    pub(crate) routes: BTreeMap<String, u64>,
    /// Loads of pages whose documents these are, where assets are loaded.
    #[serde(default, skip_serializing_if = "PageCounts::is_empty")]
    pub(crate) pages: PageCounts,
}

impl EndpointCounts {
    pub(crate) fn count(&mut self, request: &CompletedRequest<'_>) {
        self.requests += 1;
        self.errors += u64::from(!request.outcome.is_ok());
        *self.outcomes.entry(request.outcome).or_default() += 1;
        if let Some(status) = request.status {
            *self.statuses.entry(status).or_default() += 1;
        }
        self.wire_bytes += Bytes(request.wire);
        self.body_bytes += Bytes(request.body);
        self.undecoded_bytes += Bytes(request.undecoded);
        self.compressed += u64::from(request.compressed);
        self.redirects += u64::from(request.redirects);
        if let Some(cache) = request.cache {
            *self.cache.entry(cache).or_default() += 1;
        }
        for hop in request.hops {
            self.count_hop(hop);
        }
    }

    fn count_hop(&mut self, hop: &HopTiming) {
        let timing = &hop.timing;
        let or_none = |time: Option<Micros>| time.unwrap_or_default();
        let number = |count: Option<u32>| u64::from(count.unwrap_or_default());
        if let Some(route) = &timing.route {
            self.count_route(route, 1);
        }
        if hop.stored {
            return;
        }
        self.split.add(&ServerTimingSums {
            n: 1,
            service_us: Micros::from_duration(hop.service),
            ttfb_us: Micros::from_duration(hop.ttfb),
            app_us: or_none(timing.app),
            cpu_us: or_none(timing.cpu),
            db_us: or_none(timing.db),
            queries: number(timing.db_queries),
            cache_us: or_none(timing.cache),
            cache_hits: number(timing.cache_hits),
            cache_misses: number(timing.cache_misses),
            engine_us: or_none(timing.engine),
        });
    }

    fn count_route(&mut self, route: &str, times: u64) {
        if let Some(count) = self.routes.get_mut(route) {
            *count += times;
        } else if self.routes.len() < MAX_ROUTES {
            self.routes.insert(route.to_owned(), times);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        add(&mut self.outcomes, &other.outcomes);
        add(&mut self.statuses, &other.statuses);
        self.wire_bytes += other.wire_bytes;
        self.body_bytes += other.body_bytes;
        self.undecoded_bytes += other.undecoded_bytes;
        self.compressed += other.compressed;
        self.redirects += other.redirects;
        add(&mut self.cache, &other.cache);
        self.split.add(&other.split);
        for (route, times) in &other.routes {
            self.count_route(route, *times);
        }
        self.pages.add(&other.pages);
    }
}

fn add<K: Ord + Copy>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(*key).or_default() += count;
    }
}
