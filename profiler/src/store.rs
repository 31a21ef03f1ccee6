//! Counters of databases and caches: read before and after a phase, and a few gauges every second in between.
//!
//! One thread owns one connection to each server; [`StoreWatch`] sends it commands. Figures are differences of two
//! readings, never totals; kneepoint's own statements and connections are counted and subtracted. A counter that a
//! server does not report is an [`Unmeasured`](kneepoint_model::unmeasured::Unmeasured), never a zero.
//!
//! No secret leaves this module: strings in statements are masked before they are kept, passwords never leave
//! [`StorePlan`].

mod cache;
mod connection;
mod gauges;
mod memcached;
mod mysql;
mod plan;
mod redis;
mod sql;
mod watch;

pub use gauges::GaugeSlot;
pub use plan::{Secret, StorePlan, StoreTarget};
pub use watch::{StoreReadings, StoreWatch};

use kneepoint_model::unmeasured::Unmeasured;

/// Why a server did not report something, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) why: String,
    pub(crate) fix: String,
}

impl Gap {
    pub(crate) fn new(why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { why: why.into(), fix: fix.into() }
    }

    pub(crate) fn into_unmeasured(self, what: impl Into<String>) -> Unmeasured {
        Unmeasured { what: what.into(), why: self.why, fix: self.fix }
    }
}
