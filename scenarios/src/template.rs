//! Texts with placeholders: parsed once, rendered for each request.
//!
//! `{name}`, `{name:04}`, `{user}`, `{journey}`, `{random:1..500}`, and `{{`, `}}` for the braces themselves.

use std::fmt::Write as _;
use std::sync::Arc;

use rand::RngExt as _;

use crate::values::{Value, VarId, VarSource, Visit};

/// How a placeholder's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Raw,
    /// Percent-encoded as part of a path or query, but for a placeholder that stands first: that is a link.
    Path,
}

/// A text with placeholders.
#[derive(Debug, Clone)]
pub struct Template {
    source: Arc<str>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    Slot(Slot),
}

#[derive(Debug, Clone)]
struct Slot {
    kind: SlotKind,
    width: usize,
}

#[derive(Debug, Clone)]
enum SlotKind {
    Var { id: VarId, anew: Option<Arc<VarSource>> },
    User,
    Journey,
    Random { first: i64, last: i64 },
}

/// A placeholder's name could not be used.
#[derive(Debug)]
pub(crate) enum BadTemplate {
    /// A brace without its partner.
    Brace,
    /// Something after the colon that is not a width, or a range that is none.
    Detail(String),
    /// A name that nothing defines.
    Unknown(String),
    /// A name whose value may be missing.
    Unsure(String),
}

/// What a name in braces means, asked from the scenario under validation.
pub(crate) enum Meaning {
    /// A variable that is always there.
    Sure(VarId, Option<Arc<VarSource>>),
    /// A value that an earlier step may not have found.
    Unsure,
    /// Nothing.
    Unknown,
}

impl Template {
    pub(crate) fn parse(source: &str, meaning: &dyn Fn(&str) -> Meaning) -> Result<Self, BadTemplate> {
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let Some((inside, after)) = after.split_once('}').filter(|_| brace == "{") else {
                return Err(BadTemplate::Brace);
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Slot(slot(inside.trim(), meaning)?));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { source: source.into(), parts })
    }

    /// As written in the file.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text, when there is no placeholder in it.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// True when a placeholder stands first: in a path, that is a link.
    pub fn starts_with_placeholder(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Slot(_)))
    }

    /// Appends the rendered text. `false` when a value is missing.
    #[must_use]
    pub fn render(&self, visit: &mut Visit, encoding: Encoding, out: &mut String) -> bool {
        for (at, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Slot(slot) => {
                    let Some(value) = slot.value(visit) else { return false };
                    let text = padded(&value, slot.width);
                    if encoding == Encoding::Path && at > 0 {
                        out.extend(url::form_urlencoded::byte_serialize(text.as_bytes()).map(|piece| {
                            // A plus means a space only in queries; percent-encoding is right everywhere.
                            if piece == "+" { "%20" } else { piece }
                        }));
                    } else {
                        out.push_str(&text);
                    }
                }
            }
        }
        true
    }

    /// The value itself, when the whole template is one placeholder without padding.
    pub fn single(&self, visit: &mut Visit) -> Option<Value> {
        match self.parts.as_slice() {
            [Part::Slot(slot)] if slot.width == 0 => slot.value(visit),
            _ => None,
        }
    }
}

impl Slot {
    fn value(&self, visit: &mut Visit) -> Option<Value> {
        match &self.kind {
            SlotKind::Var { id, anew } => visit.value(*id, anew.as_deref()).map(std::borrow::Cow::into_owned),
            SlotKind::User => Some(Value::Number(visit.user as i64)),
            SlotKind::Journey => Some(Value::Number(visit.journey as i64)),
            SlotKind::Random { first, last } => Some(Value::Number(visit.rng.random_range(*first..=*last))),
        }
    }
}

fn padded(value: &Value, width: usize) -> String {
    let text = value.text().into_owned();
    if text.len() >= width {
        return text;
    }
    let mut wide = String::with_capacity(width);
    let _ = write!(wide, "{text:0>width$}");
    wide
}

fn slot(inside: &str, meaning: &dyn Fn(&str) -> Meaning) -> Result<Slot, BadTemplate> {
    let (name, detail) = inside.split_once(':').unwrap_or((inside, ""));
    if name == "random" {
        let range = detail.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        return match range {
            Some((first, last)) if first <= last => {
                Ok(Slot { kind: SlotKind::Random { first, last }, width: 0 })
            }
            _ => Err(BadTemplate::Detail(inside.to_owned())),
        };
    }
    let width = match detail {
        "" => 0,
        digits => digits
            .parse()
            .ok()
            .filter(|width| *width <= 20)
            .ok_or_else(|| BadTemplate::Detail(inside.to_owned()))?,
    };
    let kind = match name {
        "user" => SlotKind::User,
        "journey" => SlotKind::Journey,
        _ => match meaning(name) {
            Meaning::Sure(id, anew) => SlotKind::Var { id, anew },
            Meaning::Unsure => return Err(BadTemplate::Unsure(name.to_owned())),
            Meaning::Unknown => return Err(BadTemplate::Unknown(name.to_owned())),
        },
    };
    Ok(Slot { kind, width })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meaning(name: &str) -> Meaning {
        match name {
            "word" => Meaning::Sure(VarId(0), None),
            "maybe" => Meaning::Unsure,
            _ => Meaning::Unknown,
        }
    }

    fn render(source: &str, encoding: Encoding) -> String {
        let mut visit = Visit::new(1, 7);
        visit.values.set(VarId(0), Some(Value::Text("a b/ü".into())));
        let mut out = String::new();
        let template = Template::parse(source, &meaning).expect("valid");
        assert!(template.render(&mut visit, encoding, &mut out));
        out
    }

    #[test]
    fn placeholders_are_encoded_in_paths_but_a_leading_link_is_not() {
        assert_eq!(render("/s/?q={word}&u={user:04}", Encoding::Path), "/s/?q=a%20b%2F%C3%BC&u=0007");
        assert_eq!(render("{word}", Encoding::Path), "a b/ü");
        assert_eq!(render("{{{word}}}", Encoding::Raw), "{a b/ü}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (source, expected) in [
            ("{", "Brace"),
            ("a}", "Brace"),
            ("{nobody}", "Unknown"),
            ("{maybe}", "Unsure"),
            ("{random:5..1}", "Detail"),
            ("{word:x}", "Detail"),
        ] {
            let refused = Template::parse(source, &meaning).expect_err(source);
            assert!(format!("{refused:?}").starts_with(expected), "{source}: {refused:?}");
        }
    }

    #[test]
    fn equal_seeds_draw_equal_numbers_within_bounds() {
        let draw = |seed| {
            let mut visit = Visit::new(seed, 3);
            let template = Template::parse("{random:1..500}", &meaning).expect("valid");
            (0..50)
                .map(|_| match template.single(&mut visit) {
                    Some(Value::Number(n)) => n,
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(9), draw(9));
        assert_ne!(draw(9), draw(10));
        assert!(draw(9).iter().all(|n| (1..=500).contains(n)));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_plain_text_is_kept(text in "\\PC{0,40}") {
            let parsed = Template::parse(&text, &meaning);
            if !text.contains(['{', '}']) {
                let parsed = parsed.expect("plain text");
                prop_assert_eq!(parsed.constant(), Some(text.as_str()));
            }
        }
    }
}
