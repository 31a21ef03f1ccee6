//! What a journey is given: one visitor, who asks, pauses, chooses, and keeps cookies.

use std::time::{Duration, Instant};

use http::Method;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::ask::Ask;
use super::stop::Stop;
use crate::journey::{Pace, wait};
use crate::session::Session;
use crate::transport::Pool;
use crate::unfinished::{Due, StepEnd};
use crate::world::{ReadyCoded, World};

/// Longest wait of a journey that goes on asking after the end.
const REST: Duration = Duration::from_millis(20);

/// One visitor on one journey.
pub struct Visitor<'a> {
    pub(super) world: &'a World,
    pub(super) session: &'a mut Session,
    pub(super) pool: &'a Pool,
    pub(super) ready: &'a ReadyCoded,
    pub(super) pace: Pace<'a>,
    /// When the next request is due.
    pub(super) due: Due,
    /// Whether a request was made, and so `due` is of the next one.
    pub(super) begun: bool,
}

impl<'a> Visitor<'a> {
    /// Asks for a page or a value. `endpoint` is one of the journey's own [names](super::Journey::endpoints); `path` begins with `/`, or
    /// is a link of the last page, which is resolved as a browser does and never leaves the site.
    pub fn get(&mut self, endpoint: &str, path: impl Into<String>) -> Ask<'_, 'a> {
        self.ask(Method::GET, endpoint, path)
    }
    /// Asks for the header fields only.
    pub fn head(&mut self, endpoint: &str, path: impl Into<String>) -> Ask<'_, 'a> {
        self.ask(Method::HEAD, endpoint, path)
    }
    /// Sends something: add it with [`Ask::form`], [`Ask::json`] or [`Ask::body`].
    pub fn post(&mut self, endpoint: &str, path: impl Into<String>) -> Ask<'_, 'a> {
        self.ask(Method::POST, endpoint, path)
    }
    /// Replaces something.
    pub fn put(&mut self, endpoint: &str, path: impl Into<String>) -> Ask<'_, 'a> {
        self.ask(Method::PUT, endpoint, path)
    }
    /// Changes something.
    pub fn patch(&mut self, endpoint: &str, path: impl Into<String>) -> Ask<'_, 'a> {
        self.ask(Method::PATCH, endpoint, path)
    }
    /// Deletes something.
    pub fn delete(&mut self, endpoint: &str, path: impl Into<String>) -> Ask<'_, 'a> {
        self.ask(Method::DELETE, endpoint, path)
    }

    fn ask(&mut self, method: Method, endpoint: &str, path: impl Into<String>) -> Ask<'_, 'a> {
        Ask::new(self, method, endpoint, path.into())
    }

    /// Pauses before the next request, as long as it says times the plan's `think_scale`. In the open model the next request is due
    /// when the pause ends, even if the generator is late; so pause with this and not with a timer of your own.
    pub async fn think(&mut self, pause: Duration) {
        let pause = pause.mul_f64(self.world.plan.think_scale.clamp(0.0, 1000.0));
        self.due = wait(self.world, self.due, pause, self.pace).await;
    }

    /// Pauses evenly between two bounds.
    pub async fn think_between(&mut self, min: Duration, max: Duration) {
        let span = max.saturating_sub(min).as_micros() as u64;
        let pause = min + Duration::from_micros(self.below(span.saturating_add(1)));
        self.think(pause).await;
    }

    /// Number of the visitor, from 1.
    pub fn number(&self) -> u64 {
        self.session.visit.user
    }
    /// Number of the journey in the run, from 1.
    pub fn journey(&self) -> u64 {
        self.session.visit.journey
    }
    /// True until this visitor has completed a journey; with [`Journey::session`](super::Journey::session) `User`, the time to log in.
    pub fn is_first_journey(&self) -> bool {
        self.session.first
    }
    /// Path and query of the last page.
    pub fn at(&self) -> &str {
        &self.session.at
    }

    /// The visitor's own source of chance: equal seeds of the plan make equal journeys.
    pub fn rng(&mut self) -> &mut ChaCha8Rng {
        &mut self.session.visit.rng
    }
    /// A whole number below `bound` (at least 1).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.session.visit.rng.random_range(0..bound.max(1))
    }
    /// One of several; `None` when there is none.
    pub fn pick<'t, T>(&mut self, among: &'t [T]) -> Option<&'t T> {
        among.get(self.below(among.len() as u64) as usize)
    }

    /// Value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.session.jar.get(name)
    }
    /// Sets a cookie for all paths, as if the site had done so; text that cannot be a cookie is passed over.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        let fits = |text: &str| !text.contains([';', ',']) && !text.chars().any(char::is_control);
        if fits(name) && fits(value) && !name.contains('=') {
            self.session.jar.set(&format!("{name}={value}; Path=/"));
        }
    }
    /// Becomes a visitor without cookies.
    pub fn forget_cookies(&mut self) {
        self.session.jar.clear();
    }

    /// When the next request is due.
    pub(super) async fn next_due(&mut self) -> Result<Due, Stop> {
        // A visitor of the closed model asks when it is ready to; one of the open model when the clock says so.
        if self.begun && matches!(self.pace, Pace::Visitor) {
            self.due = Due { at: Instant::now(), lag: None };
        }
        if self.due.at >= self.world.window.until {
            // A journey that does not heed it shall not keep the thread from the others.
            tokio::time::sleep(REST).await;
            return Err(Stop::Over);
        }
        self.begun = true;
        Ok(self.due)
    }

    /// A request ended.
    pub(super) fn ended(&mut self, end: StepEnd) {
        self.due = Due { at: end.done, lag: None };
    }
}
