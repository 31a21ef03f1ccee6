//! The judgement of texts with placeholders: each name must be known, and its value sure to be there.

use std::ops::Range;

use toml::Spanned;

use super::{Judge, Judged};
use crate::refusal::{Refusal, nearest};
use crate::secret::Secret;
use crate::template::{BadTemplate, Meaning, Template};

impl Judge<'_> {
    pub(super) fn template(&self, raw: &Spanned<String>, key: &str) -> Judged<Template> {
        self.template_text(raw.get_ref(), &raw.span(), key)
    }

    pub(super) fn template_text(&self, source: &str, span: &Range<usize>, key: &str) -> Judged<Template> {
        let meaning = |name: &str| {
            if let Some(variable) = name.strip_prefix("env:") {
                return self.environment(variable, key);
            }
            if let Some((_, element)) = self.element.as_ref().filter(|(list, _)| list == name) {
                return Meaning::Sure(*element, None);
            }
            match self.names.get(name) {
                Some(id) if self.lists.contains(&id.0) => Meaning::List,
                Some(id) if self.sure.contains(&id.0) => {
                    self.used.borrow_mut().insert(id.0);
                    Meaning::Sure(*id, self.anew.get(&id.0).cloned())
                }
                Some(_) => Meaning::Unsure,
                None => Meaning::Unknown,
            }
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
            BadTemplate::Environment(why) => {
                let mut refusal = self.refuse(span, key, why);
                refusal.example = "auth = { bearer = \"{env:SHOP_TOKEN}\" }".into();
                refusal
            }
            BadTemplate::List(name) => {
                let problem = format!("`{name}` is all that was found, not one value");
                let mut refusal = self.refuse(span, key, problem);
                refusal.example = format!("for_each = \"{name}\"");
                refusal
            }
            BadTemplate::Unknown(name) => self.unknown(&name, span, key),
        })
    }

    /// The value of a variable. It is in no message, and what keeps addresses does not get to see it.
    fn environment(&self, variable: &str, key: &str) -> Meaning {
        if key == "step.path" {
            return Meaning::Refused(format!(
                "`{variable}` would be in the address, and so in logs and reports; send it in a header, in auth or in the body"
            ));
        }
        match self.surroundings.variable(variable) {
            Ok(value) => {
                self.secrets.borrow_mut().insert(Secret::new(&value));
                Meaning::Text(value)
            }
            Err(why) => Meaning::Refused(why),
        }
    }

    fn unknown(&self, name: &str, span: &Range<usize>, key: &str) -> Box<Refusal> {
        let feed = name.split_once('.').map_or(name, |(feed, _)| feed);
        let columns: Vec<&str> = self.columns(feed).collect();
        let problem = if columns.is_empty() {
            format!("nothing before this step defines `{name}`: neither [vars], [feeds] nor an extract")
        } else {
            let shown: Vec<&str> = columns.iter().take(12).copied().collect();
            format!("feed `{feed}` has no column of this name; its columns are {}", shown.join(", "))
        };
        let mut refusal = self.refuse(span, key, problem);
        let ready = ["user", "journey", "random"];
        refusal.suggestion = nearest(name, self.names.keys().map(String::as_str).chain(ready));
        refusal
    }

    /// Columns of the feed of this name.
    fn columns<'b>(&'b self, feed: &'b str) -> impl Iterator<Item = &'b str> {
        self.names.keys().filter_map(move |name| name.strip_prefix(feed)?.strip_prefix('.'))
    }
}
