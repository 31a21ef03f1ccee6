//! From what a file says to what is believed: the one place that judges. Every refusal points into the file.

mod auth;
mod body;
mod extract;
mod feed;
mod group;
mod headers;
mod names;
mod repeat;
mod slo;
mod step;
mod template;
mod think;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;

pub(crate) use self::headers::is_free_header;
use crate::locate::Text;
use crate::raw::RawScenario;
use crate::refusal::{Refusal, ScenarioError, nearest};
use crate::scenario::{Scenario, SessionScope};
use crate::secret::Secret;
use crate::source::VarSource;
use crate::surroundings::Surroundings;
use crate::template::Template;
use crate::think::Think;
use crate::values::VarId;

type Judged<T> = Result<T, Box<Refusal>>;

/// Reads and validates a scenario; files that it names are looked for in `base`.
pub(crate) fn read(
    file: &str,
    content: &str,
    base: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Scenario, ScenarioError> {
    let text = Text { file, content };
    let raw: RawScenario =
        toml::from_str(content).map_err(|error| ScenarioError::Refused(Box::new(text.of_toml(&error))))?;
    let judge = Judge {
        text,
        base,
        surroundings,
        names: BTreeMap::new(),
        ids: 0,
        sure: BTreeSet::new(),
        lists: BTreeSet::new(),
        element: None,
        shaky: shaky(&raw),
        anew: BTreeMap::new(),
        used: RefCell::default(),
        secrets: RefCell::default(),
    };
    judge.scenario(&raw).map_err(ScenarioError::Refused)
}

/// Names that a step takes if they are there, and else removes.
fn shaky(raw: &RawScenario) -> BTreeSet<String> {
    let extracts = raw.step.iter().flat_map(|step| &step.get_ref().extract);
    let optional = extracts.filter(|(_, extract)| extract.get_ref().required == Some(false));
    optional.map(|(name, _)| name.clone()).collect()
}

/// What is known so far.
struct Judge<'a> {
    text: Text<'a>,
    /// Where files are that the scenario names.
    base: Option<&'a Path>,
    surroundings: &'a Surroundings,
    names: BTreeMap<String, VarId>,
    /// Variables so far.
    ids: u16,
    /// Variables that are there whenever the step at hand is done.
    sure: BTreeSet<u16>,
    /// Variables of many values.
    lists: BTreeSet<u16>,
    /// Within a loop over a list: its name stands for the value that it is the turn of.
    element: Option<(String, VarId)>,
    /// Names that some step may find missing, and thereby takes away.
    shaky: BTreeSet<String>,
    anew: BTreeMap<u16, Arc<VarSource>>,
    /// Variables that placeholders ask for.
    used: RefCell<BTreeSet<u16>>,
    /// Values of the environment.
    secrets: RefCell<BTreeSet<Secret>>,
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
        let pick_steps = self.whole(raw.pick_steps.as_ref(), "pick_steps", 0, 0)?;
        let sources = self.sources(raw, pick_steps == 0)?;
        let feeds = self.feeds(raw)?;
        let think = self.think(raw.think.as_ref())?.unwrap_or_default();
        let common = self.common_headers(raw)?;
        let mut steps = Vec::new();
        for step in &raw.step {
            let judged = self.step(
                step.get_ref(),
                &Defaults {
                    think: if steps.is_empty() { Think::default() } else { think },
                    headers: &common,
                    follow_redirects: raw.follow_redirects.unwrap_or(true),
                    assets: raw.assets.unwrap_or(false),
                    in_order: pick_steps == 0,
                    session,
                },
            )?;
            steps.push(judged);
        }
        self.groups(raw, pick_steps == 0)?;
        if self.ids == u16::MAX {
            return Err(self.refuse(&(0..0), "vars", "a scenario has at most 65534 names"));
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
            feeds: self.asked_for(feeds).into(),
            secrets: self.secrets.into_inner().into_iter().collect(),
            steps: steps.into(),
        })
    }
}

/// What a step takes from its scenario.
struct Defaults<'a> {
    think: Think,
    headers: &'a [(String, Template)],
    follow_redirects: bool,
    assets: bool,
    in_order: bool,
    session: SessionScope,
}
