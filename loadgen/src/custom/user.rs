//! The user of a custom journey, who sends requests, pauses, makes random choices, and keeps cookies.

use std::time::{Duration, Instant};

use http::Method;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::error::JourneyError;
use super::request::RequestBuilder;
use crate::phase::context::PhaseContext;
use crate::phase::prepared::PreparedJourney;
use crate::transport::Pool;
use crate::user::in_flight::{DueTime, StepEnd};
use crate::user::pause::{StepTiming, pause as pause_for};
use crate::user::session::UserSession;

/// Delay of each request that a journey sends after the end of the phase.
const OVER_DELAY: Duration = Duration::from_millis(20);

/// One user in one journey.
pub struct User<'a> {
    pub(super) context: &'a PhaseContext,
    pub(super) session: &'a mut UserSession,
    pub(super) pool: &'a Pool,
    pub(super) prepared: &'a PreparedJourney,
    pub(super) timing: StepTiming<'a>,
    /// When the next request is due.
    pub(super) due: DueTime,
    /// Whether a request was sent, so that `due` is that of the next one.
    pub(super) begun: bool,
}

impl<'a> User<'a> {
    /// A GET request. `endpoint` is one of the [names](super::Journey::endpoints) that the journey declares; `path` begins with
    /// `/`, or is a link of the current page, which is resolved as a browser does and never leaves the site.
    pub fn get(&mut self, endpoint: &str, path: impl Into<String>) -> RequestBuilder<'_, 'a> {
        self.request(Method::GET, endpoint, path)
    }
    /// A HEAD request, for header fields only.
    pub fn head(&mut self, endpoint: &str, path: impl Into<String>) -> RequestBuilder<'_, 'a> {
        self.request(Method::HEAD, endpoint, path)
    }
    /// A POST request: add a body with [`RequestBuilder::form`], [`RequestBuilder::json`] or [`RequestBuilder::body`].
    pub fn post(&mut self, endpoint: &str, path: impl Into<String>) -> RequestBuilder<'_, 'a> {
        self.request(Method::POST, endpoint, path)
    }
    /// A PUT request.
    pub fn put(&mut self, endpoint: &str, path: impl Into<String>) -> RequestBuilder<'_, 'a> {
        self.request(Method::PUT, endpoint, path)
    }
    /// A PATCH request.
    pub fn patch(&mut self, endpoint: &str, path: impl Into<String>) -> RequestBuilder<'_, 'a> {
        self.request(Method::PATCH, endpoint, path)
    }
    /// A DELETE request.
    pub fn delete(&mut self, endpoint: &str, path: impl Into<String>) -> RequestBuilder<'_, 'a> {
        self.request(Method::DELETE, endpoint, path)
    }

    fn request(&mut self, method: Method, endpoint: &str, path: impl Into<String>) -> RequestBuilder<'_, 'a> {
        RequestBuilder::new(self, method, endpoint, path.into())
    }

    /// Pauses before the next request, for `pause` times the `think_scale` of the plan. In the open model the next request is
    /// due when the pause ends, even if the generator is late; so pause with this, and not with a timer of your own.
    pub async fn think(&mut self, pause: Duration) {
        let pause = pause.mul_f64(self.context.prepared.plan.options.think_scale.clamp(0.0, 1000.0));
        self.due = pause_for(self.context, self.due, pause, self.timing).await;
    }

    /// Pauses for a random time, evenly distributed between two bounds.
    pub async fn think_between(&mut self, min: Duration, max: Duration) {
        let span = max.saturating_sub(min).as_micros() as u64;
        let pause = min + Duration::from_micros(self.random_below(span.saturating_add(1)));
        self.think(pause).await;
    }

    /// Number of the user, from 1.
    pub fn number(&self) -> u64 {
        self.session.visit.user
    }
    /// Number of the journey in the run, from 1.
    pub fn journey(&self) -> u64 {
        self.session.visit.journey
    }
    /// True until this user has completed a journey; with [`Journey::session`](super::Journey::session) `User`, the time to log
    /// in.
    pub fn is_first_journey(&self) -> bool {
        self.session.is_first_journey
    }
    /// Path and query of the current page.
    pub fn page_path(&self) -> &str {
        &self.session.page_path
    }

    /// The user's own random stream: equal seeds of the plan make equal journeys.
    pub fn rng(&mut self) -> &mut ChaCha8Rng {
        &mut self.session.visit.rng
    }
    /// A random whole number below `bound` (at least 1).
    pub fn random_below(&mut self, bound: u64) -> u64 {
        self.session.visit.rng.random_range(0..bound.max(1))
    }
    /// A random item; `None` when there are none.
    pub fn pick<'t, T>(&mut self, among: &'t [T]) -> Option<&'t T> {
        among.get(self.random_below(among.len() as u64) as usize)
    }

    /// Value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.session.jar.get(name)
    }
    /// Sets a cookie for all paths, as if the site had done so; text that is invalid in a cookie is ignored.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        let fits = |text: &str| !text.contains([';', ',']) && !text.chars().any(char::is_control);
        if fits(name) && fits(value) && !name.contains('=') {
            self.session.jar.set(&format!("{name}={value}; Path=/"));
        }
    }
    /// Removes all cookies.
    pub fn clear_cookies(&mut self) {
        self.session.jar.clear();
    }

    /// When the next request is due.
    pub(super) async fn next_due(&mut self) -> Result<DueTime, JourneyError> {
        // In the closed model a request is due when the user sends it; in the open model the schedule decides.
        if self.begun && matches!(self.timing, StepTiming::WhenReady) {
            self.due = DueTime { at: Instant::now(), lag: None };
        }
        if self.due.at >= self.context.prepared.window.until {
            // A journey that ignores the end must not keep the thread from other users.
            tokio::time::sleep(OVER_DELAY).await;
            return Err(JourneyError::PhaseOver);
        }
        self.begun = true;
        Ok(self.due)
    }

    /// The next request is due when this one ended.
    pub(super) fn request_ended(&mut self, end: StepEnd) {
        self.due = DueTime { at: end.done, lag: None };
    }
}
