//! The judgement of one step: what it may use depends on the steps before it.

use std::ops::Range;

use toml::Spanned;

use super::{Defaults, Judge, Judged};
use crate::raw::{RawExpect, RawStep};
use crate::refusal::nearest;
use crate::scenario::{Body, Expect, JsonTemplate, Method, SessionScope, Step};
use crate::values::VarId;

impl Judge<'_> {
    pub(super) fn step(&mut self, raw: &RawStep, defaults: &Defaults<'_>) -> Judged<Step> {
        let method = match &raw.method {
            Some(method) => self.one_of(method, "method", &Method::ALL.map(|m| (m.name(), m)))?,
            None => Method::Get,
        };
        let when = raw.when.as_ref().map(|when| self.when(when)).transpose()?;
        // Within the step that asks for it, the value is there.
        let here = self.sure.len();
        self.sure.extend(when);
        let judged = self.request(raw, method, when, defaults);
        self.sure.truncate(here);
        let step = judged?;
        // What a random order or an optional step finds may be missing for those after it.
        let certain = defaults.in_order
            && when.is_none()
            && step.chance >= 1.0
            && (!step.once || defaults.session == SessionScope::User);
        for extract in step.extracts.iter().filter(|extract| extract.required && certain) {
            self.sure.push(extract.var);
        }
        Ok(step)
    }

    pub(super) fn when(&self, raw: &Spanned<String>) -> Judged<VarId> {
        self.names.get(raw.get_ref()).copied().ok_or_else(|| {
            let problem = format!("nothing before this step defines `{}`", raw.get_ref());
            let mut refusal = self.refuse(&raw.span(), "when", problem);
            refusal.suggestion = nearest(raw.get_ref(), self.names.keys().map(String::as_str));
            refusal
        })
    }

    pub(super) fn request(
        &mut self,
        raw: &RawStep,
        method: Method,
        when: Option<VarId>,
        defaults: &Defaults<'_>,
    ) -> Judged<Step> {
        let path = self.template(&raw.path, "step.path")?;
        if !path.starts_with_placeholder()
            && (!path.source().starts_with('/') || path.source().starts_with("//"))
        {
            let mut refusal = self.refuse(
                &raw.path.span(),
                "step.path",
                "must begin with one / (the site comes from the configuration), or with a placeholder that holds a link",
            );
            refusal.suggestion = Some(format!("/{}", path.source().trim_start_matches('/')));
            return Err(refusal);
        }
        if path.source().chars().any(|c| c.is_control() || c == ' ') {
            return Err(self.refuse(&raw.path.span(), "step.path", "must not hold spaces; write %20"));
        }
        let mut headers = self.headers(&raw.headers)?;
        let own: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
        headers.extend(defaults.headers.iter().filter(|(name, _)| !own.contains(name)).cloned());
        let body = self.body(raw, method)?;
        let name = match &raw.name {
            Some(name) if name.get_ref().trim().is_empty() || name.get_ref().len() > 120 => {
                return Err(self.refuse(&name.span(), "step.name", "must have 1 to 120 characters"));
            }
            Some(name) => name.get_ref().clone(),
            None => format!("{} {}", method.name(), path.source().split('?').next().unwrap_or_default()),
        };
        let chance = match &raw.chance {
            None => 1.0,
            Some(chance) if *chance.get_ref() > 0.0 && *chance.get_ref() <= 1.0 => *chance.get_ref(),
            Some(chance) => {
                return Err(self.refuse(&chance.span(), "step.chance", "must be above 0 and at most 1"));
            }
        };
        let mut extracts = Vec::new();
        for (name, extract) in &raw.extract {
            extracts.push(self.extract(name, extract)?);
        }
        Ok(Step {
            name,
            method,
            path,
            headers,
            body,
            expect: self.expect(&raw.expect)?,
            extracts,
            think: self.think(raw.think.as_ref())?.unwrap_or(defaults.think),
            repeat: self.whole(raw.repeat.as_ref(), "step.repeat", 1, 1)?,
            chance,
            when,
            once: raw.once,
            follow_redirects: raw.follow_redirects.unwrap_or(defaults.follow_redirects),
            weight: self.whole(raw.weight.as_ref(), "step.weight", 1, 1)?,
        })
    }

    pub(super) fn body(&self, raw: &RawStep, method: Method) -> Judged<Body> {
        let given = usize::from(raw.form.is_some())
            + usize::from(raw.json.is_some())
            + usize::from(raw.body.is_some());
        if given > 1 {
            return Err(self.refuse(
                &raw.path.span(),
                "step.form",
                "a step has one of form, json and body, not several",
            ));
        }
        if given == 1 && method.is_safe() {
            let problem = format!("{} sends no body", method.name());
            let mut refusal = self.refuse(&raw.path.span(), "step.method", problem);
            refusal.suggestion = Some("POST".into());
            return Err(refusal);
        }
        if let Some(form) = &raw.form {
            let fields =
                form.iter().map(|(name, value)| Ok((name.clone(), self.template(value, "step.form")?)));
            return Ok(Body::Form(fields.collect::<Judged<_>>()?));
        }
        if let Some(json) = &raw.json {
            return Ok(Body::Json(self.json(json.get_ref(), &json.span())?));
        }
        match &raw.body {
            Some(body) => Ok(Body::Plain(self.template(body, "step.body")?)),
            None => Ok(Body::None),
        }
    }

    pub(super) fn json(&self, raw: &toml::Value, span: &Range<usize>) -> Judged<JsonTemplate> {
        Ok(match raw {
            toml::Value::String(text) => JsonTemplate::Text(self.template_text(text, span, "step.json")?),
            toml::Value::Integer(number) => JsonTemplate::Fixed((*number).into()),
            toml::Value::Float(number) => JsonTemplate::Fixed((*number).into()),
            toml::Value::Boolean(truth) => JsonTemplate::Fixed((*truth).into()),
            toml::Value::Datetime(when) => JsonTemplate::Fixed(when.to_string().into()),
            toml::Value::Array(list) => {
                JsonTemplate::List(list.iter().map(|item| self.json(item, span)).collect::<Judged<_>>()?)
            }
            toml::Value::Table(table) => {
                let fields = table.iter().map(|(key, item)| Ok((key.clone(), self.json(item, span)?)));
                JsonTemplate::Object(fields.collect::<Judged<_>>()?)
            }
        })
    }

    pub(super) fn expect(&self, raw: &RawExpect) -> Judged<Expect> {
        let mut statuses = Vec::new();
        for status in raw.status.iter().flatten() {
            match u16::try_from(*status.get_ref()) {
                Ok(number) if (200..600).contains(&number) => statuses.push(number),
                _ => return Err(self.refuse(&status.span(), "expect.status", "must be between 200 and 599")),
            }
        }
        Ok(Expect {
            statuses,
            contains: raw.contains.clone(),
            not_contains: raw.not_contains.clone(),
            max_bytes: raw.max_bytes,
        })
    }
}
