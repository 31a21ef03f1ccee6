//! Validates texts with placeholders: each name must be defined, and its value must be guaranteed to exist.

use std::ops::Range;

use toml::Spanned;

use super::{ValidationResult, Validator};
use crate::error::{Diagnostic, suggest_nearest};
use crate::secret::Secret;
use crate::template::{NameLookup, Template, TemplateError};

impl Validator<'_> {
    pub(super) fn parse_template(&self, raw: &Spanned<String>, key: &str) -> ValidationResult<Template> {
        self.parse_template_text(raw.get_ref(), &raw.span(), key)
    }

    pub(super) fn parse_template_text(
        &self,
        source: &str,
        span: &Range<usize>,
        key: &str,
    ) -> ValidationResult<Template> {
        let lookup = |name: &str| {
            if let Some(variable) = name.strip_prefix("env:") {
                return self.lookup_environment(variable, key);
            }
            if let Some((_, element)) = self.element.as_ref().filter(|(list, _)| list == name) {
                return NameLookup::Guaranteed(*element, None);
            }
            match self.names.get(name) {
                Some(id) if self.lists.contains(&id.0) => NameLookup::List,
                Some(id) if self.guaranteed.contains(&id.0) => {
                    self.used.borrow_mut().insert(id.0);
                    NameLookup::Guaranteed(*id, self.redrawn.get(&id.0).cloned())
                }
                Some(_) => NameLookup::MayBeMissing,
                None => NameLookup::Unknown,
            }
        };
        Template::parse(source, &lookup).map_err(|error| match error {
            TemplateError::UnmatchedBrace => {
                self.error_at(span, key, "unmatched brace; write {{ or }} for a literal brace")
            }
            TemplateError::InvalidFormat(inside) => self.error_at(
                span,
                key,
                format!(
                    "{{{inside}}} is neither a width like {{user:04}} nor a range like {{random:1..500}}"
                ),
            ),
            TemplateError::MayBeMissing(name) => {
                let mut diagnostic = self.error_at(
                    span,
                    key,
                    format!("`{name}` may be missing here, because the step or extract that sets it is optional; add the condition below to this step"),
                );
                diagnostic.example = format!("when = \"{name}\"");
                diagnostic
            }
            TemplateError::Environment(why) => {
                let mut diagnostic = self.error_at(span, key, why);
                diagnostic.example = "auth = { bearer = \"{env:SHOP_TOKEN}\" }".into();
                diagnostic
            }
            TemplateError::List(name) => {
                let problem = format!("`{name}` is a list, not one value; loop over it with for_each");
                let mut diagnostic = self.error_at(span, key, problem);
                diagnostic.example = format!("for_each = \"{name}\"");
                diagnostic
            }
            TemplateError::Unknown(name) => self.unknown_name(&name, span, key),
        })
    }

    /// The value of an environment variable. No message contains it, and paths, which are stored, must not use it.
    fn lookup_environment(&self, variable: &str, key: &str) -> NameLookup {
        if key == "step.path" {
            return NameLookup::Forbidden(format!(
                "`{variable}` must not be in the path, because logs and reports contain paths; send it in a header, in auth or in the body"
            ));
        }
        match self.env.read_variable(variable) {
            Ok(value) => {
                self.secrets.borrow_mut().insert(Secret::new(&value));
                NameLookup::Text(value)
            }
            Err(why) => NameLookup::Forbidden(why),
        }
    }

    fn unknown_name(&self, name: &str, span: &Range<usize>, key: &str) -> Box<Diagnostic> {
        let feed = name.split_once('.').map_or(name, |(feed, _)| feed);
        let columns: Vec<&str> = self.feed_columns(feed).collect();
        let problem = if columns.is_empty() {
            format!(
                "`{name}` is not defined before this step, neither in [vars] or [feeds] nor by an extract"
            )
        } else {
            let shown: Vec<&str> = columns.iter().take(12).copied().collect();
            format!("feed `{feed}` has no column of this name; its columns are {}", shown.join(", "))
        };
        let mut diagnostic = self.error_at(span, key, problem);
        let built_in = ["user", "journey", "random"];
        diagnostic.suggestion = suggest_nearest(name, self.names.keys().map(String::as_str).chain(built_in));
        diagnostic
    }

    /// The column names of a feed; empty when there is no such feed.
    fn feed_columns<'b>(&'b self, feed: &'b str) -> impl Iterator<Item = &'b str> {
        self.names.keys().filter_map(move |name| name.strip_prefix(feed)?.strip_prefix('.'))
    }
}
