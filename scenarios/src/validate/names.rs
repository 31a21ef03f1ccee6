//! The judgement of names: variables and where their values come from.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::{Judge, Judged};
use crate::raw::{RawScenario, RawVar};
use crate::source::{Choices, Pick, VarSource};
use crate::values::{Value, VarId};

impl Judge<'_> {
    pub(super) fn sources(&mut self, raw: &RawScenario, in_order: bool) -> Judged<Vec<(VarId, VarSource)>> {
        let mut sources = Vec::new();
        for (name, var) in &raw.vars {
            let source = self.source(name, var)?;
            let id = self.id(name, &var.span(), "vars")?;
            if source.pick == Pick::EveryTime {
                self.anew.insert(id.0, Arc::new(source.clone()));
            }
            // In any order, a step that takes it away may stand before every other.
            if in_order || !self.shaky.contains(name) {
                self.sure.insert(id.0);
            }
            sources.push((id, source));
        }
        Ok(sources)
    }

    /// The number of a name; the same name has the same number.
    pub(super) fn id(&mut self, name: &str, span: &Range<usize>, key: &str) -> Judged<VarId> {
        self.named_well(name, span, key)?;
        if let Some(known) = self.names.get(name) {
            return Ok(*known);
        }
        let id = self.next_id();
        self.names.insert(name.to_owned(), id);
        Ok(id)
    }

    pub(super) fn next_id(&mut self) -> VarId {
        let id = VarId(self.ids);
        self.ids = self.ids.saturating_add(1);
        id
    }

    pub(super) fn named_well(&self, name: &str, span: &Range<usize>, key: &str) -> Judged<()> {
        let reserved = ["user", "journey", "random"].contains(&name);
        let fit = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if reserved || !fit {
            let why =
                if reserved { "is a ready-made placeholder" } else { "must be letters, digits, _ and -" };
            return Err(self.refuse(span, &format!("{key}.{name}"), format!("the name `{name}` {why}")));
        }
        Ok(())
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
}
