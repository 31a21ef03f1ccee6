//! Validates one step; which values it may use depends on the steps before it.

use super::{Defaults, ValidationResult, Validator};
use crate::condition::Condition;
use crate::raw::{RawExpect, RawStep};
use crate::repeat::Repeat;
use crate::scenario::{Expectation, Method, SessionScope, Step};
use crate::template::Template;
use crate::values::VarId;

impl Validator<'_> {
    pub(super) fn validate_step(&mut self, raw: &RawStep, defaults: &Defaults<'_>) -> ValidationResult<Step> {
        let method = match &raw.method {
            Some(method) => self.parse_choice(method, "method", &Method::ALL.map(|m| (m.name(), m)))?,
            None => Method::Get,
        };
        let when = raw.when.as_ref().map(|when| self.validate_condition(when, "step.when")).transpose()?;
        let repeat = self.validate_repeat(raw)?;
        let before = self.guaranteed.clone();
        self.guaranteed.extend(when.iter().filter_map(Condition::guaranteed_var).map(|VarId(id)| id));
        if repeat.is_loop() {
            // In the next repetition, a value that the step itself removed may be missing …
            let optional =
                raw.extract.iter().filter(|(_, extract)| extract.get_ref().required == Some(false));
            for (name, _) in optional {
                if let Some(VarId(id)) = self.names.get(name) {
                    self.guaranteed.remove(id);
                }
            }
        }
        if let Repeat::While { condition, .. } = &repeat {
            // … unless the loop condition requires it.
            self.guaranteed.extend(condition.guaranteed_var().map(|VarId(id)| id));
        }
        let validated = self.validate_request(raw, method, (when, repeat), defaults);
        (self.guaranteed, self.element) = (before, None);
        let step = validated?;
        self.record_guaranteed(&step, defaults);
        Ok(step)
    }

    /// Records which values exist after a step. Values from steps in random order or from optional steps may be missing.
    fn record_guaranteed(&mut self, step: &Step, defaults: &Defaults<'_>) {
        let certain =
            defaults.in_order && step.when.is_none() && step.chance >= 1.0 && step.repeat.is_guaranteed();
        for extract in &step.extracts {
            // A `once` step runs only in the first journey of a user; its values remain unless another step removes them.
            let remains = !step.once
                || defaults.session == SessionScope::User && !self.removable.contains(&extract.name);
            if !extract.required {
                self.guaranteed.remove(&extract.var.0);
            } else if certain && remains {
                self.guaranteed.insert(extract.var.0);
            }
        }
    }

    pub(super) fn validate_request(
        &mut self,
        raw: &RawStep,
        method: Method,
        (when, repeat): (Option<Condition>, Repeat),
        defaults: &Defaults<'_>,
    ) -> ValidationResult<Step> {
        let path = self.validate_path(raw)?;
        let mut headers = self.validate_headers(&raw.headers, raw.auth.as_ref())?;
        let own_names: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
        headers.extend(defaults.headers.iter().filter(|(name, _)| !own_names.contains(name)).cloned());
        let body = self.validate_body(raw, method)?;
        let name = self.validate_name(raw, method, &path)?;
        let chance = match &raw.chance {
            None => 1.0,
            Some(chance) if *chance.get_ref() > 0.0 && *chance.get_ref() <= 1.0 => *chance.get_ref(),
            Some(chance) => {
                return Err(self.error_at(&chance.span(), "step.chance", "must be above 0 and at most 1"));
            }
        };
        let mut extracts = Vec::new();
        for (name, extract) in &raw.extract {
            extracts.push(self.validate_extract(name, extract)?);
        }
        Ok(Step {
            name,
            method,
            path,
            headers,
            body,
            expect: self.validate_expect(&raw.expect)?,
            extracts,
            think: self.validate_think(raw.think.as_ref())?.unwrap_or(defaults.think),
            repeat,
            chance,
            when,
            once: raw.once,
            follow_redirects: raw.follow_redirects.unwrap_or(defaults.follow_redirects),
            assets: self.validate_assets(raw, method, defaults.assets)?,
            weight: self.parse_count(raw.weight.as_ref(), "step.weight", 1, 1)?,
            slo: self.validate_slo(raw.slo.as_ref())?,
            group: raw.group.as_ref().map(|group| group.get_ref().as_str().into()),
        })
    }

    fn validate_path(&self, raw: &RawStep) -> ValidationResult<Template> {
        let path = self.parse_template(&raw.path, "step.path")?;
        if !path.starts_with_placeholder()
            && (!path.source().starts_with('/') || path.source().starts_with("//"))
        {
            let mut diagnostic = self.error_at(
                &raw.path.span(),
                "step.path",
                "must begin with one / (the site comes from the configuration), or with a placeholder that holds a link",
            );
            diagnostic.suggestion = Some(format!("/{}", path.source().trim_start_matches('/')));
            return Err(diagnostic);
        }
        if path.source().chars().any(|c| c.is_control() || c == ' ') {
            return Err(self.error_at(
                &raw.path.span(),
                "step.path",
                "must not contain spaces or control characters; write a space as %20",
            ));
        }
        Ok(path)
    }

    /// The given name, or else method and path without query.
    fn validate_name(&self, raw: &RawStep, method: Method, path: &Template) -> ValidationResult<String> {
        match &raw.name {
            Some(name) if name.get_ref().trim().is_empty() || name.get_ref().len() > 120 => {
                Err(self.error_at(&name.span(), "step.name", "must have 1 to 120 characters"))
            }
            Some(name) => Ok(name.get_ref().clone()),
            None => Ok(format!("{} {}", method.name(), path.source().split('?').next().unwrap_or_default())),
        }
    }

    /// The scenario's `assets` applies to GET steps only; a step may enable it for the response to a form too.
    fn validate_assets(&self, raw: &RawStep, method: Method, default: bool) -> ValidationResult<bool> {
        match &raw.assets {
            None => Ok(default && method == Method::Get),
            Some(wanted) if *wanted.get_ref() && method == Method::Head => {
                let mut diagnostic = self.error_at(
                    &wanted.span(),
                    "step.assets",
                    "a response to HEAD has no page that could refer to assets",
                );
                diagnostic.example = "method = \"GET\"".into();
                Err(diagnostic)
            }
            Some(wanted) => Ok(*wanted.get_ref()),
        }
    }

    pub(super) fn validate_expect(&self, raw: &RawExpect) -> ValidationResult<Expectation> {
        let mut statuses = Vec::new();
        for status in raw.status.iter().flatten() {
            match u16::try_from(*status.get_ref()) {
                Ok(number) if (200..600).contains(&number) => statuses.push(number),
                _ => {
                    return Err(self.error_at(
                        &status.span(),
                        "expect.status",
                        "must be between 200 and 599",
                    ));
                }
            }
        }
        Ok(Expectation {
            statuses,
            contains: raw.contains.clone(),
            not_contains: raw.not_contains.clone(),
            max_bytes: raw.max_bytes,
        })
    }
}
