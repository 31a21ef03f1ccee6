//! A scenario that can be believed: built once by validation, never checked again.

use std::sync::Arc;

use crate::body::Body;
use crate::condition::Condition;
use crate::extract::Extract;
use crate::feed::{Dry, Feed};
use crate::promise::Promised;
use crate::rounds::Repeat;
use crate::secret::Secret;
use crate::source::VarSource;
use crate::template::Template;
use crate::think::Think;
use crate::values::{VarId, Visit};

/// What one visitor does.
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

/// How long a visitor keeps cookies and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionScope {
    /// One journey.
    Journey,
    /// From one journey to the next.
    User,
}

/// A request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers only.
    Head,
    /// Sends a form or creates.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    pub(crate) const ALL: [Self; 6] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// As it is sent.
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
    /// True when asking twice does what asking once does (RFC 9110 §9.2.2).
    pub const fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }
    /// True when nothing is changed by asking (RFC 9110 §9.2.1).
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// What the answer must be.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    pub(crate) statuses: Vec<u16>,
    pub(crate) contains: Vec<String>,
    pub(crate) not_contains: Vec<String>,
    pub(crate) max_bytes: Option<u64>,
}

impl Expect {
    /// Is the status one that was expected? Without a list, any 2xx or 3xx.
    pub fn accepts(&self, status: u16) -> bool {
        if self.statuses.is_empty() { (200..400).contains(&status) } else { self.statuses.contains(&status) }
    }
    /// True when the body must be decoded to judge it.
    pub fn needs_body(&self) -> bool {
        !self.contains.is_empty() || !self.not_contains.is_empty()
    }
    /// Judges the body; the words say which check failed.
    pub fn judge(&self, body: &str, body_bytes: u64) -> Result<(), String> {
        if let Some(most) = self.max_bytes.filter(|most| body_bytes > *most) {
            return Err(format!("body of {body_bytes} bytes, at most {most} expected"));
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
    pub(crate) expect: Expect,
    pub(crate) extracts: Vec<Extract>,
    pub(crate) think: Think,
    pub(crate) repeat: Repeat,
    pub(crate) chance: f64,
    pub(crate) when: Option<Condition>,
    pub(crate) once: bool,
    pub(crate) follow_redirects: bool,
    pub(crate) assets: bool,
    pub(crate) weight: u32,
    pub(crate) slo: Vec<Promised>,
    pub(crate) group: Option<Arc<str>>,
}

impl Step {
    /// Name in reports.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Method.
    pub const fn method(&self) -> Method {
        self.method
    }
    /// Path; a leading placeholder is a link.
    pub const fn path(&self) -> &Template {
        &self.path
    }
    /// Extra headers, names in lower case.
    pub fn headers(&self) -> &[(String, Template)] {
        &self.headers
    }
    /// What is sent.
    pub const fn body(&self) -> &Body {
        &self.body
    }
    /// What the answer must be.
    pub const fn expect(&self) -> &Expect {
        &self.expect
    }
    /// Values to take from the answer.
    pub fn extracts(&self) -> &[Extract] {
        &self.extracts
    }
    /// Pause before it.
    pub const fn think(&self) -> &Think {
        &self.think
    }
    /// Are redirects followed within the step?
    pub const fn follows_redirects(&self) -> bool {
        self.follow_redirects
    }
    /// Is it a page whose images, scripts and style sheets are loaded too, as a browser does?
    pub const fn loads_assets(&self) -> bool {
        self.assets
    }
    /// True when the decoded body is needed after the request.
    pub fn needs_body(&self) -> bool {
        self.expect.needs_body() || self.extracts.iter().any(Extract::needs_body)
    }
    /// The group that it belongs to.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }
    /// What is promised of its endpoint.
    pub fn slo(&self) -> &[Promised] {
        &self.slo
    }
    /// True when the size of the decoded body is judged.
    pub fn bounds_body(&self) -> bool {
        self.expect.max_bytes.is_some()
    }
}

impl Scenario {
    /// Name in reports.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// One line about it.
    pub fn description(&self) -> &str {
        &self.description
    }
    /// Its own idea of its share.
    pub const fn weight(&self) -> u32 {
        self.weight
    }
    /// True when it changes data.
    pub const fn needs_throw_away(&self) -> bool {
        self.needs_throw_away
    }
    /// How long cookies and values are kept.
    pub const fn session(&self) -> SessionScope {
        self.session
    }
    /// All steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Its feeds: name, and how many rows there are.
    pub fn feeds(&self) -> impl Iterator<Item = (&str, u64)> {
        self.feeds.iter().map(|feed| (feed.name.as_str(), feed.table.rows()))
    }

    /// Values of the environment that its requests hold.
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// Begins a journey: chooses its values, and says which steps to do, in order. `journey` is its number among all, `turn`
    /// among those of this scenario, both from 1.
    ///
    /// # Errors
    /// A feed that gives each row once has none left.
    pub fn begin(&self, visit: &mut Visit, journey: u64, turn: u64) -> Result<Vec<usize>, Dry> {
        (visit.journey, visit.turn, visit.status) = (journey, turn, None);
        visit.choose(&self.sources);
        if let Some(feed) = self.feeds.iter().position(|feed| !feed.choose(visit)) {
            return Err(Dry { feed });
        }
        Ok(self.order(visit))
    }

    fn order(&self, visit: &mut Visit) -> Vec<usize> {
        if self.pick_steps == 0 {
            return (0..self.steps.len()).collect();
        }
        let total: u64 = self.steps.iter().map(|step| u64::from(step.weight)).sum();
        (0..self.pick_steps)
            .map(|_| {
                let mut at = visit.below(total);
                self.steps
                    .iter()
                    .position(|step| {
                        let here = at < u64::from(step.weight);
                        at = at.saturating_sub(u64::from(step.weight));
                        here
                    })
                    .unwrap_or(0)
            })
            .collect()
    }
}
