//! A scenario that can be believed: built once by validation, never checked again.

use std::sync::Arc;
use std::time::Duration;

use crate::extract::Extract;
use crate::template::{Encoding, Template};
use crate::values::{Value, VarId, VarSource, Visit};

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

/// A pause before a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Think {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Think {
    /// Draws a pause and multiplies it by `scale`; uniform between the bounds.
    pub fn draw(&self, visit: &mut Visit, scale: f64) -> Duration {
        let span = self.max.saturating_sub(self.min);
        let extra = if span.is_zero() {
            Duration::ZERO
        } else {
            Duration::from_micros(visit.below(span.as_micros() as u64 + 1))
        };
        (self.min + extra).mul_f64(scale.clamp(0.0, 1000.0))
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Body {
    /// Nothing.
    None,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, Template)>),
    /// `application/json`.
    Json(JsonTemplate),
    /// As it is; the content type is among the headers.
    Plain(Template),
}

impl Body {
    /// Content type that goes with it.
    pub const fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Form(_) => Some("application/x-www-form-urlencoded"),
            Self::Json(_) => Some("application/json"),
            Self::None | Self::Plain(_) => None,
        }
    }
    /// The bytes; `None` when a value is missing.
    pub fn render(&self, visit: &mut Visit) -> Option<String> {
        let mut out = String::new();
        match self {
            Self::None => {}
            Self::Plain(template) => template.render(visit, Encoding::Raw, &mut out).then_some(())?,
            Self::Json(json) => out = json.render(visit)?.to_string(),
            Self::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, template) in fields {
                    out.clear();
                    template.render(visit, Encoding::Raw, &mut out).then_some(())?;
                    form.append_pair(name, &out);
                }
                out = form.finish();
            }
        }
        Some(out)
    }
}

/// A JSON document with placeholders in its texts.
#[derive(Debug, Clone)]
pub enum JsonTemplate {
    /// Nothing to fill in.
    Fixed(serde_json::Value),
    /// A text; when it is one placeholder whose value is a number, a number.
    Text(Template),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Vec<(String, Self)>),
}

impl JsonTemplate {
    fn render(&self, visit: &mut Visit) -> Option<serde_json::Value> {
        Some(match self {
            Self::Fixed(json) => json.clone(),
            Self::Text(template) => match template.single(visit) {
                Some(Value::Number(number)) => number.into(),
                Some(Value::Text(text)) => text.into(),
                None => {
                    let mut out = String::new();
                    template.render(visit, Encoding::Raw, &mut out).then_some(())?;
                    out.into()
                }
            },
            Self::List(list) => {
                list.iter().map(|item| item.render(visit)).collect::<Option<Vec<_>>>()?.into()
            }
            Self::Object(fields) => {
                let rendered = fields.iter().map(|(key, item)| Some((key.clone(), item.render(visit)?)));
                serde_json::Value::Object(rendered.collect::<Option<_>>()?)
            }
        })
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
    pub(crate) repeat: u32,
    pub(crate) chance: f64,
    pub(crate) when: Option<VarId>,
    pub(crate) once: bool,
    pub(crate) follow_redirects: bool,
    pub(crate) weight: u32,
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
    /// True when the decoded body is needed after the request.
    pub fn needs_body(&self) -> bool {
        self.expect.needs_body() || self.extracts.iter().any(Extract::needs_body)
    }
    /// How often it is done now: zero when its condition does not hold.
    pub fn times(&self, visit: &mut Visit, first_journey: bool) -> u32 {
        let wanted = (!self.once || first_journey)
            && self.when.is_none_or(|id| visit.values.get(id).is_some())
            && visit.chance(self.chance);
        if wanted { self.repeat } else { 0 }
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

    /// Begins a journey: chooses its values, and says which steps to do, in order.
    pub fn begin(&self, visit: &mut Visit, journey: u64) -> Vec<usize> {
        visit.journey = journey;
        visit.choose(&self.sources);
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
