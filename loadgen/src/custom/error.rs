//! Why a custom journey ended early.

use kneepoint_model::outcome::Outcome;
use thiserror::Error;

/// Ends a journey.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JourneyError {
    /// A request failed. It is in the figures; the journey counts as failed.
    #[error("`{endpoint}` failed ({}): {detail}", outcome.label())]
    RequestFailed {
        /// Name of the request's endpoint.
        endpoint: String,
        /// How the request ended.
        outcome: Outcome,
        /// The details, for a message.
        detail: String,
    },
    /// The phase is over: no further request is sent. The journey counts as neither completed nor failed.
    #[error("the phase is over")]
    PhaseOver,
    /// The journey itself cannot continue; it counts as failed, though no request did.
    #[error("{0}")]
    GaveUp(String),
}

impl JourneyError {
    /// Ends a journey that cannot continue.
    pub fn give_up(why: impl std::fmt::Display) -> Self {
        Self::GaveUp(why.to_string())
    }
}
