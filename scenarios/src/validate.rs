//! From what a file says to what is believed: the one place that judges. Every refusal points into the file.

mod extract;
mod step;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use crate::locate::Text;
use crate::raw::{RawScenario, RawThink, RawVar};
use crate::refusal::{Refusal, ScenarioError, nearest};
use crate::scenario::{Scenario, SessionScope, Think};
use crate::template::{BadTemplate, Meaning, Template};
use crate::values::{Choices, Pick, Value, VarId, VarSource};

const LONGEST_THINK_MS: u64 = 600_000;
const OWN_HEADERS: [&str; 7] =
    ["host", "user-agent", "accept-encoding", "cookie", "traceparent", "content-length", "connection"];

/// Whether a header of this name is a scenario's to set.
pub(crate) fn is_free_header(name: &str) -> bool {
    is_token(name) && !OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// RFC 9110 §5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

type Judged<T> = Result<T, Box<Refusal>>;

/// Reads and validates a scenario.
pub(crate) fn read(file: &str, content: &str) -> Result<Scenario, ScenarioError> {
    let text = Text { file, content };
    let raw: RawScenario =
        toml::from_str(content).map_err(|error| ScenarioError::Refused(Box::new(text.of_toml(&error))))?;
    Judge { text, names: BTreeMap::new(), sure: Vec::new(), anew: BTreeMap::new() }
        .scenario(&raw)
        .map_err(ScenarioError::Refused)
}

/// What is known so far.
struct Judge<'a> {
    text: Text<'a>,
    names: BTreeMap<String, VarId>,
    sure: Vec<VarId>,
    anew: BTreeMap<u16, Arc<VarSource>>,
}

impl Judge<'_> {
    fn refuse(&self, span: &Range<usize>, key: &str, problem: impl Into<String>) -> Box<Refusal> {
        Box::new(self.text.refuse(span, key, problem))
    }

    fn one_of<T: Copy>(&self, raw: &Spanned<String>, key: &str, known: &[(&str, T)]) -> Judged<T> {
        let word = raw.get_ref().as_str();
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == word) {
            return Ok(*value);
        }
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let mut refusal = self.refuse(&raw.span(), key, format!("must be one of {}", names.join(", ")));
        refusal.suggestion = nearest(word, names.iter().copied())
            .or_else(|| nearest(&word.to_uppercase(), names.iter().copied()));
        Err(refusal)
    }

    fn whole(&self, raw: Option<&Spanned<i64>>, key: &str, least: i64, default: u32) -> Judged<u32> {
        let Some(raw) = raw else { return Ok(default) };
        match u32::try_from(*raw.get_ref()) {
            Ok(number) if *raw.get_ref() >= least && number <= 1_000_000 => Ok(number),
            _ => {
                Err(self.refuse(&raw.span(), key, format!("must be a whole number from {least} to 1000000")))
            }
        }
    }

    fn scenario(mut self, raw: &RawScenario) -> Judged<Scenario> {
        if raw.name.get_ref().trim().is_empty() || raw.name.get_ref().len() > 60 {
            return Err(self.refuse(&raw.name.span(), "name", "must have 1 to 60 characters"));
        }
        let session = match &raw.session {
            Some(session) => self.one_of(
                session,
                "session",
                &[("journey", SessionScope::Journey), ("user", SessionScope::User)],
            )?,
            None => SessionScope::Journey,
        };
        let sources = self.sources(raw)?;
        let pick_steps = self.whole(raw.pick_steps.as_ref(), "pick_steps", 0, 0)?;
        let think = self.think(raw.think.as_ref())?.unwrap_or_default();
        let common = self.headers(&raw.headers)?;
        let mut steps = Vec::new();
        for step in &raw.step {
            let judged = self.step(
                step.get_ref(),
                &Defaults {
                    think: if steps.is_empty() { Think::default() } else { think },
                    headers: &common,
                    follow_redirects: raw.follow_redirects.unwrap_or(true),
                    in_order: pick_steps == 0,
                    session,
                },
            )?;
            steps.push(judged);
        }
        if steps.is_empty() {
            return Err(self.refuse(&(0..0), "step", "a scenario needs at least one step"));
        }
        if steps.iter().any(|step| !step.method.is_safe()) && raw.needs_throw_away.is_none() {
            let span = raw.step.iter().find_map(|step| {
                step.get_ref().method.as_ref().filter(|m| m.get_ref() != "GET" && m.get_ref() != "HEAD")
            });
            let span = span.map_or(0..0, Spanned::span);
            let mut refusal = self.refuse(
                &span,
                "needs_throw_away",
                "a scenario with a step that may change data must say whether it needs a site that is thrown away",
            );
            refusal.example = "needs_throw_away = true".into();
            return Err(refusal);
        }
        Ok(Scenario {
            name: raw.name.get_ref().clone(),
            description: raw.description.clone(),
            weight: self.whole(raw.weight.as_ref(), "weight", 1, 1)?,
            needs_throw_away: raw.needs_throw_away.unwrap_or(false),
            session,
            pick_steps,
            sources: sources.into(),
            steps: steps.into(),
        })
    }

    fn sources(&mut self, raw: &RawScenario) -> Judged<Vec<(VarId, VarSource)>> {
        let mut sources = Vec::new();
        for (name, var) in &raw.vars {
            let source = self.source(name, var)?;
            let id = self.id(name, &var.span(), "vars")?;
            if source.pick == Pick::EveryTime {
                self.anew.insert(id.0, Arc::new(source.clone()));
            }
            self.sure.push(id);
            sources.push((id, source));
        }
        Ok(sources)
    }

    fn id(&mut self, name: &str, span: &Range<usize>, key: &str) -> Judged<VarId> {
        let reserved = ["user", "journey", "random"].contains(&name);
        let fit = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if reserved || !fit {
            let why =
                if reserved { "is a ready-made placeholder" } else { "must be letters, digits, _ and -" };
            return Err(self.refuse(span, &format!("{key}.{name}"), format!("the name `{name}` {why}")));
        }
        let next = VarId(self.names.len() as u16);
        Ok(*self.names.entry(name.to_owned()).or_insert(next))
    }

    fn source(&self, name: &str, raw: &Spanned<RawVar>) -> Judged<VarSource> {
        let var = raw.get_ref();
        let pick = match &var.pick {
            None => Pick::Random,
            Some(pick) => self.one_of(
                pick,
                "pick",
                &[
                    ("random", Pick::Random),
                    ("every-time", Pick::EveryTime),
                    ("in-turn", Pick::InTurn),
                    ("per-user", Pick::PerUser),
                ],
            )?,
        };
        let values = match (&var.list, &var.range) {
            (Some(list), None) if !list.is_empty() => {
                let mut values = Vec::new();
                for item in list {
                    values.push(match item.get_ref() {
                        toml::Value::String(text) => Value::Text(text.clone()),
                        toml::Value::Integer(number) => Value::Number(*number),
                        _ => {
                            return Err(self.refuse(
                                &item.span(),
                                "list",
                                "must hold texts or whole numbers",
                            ));
                        }
                    });
                }
                Choices::List(values)
            }
            (None, Some(range)) => match *range.get_ref() {
                [first, last] if first <= last => Choices::Range(first, last),
                _ => return Err(self.refuse(&range.span(), "range", "must not run backwards")),
            },
            _ => {
                let mut refusal = self.refuse(
                    &raw.span(),
                    &format!("vars.{name}"),
                    "needs either list (not empty) or range",
                );
                refusal.example = "range = [1, 20]".into();
                return Err(refusal);
            }
        };
        Ok(VarSource { values, pick })
    }

    fn think(&self, raw: Option<&Spanned<RawThink>>) -> Judged<Option<Think>> {
        let Some(raw) = raw else { return Ok(None) };
        let think = raw.get_ref();
        let (min, max) = match (think.ms, think.min_ms, think.max_ms) {
            (Some(ms), None, None) => (ms, ms),
            (None, Some(min), Some(max)) if min <= max => (min, max),
            _ => {
                return Err(self.refuse(
                    &raw.span(),
                    "think",
                    "needs either ms, or min_ms and max_ms with the smaller first",
                ));
            }
        };
        if max > LONGEST_THINK_MS {
            return Err(self.refuse(&raw.span(), "think", "must not be longer than ten minutes"));
        }
        Ok(Some(Think { min: Duration::from_millis(min), max: Duration::from_millis(max) }))
    }

    fn template(&self, raw: &Spanned<String>, key: &str) -> Judged<Template> {
        self.template_text(raw.get_ref(), &raw.span(), key)
    }

    fn template_text(&self, source: &str, span: &Range<usize>, key: &str) -> Judged<Template> {
        let meaning = |name: &str| match self.names.get(name) {
            Some(id) if self.sure.contains(id) => Meaning::Sure(*id, self.anew.get(&id.0).cloned()),
            Some(_) => Meaning::Unsure,
            None => Meaning::Unknown,
        };
        Template::parse(source, &meaning).map_err(|bad| match bad {
            BadTemplate::Brace => {
                self.refuse(span, key, "a brace without its partner; write {{ or }} for the brace itself")
            }
            BadTemplate::Detail(inside) => self.refuse(
                span,
                key,
                format!(
                    "{{{inside}}} is neither a width like {{user:04}} nor a range like {{random:1..500}}"
                ),
            ),
            BadTemplate::Unsure(name) => {
                let mut refusal = self.refuse(
                    span,
                    key,
                    format!("`{name}` may be missing here, because the step that finds it is optional"),
                );
                refusal.example = format!("when = \"{name}\"");
                refusal
            }
            BadTemplate::Unknown(name) => {
                let mut refusal = self.refuse(
                    span,
                    key,
                    format!("nothing before this step defines `{name}`: neither [vars] nor an extract"),
                );
                let ready = ["user", "journey", "random"];
                refusal.suggestion = nearest(&name, self.names.keys().map(String::as_str).chain(ready));
                refusal
            }
        })
    }

    fn headers(&self, raw: &BTreeMap<String, Spanned<String>>) -> Judged<Vec<(String, Template)>> {
        let mut headers = Vec::new();
        for (name, value) in raw {
            let lower = name.to_ascii_lowercase();
            let token = is_token(name);
            // Visitors who do not keep their connections say so themselves; anything else here is kneepoint's to say.
            let leaves = lower == "connection" && value.get_ref() == "close";
            if !token || (OWN_HEADERS.contains(&lower.as_str()) && !leaves) {
                let why = if token { "is set by kneepoint itself" } else { "is not a header name" };
                return Err(self.refuse(&value.span(), "headers", format!("`{name}` {why}")));
            }
            if value.get_ref().chars().any(char::is_control) {
                return Err(self.refuse(&value.span(), "headers", "must not hold control characters"));
            }
            headers.push((lower, self.template(value, "headers")?));
        }
        Ok(headers)
    }
}

/// What a step takes from its scenario.
struct Defaults<'a> {
    think: Think,
    headers: &'a [(String, Template)],
    follow_redirects: bool,
    in_order: bool,
    session: SessionScope,
}
