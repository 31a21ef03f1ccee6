//! Validates conditions and loops: names must be defined, and every loop must end.

use toml::Spanned;

use super::{ValidationResult, Validator};
use crate::condition::{Condition, Literal, Operand, ParsedCondition};
use crate::error::suggest_nearest;
use crate::raw::RawStep;
use crate::repeat::Repeat;
use crate::values::VarId;

/// Limit of `at_most`; more repetitions in one journey are a mistake.
const MAX_REPETITIONS: i64 = 10_000;
/// Default of `at_most` for `for_each`: an extract never has more values.
const MAX_LIST_LENGTH: u32 = crate::extract::MAX_CANDIDATES as u32;

impl Validator<'_> {
    pub(super) fn validate_condition(&self, raw: &Spanned<String>, key: &str) -> ValidationResult<Condition> {
        let condition_error = |problem: String| self.error_at(&raw.span(), key, problem);
        Ok(match ParsedCondition::parse(raw.get_ref()).map_err(condition_error)? {
            ParsedCondition::Present(name) => Condition::Present(self.resolve_name(name, raw, key)?),
            ParsedCondition::Missing(name) => Condition::Missing(self.resolve_name(name, raw, key)?),
            ParsedCondition::Compared(name, comparison, literal) => {
                // A variable named `status` hides the response status.
                let operand = if name == "status" && !self.names.contains_key(name) {
                    if matches!(literal, Literal::Text(_)) {
                        return Err(condition_error(
                            "the status can only be compared with a number, e.g. status == 404".to_owned(),
                        ));
                    }
                    Operand::Status
                } else {
                    let id = self.resolve_name(name, raw, key)?;
                    if self.lists.contains(&id.0) {
                        let problem = format!("`{name}` is a list, which cannot be compared");
                        return Err(condition_error(problem));
                    }
                    Operand::Var(id)
                };
                Condition::Compared { operand, comparison, literal }
            }
        })
    }

    /// The variable of a name in a condition.
    fn resolve_name(&self, name: &str, raw: &Spanned<String>, key: &str) -> ValidationResult<VarId> {
        let Some(id) = self.names.get(name) else {
            let problem = if name == "status" {
                "the status can only be compared with a number, e.g. status == 404".to_owned()
            } else {
                format!("`{name}` is not defined before this step")
            };
            let mut diagnostic = self.error_at(&raw.span(), key, problem);
            diagnostic.suggestion = suggest_nearest(name, self.names.keys().map(String::as_str));
            return Err(diagnostic);
        };
        if self.redrawn.contains_key(&id.0) {
            let problem = format!(
                "`{name}` has pick = \"every-time\" and is chosen again at each use, so a condition cannot test it"
            );
            return Err(self.error_at(&raw.span(), key, problem));
        }
        self.used.borrow_mut().insert(id.0);
        Ok(*id)
    }

    /// How often a step runs. `for_each` defines a variable for the current element, which hides the list within the step.
    pub(super) fn validate_repeat(&mut self, raw: &RawStep) -> ValidationResult<Repeat> {
        let given = [
            raw.repeat.as_ref().map(Spanned::span),
            raw.r#while.as_ref().map(Spanned::span),
            raw.for_each.as_ref().map(Spanned::span),
        ];
        if let Some(span) = given.iter().flatten().nth(1) {
            return Err(self.error_at(
                span,
                "step.repeat",
                "a step can have only one of repeat, while and for_each",
            ));
        }
        let at_most = match &raw.at_most {
            None => None,
            Some(at_most) if (1..=MAX_REPETITIONS).contains(at_most.get_ref()) => {
                Some(*at_most.get_ref() as u32)
            }
            Some(at_most) => {
                let problem = format!("must be a whole number from 1 to {MAX_REPETITIONS}");
                return Err(self.error_at(&at_most.span(), "step.at_most", problem));
            }
        };
        if let Some(raw_while) = &raw.r#while {
            let condition = self.validate_condition(raw_while, "step.while")?;
            let Some(at_most) = at_most else {
                let problem =
                    "needs at_most, so that a response of the site cannot keep the loop running forever";
                return Err(self.error_at(&raw_while.span(), "step.while", problem));
            };
            return Ok(Repeat::While { condition, at_most });
        }
        if let Some(name) = &raw.for_each {
            return self.validate_for_each(name, at_most);
        }
        if let Some(at_most) = &raw.at_most {
            return Err(self.error_at(
                &at_most.span(),
                "step.at_most",
                "is only allowed together with while or for_each",
            ));
        }
        match &raw.repeat {
            None => Ok(Repeat::ONCE),
            Some(times) => self.validate_times(times),
        }
    }

    fn validate_for_each(
        &mut self,
        name: &Spanned<String>,
        at_most: Option<u32>,
    ) -> ValidationResult<Repeat> {
        let list = self.names.get(name.get_ref()).copied().filter(|id| self.lists.contains(&id.0));
        let Some(list) = list else {
            let problem =
                format!("no step before this one extracts `{}` with pick = \"all\"", name.get_ref());
            let mut diagnostic = self.error_at(&name.span(), "step.for_each", problem);
            let lists = self.names.iter().filter(|(_, id)| self.lists.contains(&id.0));
            diagnostic.suggestion = suggest_nearest(name.get_ref(), lists.map(|(name, _)| name.as_str()));
            return Err(diagnostic);
        };
        let element = self.new_var();
        self.element = Some((name.get_ref().clone(), element));
        Ok(Repeat::Each { list, element, at_most: at_most.unwrap_or(MAX_LIST_LENGTH) })
    }

    fn validate_times(&self, raw: &Spanned<toml::Value>) -> ValidationResult<Repeat> {
        const MAX_TIMES: i64 = 1_000_000;
        let bounds = match raw.get_ref() {
            toml::Value::Integer(times) => Some((*times, *times)).filter(|(times, _)| *times >= 1),
            toml::Value::Table(table) if table.len() == 2 => {
                let bound = |key: &str| table.get(key).and_then(toml::Value::as_integer);
                bound("min").zip(bound("max")).filter(|(min, max)| *min >= 0 && *max >= 1 && min <= max)
            }
            _ => None,
        };
        match bounds {
            Some((min, max)) if max <= MAX_TIMES => Ok(Repeat::Times { min: min as u32, max: max as u32 }),
            _ => Err(self.error_at(
                &raw.span(),
                "step.repeat",
                format!(
                    "must be a whole number from 1 to {MAX_TIMES}, or {{ min, max }} with the smaller first (min may be 0)"
                ),
            )),
        }
    }
}
