//! The judgement of one step: what it may use depends on the steps before it.

use super::{Defaults, Judge, Judged};
use crate::condition::Condition;
use crate::raw::{RawExpect, RawStep};
use crate::rounds::Repeat;
use crate::scenario::{Expect, Method, SessionScope, Step};
use crate::values::VarId;

impl Judge<'_> {
    pub(super) fn step(&mut self, raw: &RawStep, defaults: &Defaults<'_>) -> Judged<Step> {
        let method = match &raw.method {
            Some(method) => self.one_of(method, "method", &Method::ALL.map(|m| (m.name(), m)))?,
            None => Method::Get,
        };
        let when = raw.when.as_ref().map(|when| self.condition(when, "step.when")).transpose()?;
        let repeat = self.repeat(raw)?;
        let before = self.sure.clone();
        self.sure.extend(when.iter().filter_map(Condition::sure).map(|VarId(id)| id));
        if repeat.is_loop() {
            // What it takes away itself may be missing the next time …
            let own = raw.extract.iter().filter(|(_, extract)| extract.get_ref().required == Some(false));
            for (name, _) in own {
                if let Some(VarId(id)) = self.names.get(name) {
                    self.sure.remove(id);
                }
            }
        }
        if let Repeat::While { condition, .. } = &repeat {
            // … unless that is what it asks each time.
            self.sure.extend(condition.sure().map(|VarId(id)| id));
        }
        let judged = self.request(raw, method, (when, repeat), defaults);
        (self.sure, self.element) = (before, None);
        let step = judged?;
        self.learn(&step, defaults);
        Ok(step)
    }

    /// What is sure to be there after a step. What a random order or an optional step finds may be missing.
    fn learn(&mut self, step: &Step, defaults: &Defaults<'_>) {
        let certain = defaults.in_order && step.when.is_none() && step.chance >= 1.0 && step.repeat.is_sure();
        for extract in &step.extracts {
            // Done in a user's first journey only, and kept from then on, unless another step takes it away.
            let kept =
                !step.once || defaults.session == SessionScope::User && !self.shaky.contains(&extract.name);
            if !extract.required {
                self.sure.remove(&extract.var.0);
            } else if certain && kept {
                self.sure.insert(extract.var.0);
            }
        }
    }

    pub(super) fn request(
        &mut self,
        raw: &RawStep,
        method: Method,
        (when, repeat): (Option<Condition>, Repeat),
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
        let mut headers = self.headers(&raw.headers, raw.auth.as_ref())?;
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
            repeat,
            chance,
            when,
            once: raw.once,
            follow_redirects: raw.follow_redirects.unwrap_or(defaults.follow_redirects),
            assets: self.assets(raw, method, defaults.assets)?,
            weight: self.whole(raw.weight.as_ref(), "step.weight", 1, 1)?,
            slo: self.slo(raw.slo.as_ref())?,
            group: raw.group.as_ref().map(|group| group.get_ref().as_str().into()),
        })
    }

    /// Pages are what GET answers, and what the answer to a form leads to.
    fn assets(&self, raw: &RawStep, method: Method, default: bool) -> Judged<bool> {
        match &raw.assets {
            None => Ok(default && method == Method::Get),
            Some(wanted) if *wanted.get_ref() && method == Method::Head => {
                let mut refusal =
                    self.refuse(&wanted.span(), "step.assets", "HEAD brings no page that could name assets");
                refusal.example = "method = \"GET\"".into();
                Err(refusal)
            }
            Some(wanted) => Ok(*wanted.get_ref()),
        }
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
