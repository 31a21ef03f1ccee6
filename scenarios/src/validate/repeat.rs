//! The judgement of conditions and loops: names must be defined, and every loop must end.

use toml::Spanned;

use super::{Judge, Judged};
use crate::condition::{Condition, Literal, Operand, Written};
use crate::raw::RawStep;
use crate::refusal::nearest;
use crate::rounds::Repeat;
use crate::values::VarId;

/// More rounds of a loop are a mistake: a journey is one visitor's.
const MOST_ROUNDS: i64 = 10_000;
/// An extract holds no more values than this.
const LONGEST_LIST: u32 = crate::extract::MAX_CANDIDATES as u32;

impl Judge<'_> {
    pub(super) fn condition(&self, raw: &Spanned<String>, key: &str) -> Judged<Condition> {
        let refuse = |problem: String| self.refuse(&raw.span(), key, problem);
        Ok(match Written::read(raw.get_ref()).map_err(refuse)? {
            Written::There(name) => Condition::There(self.asked(name, raw, key)?),
            Written::Missing(name) => Condition::Missing(self.asked(name, raw, key)?),
            Written::Compared(name, order, with) => {
                // A value of one's own of that name comes first.
                let what = if name == "status" && !self.names.contains_key(name) {
                    if matches!(with, Literal::Text(_)) {
                        return Err(refuse("the status is compared with a number".to_owned()));
                    }
                    Operand::Status
                } else {
                    let id = self.asked(name, raw, key)?;
                    if self.lists.contains(&id.0) {
                        let problem = format!("`{name}` is a list, and cannot be compared");
                        return Err(refuse(problem));
                    }
                    Operand::Var(id)
                };
                Condition::Compared { what, order, with }
            }
        })
    }

    /// The number of a name in a condition.
    fn asked(&self, name: &str, raw: &Spanned<String>, key: &str) -> Judged<VarId> {
        let Some(id) = self.names.get(name) else {
            let problem = if name == "status" {
                "the status is compared with a number, e.g. status == 404".to_owned()
            } else {
                format!("nothing before this step defines `{name}`")
            };
            let mut refusal = self.refuse(&raw.span(), key, problem);
            refusal.suggestion = nearest(name, self.names.keys().map(String::as_str));
            return Err(refusal);
        };
        if self.anew.contains_key(&id.0) {
            let problem =
                format!("`{name}` is chosen anew at each use, so there is nothing to ask about beforehand");
            return Err(self.refuse(&raw.span(), key, problem));
        }
        self.used.borrow_mut().insert(id.0);
        Ok(*id)
    }

    /// How often a step is done. A loop over a list makes a value of its own, which stands for the list within the step.
    pub(super) fn repeat(&mut self, raw: &RawStep) -> Judged<Repeat> {
        let given = [
            raw.repeat.as_ref().map(Spanned::span),
            raw.r#while.as_ref().map(Spanned::span),
            raw.for_each.as_ref().map(Spanned::span),
        ];
        if let Some(span) = given.iter().flatten().nth(1) {
            return Err(self.refuse(span, "step.repeat", "a step has one of repeat, while and for_each"));
        }
        let at_most = match &raw.at_most {
            None => None,
            Some(at_most) if (1..=MOST_ROUNDS).contains(at_most.get_ref()) => Some(*at_most.get_ref() as u32),
            Some(at_most) => {
                let problem = format!("must be a whole number from 1 to {MOST_ROUNDS}");
                return Err(self.refuse(&at_most.span(), "step.at_most", problem));
            }
        };
        if let Some(raw_while) = &raw.r#while {
            let condition = self.condition(raw_while, "step.while")?;
            let Some(at_most) = at_most else {
                let problem = "needs at_most beside it: what a site says must not keep a visitor for ever";
                return Err(self.refuse(&raw_while.span(), "step.while", problem));
            };
            return Ok(Repeat::While { condition, at_most });
        }
        if let Some(name) = &raw.for_each {
            return self.for_each(name, at_most);
        }
        if let Some(at_most) = &raw.at_most {
            return Err(self.refuse(&at_most.span(), "step.at_most", "goes with while and for_each only"));
        }
        match &raw.repeat {
            None => Ok(Repeat::ONCE),
            Some(times) => self.times(times),
        }
    }

    fn for_each(&mut self, name: &Spanned<String>, at_most: Option<u32>) -> Judged<Repeat> {
        let list = self.names.get(name.get_ref()).copied().filter(|id| self.lists.contains(&id.0));
        let Some(list) = list else {
            let problem = format!("no step before this one takes `{}` with pick = \"all\"", name.get_ref());
            let mut refusal = self.refuse(&name.span(), "step.for_each", problem);
            let lists = self.names.iter().filter(|(_, id)| self.lists.contains(&id.0));
            refusal.suggestion = nearest(name.get_ref(), lists.map(|(name, _)| name.as_str()));
            return Err(refusal);
        };
        let element = self.next_id();
        self.element = Some((name.get_ref().clone(), element));
        Ok(Repeat::Each { list, element, at_most: at_most.unwrap_or(LONGEST_LIST) })
    }

    fn times(&self, raw: &Spanned<toml::Value>) -> Judged<Repeat> {
        const MOST: i64 = 1_000_000;
        let bounds = match raw.get_ref() {
            toml::Value::Integer(times) => Some((*times, *times)).filter(|(times, _)| *times >= 1),
            toml::Value::Table(table) if table.len() == 2 => {
                let bound = |key: &str| table.get(key).and_then(toml::Value::as_integer);
                bound("min").zip(bound("max")).filter(|(min, max)| *min >= 0 && *max >= 1 && min <= max)
            }
            _ => None,
        };
        match bounds {
            Some((min, max)) if max <= MOST => Ok(Repeat::Times { min: min as u32, max: max as u32 }),
            _ => Err(self.refuse(
                &raw.span(),
                "step.repeat",
                format!(
                    "must be a whole number from 1 to {MOST}, or {{ min, max }} with the smaller first (min from 0)"
                ),
            )),
        }
    }
}
