//! Texts with placeholders: parsed once, rendered for each request.
//!
//! `{name}`, `{name:04}`, `{user}`, `{journey}`, `{random:1..500}`, `{env:NAME}`, and `{{`, `}}` for the braces themselves.
//! Shown for debugging it is as written in the file: what came from the environment is not shown.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rand::RngExt as _;

use crate::source::VarSource;
use crate::values::{Value, VarId, Visit};

/// How a placeholder's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Raw,
    /// Percent-encoded as part of a path or query, but for a placeholder that stands first: that is a link.
    Path,
}

/// A text with placeholders.
#[derive(Clone)]
pub struct Template {
    source: Arc<str>,
    parts: Vec<Part>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

#[derive(Clone)]
enum Part {
    Literal(String),
    Slot(Slot),
    /// User and password of basic authentication.
    Basic(Box<(Template, Template)>),
}

impl Part {
    fn literals(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Literal(text) => Box::new(std::iter::once(text.as_str())),
            Self::Slot(_) => Box::new(std::iter::empty()),
            Self::Basic(both) => Box::new(both.0.literals().chain(both.1.literals())),
        }
    }
}

#[derive(Clone)]
struct Slot {
    kind: SlotKind,
    width: usize,
}

#[derive(Clone)]
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
    /// A name of many values.
    List(String),
    /// What may not come from the environment, and why.
    Environment(String),
}

/// What a name in braces means, asked from the scenario under validation.
pub(crate) enum Meaning {
    /// A variable that is always there.
    Sure(VarId, Option<Arc<VarSource>>),
    /// A value that an earlier step may not have found.
    Unsure,
    /// Many values at once.
    List,
    /// A text that is known already.
    Text(String),
    /// Nothing that may be used here, and why.
    Refused(String),
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
            rest = after;
            if inside.trim().starts_with(ENVIRONMENT) {
                literal.push_str(&environment(inside.trim(), meaning)?);
                continue;
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Slot(slot(inside.trim(), meaning)?));
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { source: source.into(), parts })
    }

    /// `Basic` and user and password as RFC 7617 packs them.
    pub(crate) fn basic(user: Self, password: Self) -> Self {
        let part = match (user.constant(), password.constant()) {
            (Some(user), Some(password)) => Part::Literal(basic(user, password)),
            _ => Part::Basic(Box::new((user, password))),
        };
        Self { source: "basic authentication".into(), parts: vec![part] }
    }

    /// The texts between placeholders, and those of the environment.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(Part::literals)
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
                Part::Basic(both) => {
                    let (mut user, mut password) = (String::new(), String::new());
                    if !both.0.render(visit, Encoding::Raw, &mut user)
                        || !both.1.render(visit, Encoding::Raw, &mut password)
                    {
                        return false;
                    }
                    out.push_str(&basic(&user, &password));
                }
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

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// Begins placeholders of the environment.
const ENVIRONMENT: &str = "env:";

fn environment(inside: &str, meaning: &dyn Fn(&str) -> Meaning) -> Result<String, BadTemplate> {
    match meaning(inside) {
        Meaning::Text(text) => Ok(text),
        Meaning::Refused(why) => Err(BadTemplate::Environment(why)),
        _ => Err(BadTemplate::Unknown(inside.to_owned())),
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
            Meaning::List => return Err(BadTemplate::List(name.to_owned())),
            Meaning::Text(_) | Meaning::Refused(_) | Meaning::Unknown => {
                return Err(BadTemplate::Unknown(name.to_owned()));
            }
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
            "env:KEY" => Meaning::Text("s3{cret}".into()),
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
    fn what_comes_from_the_environment_is_a_text_and_is_not_shown() {
        assert_eq!(render("a {env:KEY} b", Encoding::Raw), "a s3{cret} b");
        let template = Template::parse("a {env:KEY}", &meaning).expect("valid");
        assert_eq!(template.constant(), Some("a s3{cret}"));
        assert_eq!(format!("{template:?}"), "Template(\"a {env:KEY}\")");
        assert!(matches!(Template::parse("{env:NONE}", &meaning), Err(BadTemplate::Unknown(_))));
    }

    #[test]
    fn basic_authentication_is_packed_as_the_standard_says() {
        // The example of RFC 7617 §2.
        let parse = |text: &str| Template::parse(text, &meaning).expect("valid");
        let fixed = Template::basic(parse("Aladdin"), parse("open sesame"));
        assert_eq!(fixed.constant(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        let varying = Template::basic(parse("reader{user:04}"), parse("{env:KEY}"));
        assert_eq!(varying.constant(), None);
        let (mut visit, mut out) = (Visit::new(1, 7), String::new());
        assert!(varying.render(&mut visit, Encoding::Raw, &mut out));
        assert_eq!(out, basic("reader0007", "s3{cret}"));
        assert!(!format!("{varying:?}").contains("s3"));
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
