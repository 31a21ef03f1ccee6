//! A validated scenario: validation builds it once, and nothing checks it again.

use std::sync::Arc;

use crate::body::Body;
use crate::condition::Condition;
use crate::extract::Extract;
use crate::feed::{Feed, FeedExhausted};
use crate::repeat::Repeat;
use crate::secret::Secret;
use crate::slo::StepSlo;
use crate::source::VarSource;
use crate::template::Template;
use crate::think_time::ThinkTime;
use crate::user_context::UserContext;
use crate::values::VarId;

/// What one user does: steps, values, sessions and pauses.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) weight: u32,
    pub(crate) needs_throw_away: bool,
    pub(crate) session: SessionScope,
    pub(crate) pick_steps: u32,
    pub(crate) sources: Arc<[(VarId, VarSource)]>,
    pub(crate) feeds: Arc<[Feed]>,
    pub(crate) secrets: Arc<[Secret]>,
    pub(crate) steps: Arc<[Step]>,
}

/// How long cookies and values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionScope {
    /// Each journey starts without cookies and values.
    Journey,
    /// A user keeps them from one journey to the next.
    User,
}

/// The HTTP methods that a step can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Default of a step; never has a body.
    Get,
    /// Like GET without a response body.
    Head,
    /// The only method besides PATCH that is not idempotent.
    Post,
    /// Idempotent, but changes data.
    Put,
    /// Neither safe nor idempotent.
    Patch,
    /// Idempotent, but changes data.
    Delete,
}

impl Method {
    pub(crate) const ALL: [Self; 6] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The method in upper case, as in the request line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
    /// True when repeating the request has no further effect (RFC 9110 §9.2.2).
    pub const fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }
    /// True when the request changes nothing on the server (RFC 9110 §9.2.1).
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// What a response must be for the request to count as a success.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    pub(crate) statuses: Vec<u16>,
    pub(crate) contains: Vec<String>,
    pub(crate) not_contains: Vec<String>,
    pub(crate) max_bytes: Option<u64>,
}

impl Expectation {
    /// True when the status is in the list; without a list, any 2xx or 3xx.
    pub fn accepts(&self, status: u16) -> bool {
        if self.statuses.is_empty() { (200..400).contains(&status) } else { self.statuses.contains(&status) }
    }
    /// True when the check needs the decoded body.
    pub fn needs_body(&self) -> bool {
        !self.contains.is_empty() || !self.not_contains.is_empty()
    }
    /// Checks the decoded body; the error names the check that failed.
    pub fn check_body(&self, body: &str, body_bytes: u64) -> Result<(), String> {
        if let Some(max) = self.max_bytes.filter(|max| body_bytes > *max) {
            return Err(format!("body of {body_bytes} bytes, at most {max} expected"));
        }
        if let Some(text) = self.contains.iter().find(|text| !body.contains(text.as_str())) {
            return Err(format!("body does not contain {text:?}"));
        }
        match self.not_contains.iter().find(|text| body.contains(text.as_str())) {
            Some(text) => Err(format!("body contains {text:?}")),
            None => Ok(()),
        }
    }
}

/// One request of a scenario.
#[derive(Debug, Clone)]
pub struct Step {
    pub(crate) name: String,
    pub(crate) method: Method,
    pub(crate) path: Template,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) body: Body,
    pub(crate) expect: Expectation,
    pub(crate) extracts: Vec<Extract>,
    pub(crate) think: ThinkTime,
    pub(crate) repeat: Repeat,
    pub(crate) chance: f64,
    pub(crate) when: Option<Condition>,
    pub(crate) once: bool,
    pub(crate) follow_redirects: bool,
    pub(crate) assets: bool,
    pub(crate) weight: u32,
    pub(crate) slo: Vec<StepSlo>,
    pub(crate) group: Option<Arc<str>>,
}

impl Step {
    /// Name of the endpoint in reports.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// GET unless the file sets another.
    pub const fn method(&self) -> Method {
        self.method
    }
    /// Path within the site; a leading placeholder holds a link.
    pub const fn path(&self) -> &Template {
        &self.path
    }
    /// Headers of the scenario and the step, names in lower case.
    pub fn headers(&self) -> &[(String, Template)] {
        &self.headers
    }
    /// The request body.
    pub const fn body(&self) -> &Body {
        &self.body
    }
    /// What a response must be for the request to count as a success.
    pub const fn expect(&self) -> &Expectation {
        &self.expect
    }
    /// Values to extract from the response.
    pub fn extracts(&self) -> &[Extract] {
        &self.extracts
    }
    /// Pause before each run of the step.
    pub const fn think(&self) -> &ThinkTime {
        &self.think
    }
    /// True when redirects are followed within the step.
    pub const fn follows_redirects(&self) -> bool {
        self.follow_redirects
    }
    /// True when the images, scripts and style sheets of the page are loaded too, as a browser does.
    pub const fn loads_assets(&self) -> bool {
        self.assets
    }
    /// True when a check or an extract needs the decoded body.
    pub fn needs_body(&self) -> bool {
        self.expect.needs_body() || self.extracts.iter().any(Extract::needs_body)
    }
    /// The group of steps that are timed together; `None` when it is in no group.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }
    /// Objectives for its endpoint.
    pub fn slo(&self) -> &[StepSlo] {
        &self.slo
    }
    /// True when the size of the decoded body is limited.
    pub fn limits_body_size(&self) -> bool {
        self.expect.max_bytes.is_some()
    }
}

impl Scenario {
    /// Name in reports.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// One line for listings; empty when the file has none.
    pub fn description(&self) -> &str {
        &self.description
    }
    /// Its default share in a mix; the configuration of a run overrides it.
    pub const fn weight(&self) -> u32 {
        self.weight
    }
    /// True when it changes data, so that it must only run against a disposable site.
    pub const fn needs_throw_away(&self) -> bool {
        self.needs_throw_away
    }
    /// When cookies and values are discarded.
    pub const fn session(&self) -> SessionScope {
        self.session
    }
    /// All steps, in the order of the file.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Name and number of rows of each feed.
    pub fn feeds(&self) -> impl Iterator<Item = (&str, u64)> {
        self.feeds.iter().map(|feed| (feed.name.as_str(), feed.table.rows()))
    }

    /// Environment values that its requests contain.
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// Begins a journey: chooses its values, and returns the indexes of the steps to run, in order. `journey` is its number among
    /// all journeys, `scenario_journey` among those of this scenario, both from 1.
    ///
    /// # Errors
    /// A `unique` feed has no row left.
    pub fn begin_journey(
        &self,
        context: &mut UserContext,
        journey: u64,
        scenario_journey: u64,
    ) -> Result<Vec<usize>, FeedExhausted> {
        (context.journey, context.scenario_journey, context.status) = (journey, scenario_journey, None);
        context.choose_values(&self.sources);
        if let Some(feed) = self.feeds.iter().position(|feed| !feed.choose_row(context)) {
            return Err(FeedExhausted { feed });
        }
        Ok(self.choose_steps(context))
    }

    fn choose_steps(&self, context: &mut UserContext) -> Vec<usize> {
        if self.pick_steps == 0 {
            return (0..self.steps.len()).collect();
        }
        let total: u64 = self.steps.iter().map(|step| u64::from(step.weight)).sum();
        (0..self.pick_steps)
            .map(|_| {
                let mut offset = context.draw_below(total);
                self.steps
                    .iter()
                    .position(|step| {
                        let is_chosen = offset < u64::from(step.weight);
                        offset = offset.saturating_sub(u64::from(step.weight));
                        is_chosen
                    })
                    .unwrap_or(0)
            })
            .collect()
    }
}
