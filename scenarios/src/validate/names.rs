//! Validates `[vars]` and the names of variables.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::{ValidationResult, Validator};
use crate::raw::{RawScenario, RawVar};
use crate::source::{Choices, VarPick, VarSource};
use crate::value::Value;
use crate::values::VarId;

impl Validator<'_> {
    pub(super) fn validate_vars(
        &mut self,
        raw: &RawScenario,
        in_order: bool,
    ) -> ValidationResult<Vec<(VarId, VarSource)>> {
        let mut sources = Vec::new();
        for (name, var) in &raw.vars {
            let source = self.validate_var(name, var)?;
            let id = self.intern_name(name, &var.span(), "vars")?;
            if source.pick == VarPick::EveryTime {
                self.redrawn.insert(id.0, Arc::new(source.clone()));
            }
            // In random order, a step that removes the value may run before every other step.
            if in_order || !self.removable.contains(name) {
                self.guaranteed.insert(id.0);
            }
            sources.push((id, source));
        }
        Ok(sources)
    }

    /// The variable of a name; the same name always has the same variable.
    pub(super) fn intern_name(
        &mut self,
        name: &str,
        span: &Range<usize>,
        key: &str,
    ) -> ValidationResult<VarId> {
        self.check_name(name, span, key)?;
        if let Some(known) = self.names.get(name) {
            return Ok(*known);
        }
        let id = self.new_var();
        self.names.insert(name.to_owned(), id);
        Ok(id)
    }

    pub(super) fn new_var(&mut self) -> VarId {
        let id = VarId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        id
    }

    pub(super) fn check_name(&self, name: &str, span: &Range<usize>, key: &str) -> ValidationResult<()> {
        let reserved = ["user", "journey", "random"].contains(&name);
        let is_valid =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if reserved || !is_valid {
            let why = if reserved {
                "is a built-in placeholder"
            } else {
                "must consist of letters, digits, _ and -"
            };
            return Err(self.error_at(span, &format!("{key}.{name}"), format!("the name `{name}` {why}")));
        }
        Ok(())
    }

    fn validate_var(&self, name: &str, raw: &Spanned<RawVar>) -> ValidationResult<VarSource> {
        let var = raw.get_ref();
        let pick = match &var.pick {
            None => VarPick::Random,
            Some(pick) => self.parse_choice(
                pick,
                "pick",
                &[
                    ("random", VarPick::Random),
                    ("every-time", VarPick::EveryTime),
                    ("in-turn", VarPick::InTurn),
                    ("per-user", VarPick::PerUser),
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
                            return Err(self.error_at(
                                &item.span(),
                                "list",
                                "must contain only texts and whole numbers",
                            ));
                        }
                    });
                }
                Choices::List(values)
            }
            (None, Some(range)) => match *range.get_ref() {
                [first, last] if first <= last => Choices::Range(first, last),
                _ => {
                    return Err(self.error_at(
                        &range.span(),
                        "range",
                        "must be [first, last] with the smaller first",
                    ));
                }
            },
            _ => {
                let mut diagnostic = self.error_at(
                    &raw.span(),
                    &format!("vars.{name}"),
                    "needs exactly one of list (not empty) and range",
                );
                diagnostic.example = "range = [1, 20]".into();
                return Err(diagnostic);
            }
        };
        Ok(VarSource { values, pick })
    }
}
