//! When journeys start: at the users' own timing (closed model) or at the due times of a schedule (open model).

pub(crate) mod alarm;
pub(crate) mod closed;
pub(crate) mod open;
pub(crate) mod pacer;
pub(crate) mod pacing;
pub(crate) mod picker;
mod reactor;
