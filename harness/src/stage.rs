//! The stages: each passes its part of the plan to one crate and writes the result to the run folder.

pub(crate) mod analyse;
pub(crate) mod down;
pub(crate) mod gate;
pub(crate) mod load;
pub(crate) mod probe;
pub(crate) mod profile;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod sampling;
pub(crate) mod smoke;
pub(crate) mod stock_check;
mod stores;
pub(crate) mod up;
pub(crate) mod warm;
