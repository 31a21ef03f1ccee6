//! Where the watching thread leaves its latest gauges, and the sampler's tick takes them.

use std::sync::{Arc, Mutex, PoisonError};

use kneepoint_model::sample::{CacheGauge, DbGauge};

/// Answers since the last tick: a slow server never holds a tick up, its gauges are only missing from it.
#[derive(Debug, Clone, Default)]
pub struct GaugeSlot(Arc<Mutex<Gauges>>);

/// What was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    pub(crate) databases: Vec<DbGauge>,
    pub(crate) caches: Vec<CacheGauge>,
}

/// Nobody may be taking: then the slot keeps the latest of this many answers.
const MOST: usize = 32;

impl GaugeSlot {
    /// Takes what is there.
    pub(crate) fn take(&self) -> Gauges {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn put(&self, gauge: Gauge) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match gauge {
            Gauge::Db(gauge) if slot.databases.len() < MOST => slot.databases.push(gauge),
            Gauge::Cache(gauge) if slot.caches.len() < MOST => slot.caches.push(gauge),
            Gauge::Db(_) | Gauge::Cache(_) => {}
        }
    }
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gauge {
    Db(DbGauge),
    Cache(CacheGauge),
}
