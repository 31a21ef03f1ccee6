//! Validates a raw scenario and compiles it. Only this module checks scenarios; every diagnostic points into the file.

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

pub(crate) use self::headers::is_settable_header;
use crate::error::{Diagnostic, ScenarioError, suggest_nearest};
use crate::raw::RawScenario;
use crate::scenario::{Scenario, SessionScope, Step};
use crate::scenario_env::ScenarioEnv;
use crate::secret::Secret;
use crate::source::VarSource;
use crate::source_location::SourceText;
use crate::template::Template;
use crate::think_time::ThinkTime;
use crate::values::VarId;

/// The result of validating one part of a scenario.
type ValidationResult<T> = Result<T, Box<Diagnostic>>;

/// Parses and validates a scenario; paths in it are relative to `base`, or to the working folder.
pub(crate) fn parse_scenario(
    file: &str,
    content: &str,
    base: Option<&Path>,
    env: &ScenarioEnv,
) -> Result<Scenario, ScenarioError> {
    let text = SourceText { file, content };
    let raw: RawScenario = toml::from_str(content)
        .map_err(|error| ScenarioError::Invalid(Box::new(text.convert_toml_error(&error))))?;
    let validator = Validator {
        text,
        base,
        env,
        names: BTreeMap::new(),
        next_id: 0,
        guaranteed: BTreeSet::new(),
        lists: BTreeSet::new(),
        element: None,
        removable: collect_removable_names(&raw),
        redrawn: BTreeMap::new(),
        used: RefCell::default(),
        secrets: RefCell::default(),
    };
    validator.validate_scenario(&raw).map_err(ScenarioError::Invalid)
}

/// Names that an optional extract removes when it finds nothing.
fn collect_removable_names(raw: &RawScenario) -> BTreeSet<String> {
    let extracts = raw.step.iter().flat_map(|step| &step.get_ref().extract);
    let optional = extracts.filter(|(_, extract)| extract.get_ref().required == Some(false));
    optional.map(|(name, _)| name.clone()).collect()
}

/// The state of validation; steps are validated in the order of the file.
struct Validator<'a> {
    text: SourceText<'a>,
    /// Folder that paths in the scenario are relative to.
    base: Option<&'a Path>,
    env: &'a ScenarioEnv,
    names: BTreeMap<String, VarId>,
    next_id: u16,
    /// Variables that have a value whenever the current step runs.
    guaranteed: BTreeSet<u16>,
    /// Variables that hold lists.
    lists: BTreeSet<u16>,
    /// Within `for_each`: the name of the list, which then refers to the current element.
    element: Option<(String, VarId)>,
    /// Names whose value an optional extract may remove.
    removable: BTreeSet<String>,
    /// Variables that are drawn again at each use, with their sources.
    redrawn: BTreeMap<u16, Arc<VarSource>>,
    /// Variables that placeholders or conditions use.
    used: RefCell<BTreeSet<u16>>,
    /// Environment values that templates contain.
    secrets: RefCell<BTreeSet<Secret>>,
}

impl Validator<'_> {
    fn error_at(&self, span: &Range<usize>, key: &str, problem: impl Into<String>) -> Box<Diagnostic> {
        Box::new(self.text.error_at(span, key, problem))
    }

    fn parse_choice<T: Copy>(
        &self,
        raw: &Spanned<String>,
        key: &str,
        known: &[(&str, T)],
    ) -> ValidationResult<T> {
        let word = raw.get_ref().as_str();
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == word) {
            return Ok(*value);
        }
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let mut diagnostic = self.error_at(&raw.span(), key, format!("must be one of {}", names.join(", ")));
        diagnostic.suggestion = suggest_nearest(word, names.iter().copied())
            .or_else(|| suggest_nearest(&word.to_uppercase(), names.iter().copied()));
        Err(diagnostic)
    }

    fn parse_count(
        &self,
        raw: Option<&Spanned<i64>>,
        key: &str,
        min: i64,
        default: u32,
    ) -> ValidationResult<u32> {
        let Some(raw) = raw else { return Ok(default) };
        match u32::try_from(*raw.get_ref()) {
            Ok(number) if *raw.get_ref() >= min && number <= 1_000_000 => Ok(number),
            _ => {
                Err(self.error_at(&raw.span(), key, format!("must be a whole number from {min} to 1000000")))
            }
        }
    }

    fn validate_scenario(mut self, raw: &RawScenario) -> ValidationResult<Scenario> {
        if raw.name.get_ref().trim().is_empty() || raw.name.get_ref().len() > 60 {
            return Err(self.error_at(&raw.name.span(), "name", "must have 1 to 60 characters"));
        }
        let session = match &raw.session {
            Some(session) => self.parse_choice(
                session,
                "session",
                &[("journey", SessionScope::Journey), ("user", SessionScope::User)],
            )?,
            None => SessionScope::Journey,
        };
        let pick_steps = self.parse_count(raw.pick_steps.as_ref(), "pick_steps", 0, 0)?;
        let sources = self.validate_vars(raw, pick_steps == 0)?;
        let feeds = self.validate_feeds(raw)?;
        let think = self.validate_think(raw.think.as_ref())?.unwrap_or_default();
        let common = self.validate_common_headers(raw)?;
        let mut steps = Vec::new();
        for step in &raw.step {
            let validated = self.validate_step(
                step.get_ref(),
                &Defaults {
                    think: if steps.is_empty() { ThinkTime::default() } else { think },
                    headers: &common,
                    follow_redirects: raw.follow_redirects.unwrap_or(true),
                    assets: raw.assets.unwrap_or(false),
                    in_order: pick_steps == 0,
                    session,
                },
            )?;
            steps.push(validated);
        }
        self.validate_groups(raw, pick_steps == 0)?;
        if self.next_id == u16::MAX {
            return Err(self.error_at(
                &(0..0),
                "vars",
                "a scenario can have at most 65534 names (variables, feed columns and extracts)",
            ));
        }
        if steps.is_empty() {
            return Err(self.error_at(&(0..0), "step", "a scenario needs at least one step"));
        }
        self.check_needs_throw_away(raw, &steps)?;
        Ok(Scenario {
            name: raw.name.get_ref().clone(),
            description: raw.description.clone(),
            weight: self.parse_count(raw.weight.as_ref(), "weight", 1, 1)?,
            needs_throw_away: raw.needs_throw_away.unwrap_or(false),
            session,
            pick_steps,
            sources: sources.into(),
            feeds: self.drop_unused_columns(feeds).into(),
            secrets: self.secrets.into_inner().into_iter().collect(),
            steps: steps.into(),
        })
    }

    /// `needs_throw_away` has no default for scenarios with steps that may change data, so that nobody overlooks it.
    fn check_needs_throw_away(&self, raw: &RawScenario, steps: &[Step]) -> ValidationResult<()> {
        if raw.needs_throw_away.is_some() || steps.iter().all(|step| step.method.is_safe()) {
            return Ok(());
        }
        let method = raw.step.iter().find_map(|step| {
            step.get_ref().method.as_ref().filter(|m| m.get_ref() != "GET" && m.get_ref() != "HEAD")
        });
        let mut diagnostic = self.error_at(
            &method.map_or(0..0, Spanned::span),
            "needs_throw_away",
            "this step may change data, so the scenario must set needs_throw_away = true to allow only disposable sites, or false to \
             allow every site",
        );
        diagnostic.example = "needs_throw_away = true".into();
        Err(diagnostic)
    }
}

/// Settings of the scenario that apply to steps without their own.
struct Defaults<'a> {
    think: ThinkTime,
    headers: &'a [(String, Template)],
    follow_redirects: bool,
    assets: bool,
    in_order: bool,
    session: SessionScope,
}
