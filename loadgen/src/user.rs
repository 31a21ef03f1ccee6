//! What one user does: a journey, its steps, and each request from its due time until it is recorded.
//!
//! `journey` → `step` → `document` → `request` → `in_flight`; `session` holds what the user keeps between them.

pub(crate) mod checks;
pub(crate) mod cookies;
pub(crate) mod document;
pub(crate) mod group;
pub(crate) mod in_flight;
pub(crate) mod journey;
pub(crate) mod links;
pub(crate) mod pause;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod session;
pub(crate) mod step;
pub(crate) mod timeout;
