//! Validates extracts: selectors, expressions and pointers are compiled here, once.

use regex::RegexBuilder;
use scraper::Selector;
use toml::Spanned;

use super::{ValidationResult, Validator};
use crate::extract::{Extract, ExtractPick, ExtractSource};
use crate::raw::RawExtract;

impl Validator<'_> {
    pub(super) fn validate_extract(
        &mut self,
        name: &str,
        raw: &Spanned<RawExtract>,
    ) -> ValidationResult<Extract> {
        let extract = raw.get_ref();
        let given = [&extract.css, &extract.json, &extract.regex, &extract.header, &extract.cookie];
        if given.iter().filter(|source| source.is_some()).count() != 1 {
            let key = format!("extract.{name}");
            let mut diagnostic =
                self.error_at(&raw.span(), &key, "needs exactly one of css, json, regex, header, cookie");
            diagnostic.example = crate::source_location::find_example("extract").into();
            return Err(diagnostic);
        }
        if let Some(attr) = extract.attr.as_ref().filter(|_| extract.css.is_none()) {
            return Err(self.error_at(&attr.span(), "extract.attr", "is only allowed together with css"));
        }
        let pick = match &extract.pick {
            None => ExtractPick::First,
            Some(pick) => self.parse_choice(
                pick,
                "pick",
                &[("first", ExtractPick::First), ("random", ExtractPick::Random), ("all", ExtractPick::All)],
            )?,
        };
        let source = self.compile_source(extract)?;
        let is_new = !self.names.contains_key(name);
        let var = self.intern_name(name, &raw.span(), "extract")?;
        if is_new && pick == ExtractPick::All {
            self.lists.insert(var.0);
        }
        if self.lists.contains(&var.0) != (pick == ExtractPick::All) {
            let problem =
                format!("`{name}` is extracted as a list in one place and as a single value in another");
            return Err(self.error_at(&raw.span(), &format!("extract.{name}"), problem));
        }
        Ok(Extract { name: name.to_owned(), var, source, pick, required: extract.required.unwrap_or(true) })
    }

    pub(super) fn compile_source(&self, extract: &RawExtract) -> ValidationResult<ExtractSource> {
        if let Some(css) = &extract.css {
            let selector = Selector::parse(css.get_ref()).map_err(|error| {
                self.error_at(&css.span(), "extract.css", format!("not a valid CSS selector: {error}"))
            })?;
            let attr = extract.attr.as_ref().map(|attr| attr.get_ref().clone());
            return Ok(ExtractSource::Css { selector: Box::new(selector), attr });
        }
        if let Some(regex) = &extract.regex {
            return RegexBuilder::new(regex.get_ref())
                .size_limit(1 << 20)
                .build()
                .map(ExtractSource::Regex)
                .map_err(|error| {
                    let why = error.to_string().lines().last().unwrap_or_default().to_owned();
                    self.error_at(
                        &regex.span(),
                        "extract.regex",
                        format!("not a valid regular expression: {why}"),
                    )
                });
        }
        if let Some(json) = &extract.json {
            let pointer = json.get_ref();
            let stars = pointer.split('/').filter(|part| *part == "*").count();
            if !(pointer.is_empty() || pointer.starts_with('/')) || stars > 1 {
                return Err(self.error_at(
                    &json.span(),
                    "extract.json pointer",
                    "must begin with / and contain at most one *",
                ));
            }
            return Ok(match pointer.split_once("/*") {
                Some((head, tail)) if stars == 1 => {
                    ExtractSource::Json { head: head.to_owned(), tail: Some(tail.to_owned()) }
                }
                _ => ExtractSource::Json { head: pointer.clone(), tail: None },
            });
        }
        Ok(match (&extract.header, &extract.cookie) {
            (Some(header), _) => ExtractSource::Header(header.get_ref().to_ascii_lowercase()),
            (None, cookie) => ExtractSource::Cookie(
                cookie.as_ref().map(|cookie| cookie.get_ref().clone()).unwrap_or_default(),
            ),
        })
    }
}
