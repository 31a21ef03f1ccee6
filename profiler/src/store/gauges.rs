//! Slot in which the watch thread leaves its latest gauges for the sampler's tick.

use std::sync::{Arc, Mutex, PoisonError};

use kneepoint_model::sample::{CacheGauge, DbGauge};

/// Gauges since the last tick: a slow server never delays a tick, only its gauges are missing.
#[derive(Debug, Clone, Default)]
pub struct GaugeSlot(Arc<Mutex<Gauges>>);

/// Gauges that wait to be taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    pub(crate) databases: Vec<DbGauge>,
    pub(crate) caches: Vec<CacheGauge>,
}

/// Most gauges that wait when nobody takes them.
const MAX_PENDING: usize = 32;

impl GaugeSlot {
    /// Takes all waiting gauges.
    pub(crate) fn take(&self) -> Gauges {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn put(&self, gauge: Gauge) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match gauge {
            Gauge::Db(gauge) if slot.databases.len() < MAX_PENDING => slot.databases.push(gauge),
            Gauge::Cache(gauge) if slot.caches.len() < MAX_PENDING => slot.caches.push(gauge),
            Gauge::Db(_) | Gauge::Cache(_) => {}
        }
    }
}

/// Gauge of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gauge {
    Db(DbGauge),
    Cache(CacheGauge),
}
