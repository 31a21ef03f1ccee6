//! The stages: each turns its part of the plan into one call of a crate and one file of the run folder.

pub(crate) mod analyse;
pub(crate) mod audit;
pub(crate) mod down;
pub(crate) mod gate;
pub(crate) mod load;
pub(crate) mod probe;
pub(crate) mod profile;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod sampled;
pub(crate) mod smoke;
mod stores;
pub(crate) mod up;
pub(crate) mod warm;
