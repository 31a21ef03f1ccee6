//! Why a journey ended before its end.

use kneepoint_model::outcome::Outcome;
use thiserror::Error;

/// Ends a journey.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JourneyError {
    /// A request failed. It is in the figures; the journey counts as failed.
    #[error("`{endpoint}` failed ({}): {detail}", outcome.words())]
    RequestFailed {
        /// Which endpoint.
        endpoint: String,
        /// How.
        outcome: Outcome,
        /// More of it, in words.
        detail: String,
    },
    /// The phase is over: nothing more may be asked for. The journey counts as neither completed nor failed.
    #[error("the phase is over")]
    PhaseOver,
    /// The journey itself saw no way on; it counts as failed, though no request did.
    #[error("{0}")]
    GaveUp(String),
}

impl JourneyError {
    /// The journey sees no way on.
    pub fn give_up(why: impl std::fmt::Display) -> Self {
        Self::GaveUp(why.to_string())
    }
}
