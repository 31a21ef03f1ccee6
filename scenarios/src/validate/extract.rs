//! The judgement of an extract: selectors, expressions and pointers are compiled here, once.

use regex::RegexBuilder;
use scraper::Selector;
use toml::Spanned;

use super::{Judge, Judged};
use crate::extract::{Extract, Source, Which};
use crate::raw::RawExtract;

impl Judge<'_> {
    pub(super) fn extract(&mut self, name: &str, raw: &Spanned<RawExtract>) -> Judged<Extract> {
        let extract = raw.get_ref();
        let given = [&extract.css, &extract.json, &extract.regex, &extract.header, &extract.cookie];
        if given.iter().filter(|source| source.is_some()).count() != 1 {
            let key = format!("extract.{name}");
            let mut refusal =
                self.refuse(&raw.span(), &key, "needs exactly one of css, json, regex, header, cookie");
            refusal.example = crate::locate::example("extract").into();
            return Err(refusal);
        }
        if let Some(attr) = extract.attr.as_ref().filter(|_| extract.css.is_none()) {
            return Err(self.refuse(&attr.span(), "extract.attr", "goes with css only"));
        }
        let pick = match &extract.pick {
            None => Which::First,
            Some(pick) => self.one_of(
                pick,
                "pick",
                &[("first", Which::First), ("random", Which::Random), ("all", Which::All)],
            )?,
        };
        let source = self.source_of(extract)?;
        let is_new = !self.names.contains_key(name);
        let var = self.id(name, &raw.span(), "extract")?;
        if is_new && pick == Which::All {
            self.lists.insert(var.0);
        }
        if self.lists.contains(&var.0) != (pick == Which::All) {
            let problem = format!("`{name}` is a list in one place and one value in another");
            return Err(self.refuse(&raw.span(), &format!("extract.{name}"), problem));
        }
        Ok(Extract { name: name.to_owned(), var, source, pick, required: extract.required.unwrap_or(true) })
    }

    pub(super) fn source_of(&self, extract: &RawExtract) -> Judged<Source> {
        if let Some(css) = &extract.css {
            let selector = Selector::parse(css.get_ref()).map_err(|error| {
                self.refuse(&css.span(), "extract.css", format!("not a selector: {error}"))
            })?;
            let attr = extract.attr.as_ref().map(|attr| attr.get_ref().clone());
            return Ok(Source::Css { selector: Box::new(selector), attr });
        }
        if let Some(regex) = &extract.regex {
            return RegexBuilder::new(regex.get_ref())
                .size_limit(1 << 20)
                .build()
                .map(Source::Regex)
                .map_err(|error| {
                    let why = error.to_string().lines().last().unwrap_or_default().to_owned();
                    self.refuse(&regex.span(), "extract.regex", format!("not an expression: {why}"))
                });
        }
        if let Some(json) = &extract.json {
            let pointer = json.get_ref();
            let stars = pointer.split('/').filter(|part| *part == "*").count();
            if !(pointer.is_empty() || pointer.starts_with('/')) || stars > 1 {
                return Err(self.refuse(
                    &json.span(),
                    "extract.json pointer",
                    "must begin with / and hold at most one *",
                ));
            }
            return Ok(match pointer.split_once("/*") {
                Some((head, tail)) if stars == 1 => {
                    Source::Json { head: head.to_owned(), tail: Some(tail.to_owned()) }
                }
                _ => Source::Json { head: pointer.clone(), tail: None },
            });
        }
        Ok(match (&extract.header, &extract.cookie) {
            (Some(header), _) => Source::Header(header.get_ref().to_ascii_lowercase()),
            (None, cookie) => {
                Source::Cookie(cookie.as_ref().map(|cookie| cookie.get_ref().clone()).unwrap_or_default())
            }
        })
    }
}
