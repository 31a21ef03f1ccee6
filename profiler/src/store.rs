//! What databases and caches count themselves: read before and after a phase, and a few gauges each second meanwhile.
//!
//! One thread owns one connection to each server and does one thing at a time; [`StoreWatch`] is the way to speak to it.
//! Figures are differences of two readings, never totals; kneepoint's own statements and connections are counted and taken
//! out. What a server does not say is an [`Unmeasured`](kneepoint_model::manifest::Unmeasured), never a zero.
//!
//! Nothing secret leaves: strings in statements are masked before they are kept, passwords never come back out of
//! [`StorePlan`].

mod cache;
mod gauges;
mod memcached;
mod mysql;
mod plan;
mod redis;
mod sql;
mod watch;
mod wire;

pub use gauges::GaugeSlot;
pub use plan::{Secret, StorePlan, StoreTarget};
pub use watch::{Readings, StoreWatch};

use kneepoint_model::manifest::Unmeasured;

/// Why a server did not say something, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) why: String,
    pub(crate) fix: String,
}

impl Gap {
    pub(crate) fn new(why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { why: why.into(), fix: fix.into() }
    }

    pub(crate) fn of(self, what: impl Into<String>) -> Unmeasured {
        Unmeasured { what: what.into(), why: self.why, fix: self.fix }
    }
}
