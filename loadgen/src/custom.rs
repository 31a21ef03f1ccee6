//! Custom journeys: journeys written in Rust, for what a scenario file cannot express, such as a choice by an algorithm, a
//! computed body, or a loop whose end depends on the responses.
//!
//! A [`Journey`] is run by one [`User`] at a time and sends its requests through it. They use the same transport and the same
//! recorder as those of scenario files, in the closed model, the open model, and in blocks: with slots, deadlines, intended
//! starts, and censoring of what the end of the phase cuts short. `docs/rust-journeys.md` is the introduction.

mod error;
mod request;
mod response;
mod run;
mod user;

use std::fmt;

use async_trait::async_trait;
use kneepoint_scenarios::SessionScope;

pub use error::JourneyError;
pub use request::RequestBuilder;
pub use response::Response;
pub(crate) use run::run_custom_journey;
pub use user::User;

/// What one user does, in Rust.
#[async_trait]
pub trait Journey: Send + Sync {
    /// Name in reports, beside those of scenarios.
    fn name(&self) -> &str;

    /// Names of all endpoints that the journey requests, in the order of the report. They are known before the phase begins, so
    /// that counting needs no look-up by name; a request to another endpoint stops the phase with an error.
    fn endpoints(&self) -> Vec<String>;

    /// How long a user keeps cookies: for one journey, or from one to the next.
    fn session(&self) -> SessionScope {
        SessionScope::Journey
    }

    /// Runs one journey.
    ///
    /// # Errors
    /// Why the journey ended early. Requests return such an error when they fail, so that `?` ends the journey there, as a failed
    /// step ends that of a scenario.
    async fn run(&self, user: &mut User<'_>) -> Result<(), JourneyError>;
}

impl fmt::Debug for dyn Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journey").field("name", &self.name()).finish_non_exhaustive()
    }
}
